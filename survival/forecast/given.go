package forecast

import (
	"context"
	"math"
	"slices"
	"sort"

	"everfold/survival"
)

// Given visits every row of x as Forecaster.Rows does, with what the model says of somebody who
// is still active at given[i] ≥ 0: horizons and restriction count from there. Values beyond the
// last time are NaN as there, and all are where S(given[i]) is 0 or itself beyond it. At 0 the
// values are those of Rows, bit by bit; they never depend on the other rows of x. Times are
// evaluated for all rows, so few different values of given, or close ones, are cheaper. It panics
// where given is of another length, or negative.
func Given(ctx context.Context, opt Options, m survival.Model, x *survival.Design, given []float64, visit func(i int, r Row) error) error {
	opt.check()
	if len(given) != x.Rows {
		panic("forecast: given and design differ in length")
	}
	p := newGiven(opt, given)
	r := Row{Survival: make([]float64, len(opt.Horizons))}
	return m.Survival(ctx, x, p.times, func(i int, s []float64) error {
		p.read(given[i], s, &r)
		return visit(i, r)
	})
}

// givenPlan is where curves are evaluated for a set of times given.
type givenPlan struct {
	Options
	times      []float64 // ascending
	from, to   []float64 // of the cells, ascending
	cellMiddle []int     // places in times
}

func newGiven(opt Options, given []float64) *givenPlan {
	p := &givenPlan{Options: opt}
	distinct := slices.Clone(given)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	if len(distinct) > 0 && !(distinct[0] >= 0) {
		panic("forecast: a given time is negative or NaN")
	}
	for _, c := range distinct {
		if !p.reaches(c) {
			continue
		}
		p.times = append(p.times, c)
		for _, h := range p.Horizons {
			if p.known(c + h) {
				p.times = append(p.times, c+h)
			}
		}
		if p.known(c + p.Restriction) {
			p.addCells(c)
		}
	}
	middles := make([]float64, len(p.from))
	for k := range middles {
		middles[k] = p.from[k] + (p.to[k]-p.from[k])/2
	}
	p.times = append(p.times, middles...)
	slices.Sort(p.times)
	p.times = slices.Compact(p.times)
	for _, t := range middles {
		p.cellMiddle = append(p.cellMiddle, p.place(t))
	}
	return p
}

// mostRestrictions bounds given times in units of the restriction: beyond, a cell's ends are
// not different numbers any more.
const mostRestrictions = 1e9

func (p *givenPlan) reaches(c float64) bool { return p.known(c) && c <= mostRestrictions*p.Restriction }

// addCells appends the cells that meet c…c+τ and are not there yet, c being no smaller than those
// before. The cells are those of partition, continued without end, so that they are the same
// whatever else is given.
func (p *givenPlan) addCells(c float64) {
	width := p.Restriction / Cells
	first, last := int64(c/width)-1, int64((c+p.Restriction)/width)+2
	start := max(0, p.Restriction*float64(max(0, first))/Cells)
	if n := len(p.to); n > 0 {
		start = max(start, p.to[n-1])
	}
	end := p.Restriction * float64(last) / Cells
	steps := p.Steps[sort.SearchFloat64s(p.Steps, start):]
	ends := slices.Clone(steps[:sort.SearchFloat64s(steps, end)])
	for k := max(1, first); k <= last; k++ {
		ends = append(ends, p.Restriction*float64(k)/Cells)
	}
	slices.Sort(ends)
	for _, e := range slices.Compact(ends) {
		if e > start {
			p.from, p.to = append(p.from, start), append(p.to, e)
			start = e
		}
	}
}

func (p *givenPlan) place(t float64) int { return sort.SearchFloat64s(p.times, t) }

// read takes a row's values off its curve.
func (p *givenPlan) read(c float64, s []float64, r *Row) {
	for k := range r.Survival {
		r.Survival[k] = math.NaN()
	}
	r.RMST = math.NaN()
	if !p.reaches(c) {
		return
	}
	active := s[p.place(c)]
	if !(active > 0) {
		return
	}
	for k, h := range p.Horizons {
		if p.known(c + h) {
			r.Survival[k] = s[p.place(c+h)] / active
		}
	}
	if !p.known(c + p.Restriction) {
		return
	}
	r.RMST = 0
	end := c + p.Restriction
	for k := sort.Search(len(p.to), func(k int) bool { return p.to[k] > c }); k < len(p.to) && p.from[k] < end; k++ {
		r.RMST += float64(s[p.cellMiddle[k]] * (min(p.to[k], end) - max(p.from[k], c)))
	}
	r.RMST /= active
}
