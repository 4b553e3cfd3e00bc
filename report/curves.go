package report

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"

	"gonum.org/v1/plot/vg"

	"everfold/artifact"
)

// curves are the scores over time, against Kaplan–Meier.
func (b *builder) curves(ctx context.Context) (section, error) {
	s := section{ID: "curves", Title: "Scores over time"}
	var pictures []*picture
	for _, f := range []*figure{
		b.overTime("brier", "Brier score over time, mean over folds", "Brier score, lower is better", brierOf),
		b.overTime("auc", "Time-dependent AUC, mean over folds", "AUC, higher is better", aucOf),
	} {
		if f == nil {
			continue
		}
		p, err := b.draw(ctx, f)
		if err != nil {
			return s, err
		}
		pictures = append(pictures, p)
	}
	if pictures == nil {
		s.Blocks = append(s.Blocks, block{Text: "No complete fold has scores over time."})
		return s, nil
	}
	s.Blocks = append(s.Blocks,
		block{Text: "How well the models do at each time: a model that says something about single rows stays below the Brier score of " +
			"the Kaplan–Meier curve, which says the same of everyone, and above an AUC of one half."},
		block{Pictures: pictures},
		block{Note: "Weighted for censoring, on rows that the models were not fitted on. The mean height of a Brier curve is the column ibs; that of an AUC curve, where most have their event, auc_mean."})
	return s, nil
}

// curve is a score at ascending times.
type curve struct{ times, values []float64 }

// brierOf is the Brier score of a fold; of the horizons alone where the manifest is older.
func brierOf(m *artifact.Manifest) curve {
	var c curve
	if m.Details == nil {
		return c
	}
	if k := m.Details.Curves; k != nil {
		for i, v := range k.Brier {
			c.add(k.Times[i], float64(v))
		}
		return c
	}
	for _, h := range m.Details.Horizons {
		if h.Brier != nil {
			c.add(h.Horizon, *h.Brier)
		}
	}
	return c
}

// aucOf is the AUC of a fold at the times that have one.
func aucOf(m *artifact.Manifest) curve {
	var c curve
	if m.Details == nil || m.Model == km {
		return c
	}
	if k := m.Details.Curves; k != nil {
		for i, v := range k.AUC {
			if v != nil {
				c.add(k.Times[i], float64(*v))
			}
		}
		return c
	}
	for _, h := range m.Details.Horizons {
		if h.AUC != nil {
			c.add(h.Horizon, *h.AUC)
		}
	}
	return c
}

func (c *curve) add(t, v float64) {
	c.times, c.values = append(c.times, t), append(c.values, v)
}

// at is linear between the curve's times, and has no value outside of them.
func (c curve) at(t float64) float64 {
	k := sort.SearchFloat64s(c.times, t)
	switch {
	case k == len(c.times) || k == 0 && c.times[0] != t:
		return math.NaN()
	case c.times[k] == t:
		return c.values[k]
	}
	share := (t - c.times[k-1]) / (c.times[k] - c.times[k-1])
	return c.values[k-1] + share*(c.values[k]-c.values[k-1])
}

// meanCurve is the mean over folds, at the times of the first one: of the folds that have a
// value there. Grids of folds may differ.
func meanCurve(folds []*artifact.Manifest, of func(*artifact.Manifest) curve) curve {
	var all []curve
	for _, m := range folds {
		if c := of(m); len(c.times) > 0 {
			all = append(all, c)
		}
	}
	var out curve
	if len(all) == 0 {
		return out
	}
	for _, t := range all[0].times {
		sum, n := 0.0, 0.0
		for _, c := range all {
			if v := c.at(t); !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		out.add(t, sum/n)
	}
	return out
}

func (b *builder) overTime(name, title, axis string, of func(*artifact.Manifest) curve) *figure {
	p := newPlot(b.unit(), axis)
	p.Add(lattice(false, true))
	f := &figure{name: name, title: title, width: wide, height: tall + 30, plot: p}
	var said []string
	for _, model := range b.models {
		c := meanCurve(b.folds(model), of)
		if len(c.times) == 0 {
			continue
		}
		line := b.line(model)
		width := lineWidth
		if model == b.subject {
			width = 1.6 * lineWidth
		}
		p.Add(through(c.times, c.values, pen(line.color, width, line.dash...)))
		if len(c.times) == 1 {
			p.Add(dots(c.times, c.values, line.color, vg.Length(3), false))
		}
		f.legend = append(f.legend, line)
		last := len(c.times) - 1
		said = append(said, fmt.Sprintf("%s from %.3f at %s to %.3f at %s", model, c.values[0], brief(c.times[0]), c.values[last], brief(c.times[last])))
	}
	if len(said) == 0 {
		return nil
	}
	if name == "auc" {
		p.Add(span(p.X.Min, 0.5, p.X.Max, 0.5, pen(muted.light, 1, dashes...)))
		f.legend = append(f.legend, entry{text: "chance", color: muted.light, dash: dashes})
	}
	f.alt = "A line a model. " + strings.Join(said, "; ") + "."
	return f
}
