package forecast

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
)

// Cells is the least number of cells of the integral; none is wider than τ/Cells.
const Cells = 512

// MostSteps is the number of step times to which Thin reduces those of a large table.
const MostSteps = 512

// Options say what is wanted of which curves.
type Options struct {
	Horizons    []float64 // positive and finite, in any order
	Restriction float64   // τ: positive and finite
	Steps       []float64 // times at which curves may step, ascending
	Last        float64   // the last observed time of the training rows
	Extrapolate bool      // the model is a law of all times: values beyond Last count
}

// Row is what a model says of one row; NaN where nothing is known.
type Row struct {
	Survival []float64 // at the horizons
	RMST     float64
}

// Forecaster computes rows. It is immutable and safe for concurrent use.
type Forecaster struct {
	times    []float64 // where curves are evaluated, ascending
	horizons []int     // places of the horizons in times, −1 for undefined
	cells    []int     // places of the midpoints of the cells; nil where the mean is undefined
	widths   []float64
}

// New plans the evaluation. It panics where a horizon or the restriction is not a positive
// finite number.
func New(opt Options) *Forecaster {
	opt.check()
	f := &Forecaster{horizons: make([]int, len(opt.Horizons))}
	var middles []float64
	if opt.known(opt.Restriction) {
		middles, f.widths = partition(opt.Restriction, opt.Steps)
	}
	f.times = slices.Clone(middles)
	for _, h := range opt.Horizons {
		if opt.known(h) {
			f.times = append(f.times, h)
		}
	}
	slices.Sort(f.times)
	f.times = slices.Compact(f.times)
	for i, h := range opt.Horizons {
		f.horizons[i] = -1
		if opt.known(h) {
			f.horizons[i], _ = slices.BinarySearch(f.times, h)
		}
	}
	for _, t := range middles {
		at, _ := slices.BinarySearch(f.times, t)
		f.cells = append(f.cells, at)
	}
	return f
}

// check panics where a horizon or the restriction is not a positive finite number.
func (o Options) check() {
	for _, h := range append(slices.Clone(o.Horizons), o.Restriction) {
		if !(h > 0) || math.IsInf(h, 1) {
			panic("forecast: a horizon or the restriction is not a positive finite number")
		}
	}
}

// known says whether anything is known at t.
func (o Options) known(t float64) bool { return t <= o.Last || o.Extrapolate }

// partition divides 0…τ at the steps, and evenly, so that no cell is wider than τ/Cells
// however early the steps are; it gives the middle and the width of every cell.
func partition(tau float64, steps []float64) (middles, widths []float64) {
	within, _ := slices.BinarySearch(steps, tau)
	ends := append(slices.Clone(steps[:within]), tau)
	for k := 1; k < Cells; k++ {
		ends = append(ends, tau*float64(k)/Cells)
	}
	slices.Sort(ends)
	from := 0.0
	for _, to := range slices.Compact(ends) {
		if to > from {
			middles, widths = append(middles, from+(to-from)/2), append(widths, to-from)
			from = to
		}
	}
	return middles, widths
}

// Rows visits every row of x, in ascending order; the row is reused between calls. Errors
// are the model's and visit's.
func (f *Forecaster) Rows(ctx context.Context, m survival.Model, x *survival.Design, visit func(i int, r Row) error) error {
	r := Row{Survival: make([]float64, len(f.horizons))}
	return m.Survival(ctx, x, f.times, func(i int, s []float64) error {
		for k, at := range f.horizons {
			r.Survival[k] = math.NaN()
			if at >= 0 {
				r.Survival[k] = s[at]
			}
		}
		r.RMST = math.NaN()
		if f.cells != nil {
			r.RMST = 0
			for k, at := range f.cells {
				r.RMST += float64(s[at] * f.widths[k])
			}
		}
		return visit(i, r)
	})
}

// Thin keeps at most MostSteps of ascending times, evenly spread over their ranks, the
// first and the last among them. A curve that steps at all of them is then integrated with
// an error of at most Σ ½·Δt·ΔS over the cells.
func Thin(times []float64) []float64 {
	n := len(times)
	if n <= MostSteps {
		return slices.Clone(times)
	}
	out := make([]float64, MostSteps)
	for k := range out {
		out[k] = times[k*(n-1)/(MostSteps-1)]
	}
	return out
}
