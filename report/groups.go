package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// riskGroup is rows of like predicted risk, and how they fared.
type riskGroup struct {
	rows, events int
	curve, sigma survival.StepFunction
	predicted    []float64 // mean predicted survival at the horizons; NaN where none was predicted
	times        []float64 // observed, ascending: who is at risk when
}

// riskGroups cuts each fold's test rows by predicted risk into groups of equal size: risks of
// different folds' models are not on one scale. Equal risks stay together.
func (b *builder) riskGroups(p *predicted) []riskGroup {
	count := 4
	if b.Outcome.Len() < 200 {
		count = 3
	}
	members := make([][]int, count) // places in p
	byFold := map[int][]int{}
	var folds []int
	for i, fold := range p.folds {
		if byFold[fold] == nil {
			folds = append(folds, fold)
		}
		byFold[fold] = append(byFold[fold], i)
	}
	for _, fold := range folds {
		order := byFold[fold]
		slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(p.risk[i], p.risk[j]), i-j) })
		for from := 0; from < len(order); {
			to := from + 1
			for to < len(order) && p.risk[order[to]] == p.risk[order[from]] {
				to++
			}
			g := min(count-1, (from+to-1)*count/(2*len(order)))
			members[g] = append(members[g], order[from:to]...)
			from = to
		}
	}
	var out []riskGroup
	for _, places := range members {
		if len(places) > 0 {
			out = append(out, b.group(p, places))
		}
	}
	return out
}

func (b *builder) group(p *predicted, places []int) riskGroup {
	slices.Sort(places)
	rows := make([]int, len(places))
	for k, i := range places {
		rows[k] = p.rows[i]
	}
	y := b.Outcome.Take(rows)
	g := riskGroup{rows: len(rows), events: y.Events(), times: slices.Sorted(slices.Values(y.Time))}
	g.curve, g.sigma = nonparam.KaplanMeierError(y)
	for _, surv := range p.surv {
		sum, weight := 0.0, 0.0
		for k, i := range places {
			if !math.IsNaN(surv[i]) {
				sum, weight = sum+surv[i]*y.W(k), weight+y.W(k)
			}
		}
		g.predicted = append(g.predicted, sum/weight)
	}
	return g
}

// stratification shows how rows fared that were predicted to be at different risk.
func (b *builder) stratification(ctx context.Context, h *held) (section, error) {
	s := section{ID: "groups", Title: "Survival by predicted risk"}
	if h == nil || len(h.groups) == 0 {
		s.Blocks = append(s.Blocks, block{Text: "There are no out-of-fold predictions to group rows by: the run writes them after its final model."})
		return s, nil
	}
	f := b.fates(h.groups)
	drawn, err := b.draw(ctx, f)
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks,
		block{Text: fmt.Sprintf("Rows in %d groups by the risk that %s, fitted without them, predicted. The further the lines are apart, the better the model "+
			"tells rows apart; rings on the lines mean that it is right about how many survive, too.", len(h.groups), b.subject)},
		block{Pictures: []*picture{drawn}},
		block{Table: b.fatesTable(h)},
		block{Note: "Lines: Kaplan–Meier with 95 % intervals. Rings: mean predicted survival of the group. Groups are formed within each test fold."})
	return s, nil
}

// groupName is such as "lowest risk".
func groupName(k, n int) string {
	switch k {
	case 0:
		return "lowest risk"
	case n - 1:
		return "highest risk"
	}
	if n == 3 {
		return "middle risk"
	}
	return map[int]string{1: "low risk", 2: "high risk"}[k]
}

// fates is Kaplan–Meier by group, with what was predicted.
func (b *builder) fates(groups []riskGroup) *figure {
	p := newPlot(b.unit(), "share without an event")
	p.Add(lattice(false, true))
	f := &figure{name: "risk_groups", width: wide, height: tall + 60, plot: p, title: "Observed survival by predicted risk, out of fold"}
	to := 0.0
	for _, g := range groups {
		to = max(to, g.times[len(g.times)-1])
	}
	horizons := b.Predictions.Horizons
	if last := horizons[len(horizons)-1]; last < to {
		to = min(to, last*1.05)
	}
	for k, g := range groups {
		hue := stepOf(k, len(groups)).light
		low, high := make([]float64, len(g.curve.Values)), make([]float64, len(g.curve.Values))
		for i, v := range g.curve.Values {
			spread := math.Exp(normalQuantile * g.sigma.Values[i])
			low[i], high[i] = v, v
			if !math.IsInf(spread, 1) {
				low[i], high[i] = v/spread, min(1, v*spread)
			}
		}
		if b.Outcome.Weight == nil {
			xs, below := steps(0, 1, g.curve.Times, low, to)
			_, above := steps(0, 1, g.curve.Times, high, to)
			p.Add(filled(xs, below, above, hue))
		}
		xs, ys := steps(0, 1, g.curve.Times, g.curve.Values, to)
		p.Add(through(xs, ys, pen(hue, lineWidth)))
		var at, said []float64
		for i, h := range horizons {
			if h <= to && !math.IsNaN(g.predicted[i]) {
				at, said = append(at, h), append(said, g.predicted[i])
			}
		}
		p.Add(dots(at, said, hue, 3.6, true))
		f.legend = append(f.legend, entry{text: groupName(k, len(groups)), color: hue})
		f.alt += fmt.Sprintf("%s: %.2f of %s without an event at %s; ", groupName(k, len(groups)), g.curve.At(to), counted(g.rows, "row"), brief(to))
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, to, 0, 1
	return f
}

// fatesTable has what the picture shows at the horizons, and how many are at risk there.
func (b *builder) fatesTable(shown *held) *table {
	groups := shown.groups
	head := columns("Group", "Rows", "Events")
	some := thin(b.panels(shown), 3)
	for _, k := range some {
		head = append(head, column{Name: "At " + brief(b.Predictions.Horizons[k])})
	}
	t := &table{Caption: "Share without an event: observed / predicted (rows at risk)", Head: numbers(head, 1)}
	for k, g := range groups {
		cells := []string{groupName(k, len(groups)), amount(g.rows), amount(g.events)}
		for _, h := range some {
			at := b.Predictions.Horizons[h]
			first, _ := slices.BinarySearch(g.times, at)
			predicted := dash
			if v := g.predicted[h]; !math.IsNaN(v) {
				predicted = strconv.FormatFloat(v, 'f', 3, 64)
			}
			cells = append(cells, fmt.Sprintf("%.3f / %s (%s)", g.curve.At(at), predicted, amount(len(g.times)-first)))
		}
		t.add(cells...)
	}
	return t
}
