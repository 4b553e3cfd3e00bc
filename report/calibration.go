package report

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"everfold/artifact"
	"everfold/survival"
	"everfold/survival/nonparam"
)

const (
	maxPanels      = 6  // horizons that are drawn
	calibrated     = 10 // groups of predictions at most
	fewest         = 20 // rows in a group at least
	normalQuantile = 1.959963984540054
)

// bin is a group of rows whose predictions are alike: what was predicted of them, and what
// became of them.
type bin struct {
	predicted, observed, low, high float64 // probabilities of an event by the horizon
	rows                           int
}

// held is what out-of-fold predictions show.
type held struct {
	bins   map[string][][]bin // by model, then by horizon
	groups []riskGroup        // of the subject
}

// examine reads the out-of-fold predictions once; nil where there are none that can be used.
func (b *builder) examine(ctx context.Context) (*held, error) {
	if b.Predictions == nil || b.Run == nil || b.Outcome.Len() == 0 {
		return nil, nil
	}
	out := &held{bins: map[string][][]bin{}}
	err := b.outOfFold(ctx, func(p *predicted) error {
		if p.model == km {
			return nil
		}
		for h, horizon := range b.Predictions.Horizons {
			if err := survival.Check(ctx, float64(h), float64(len(b.Predictions.Horizons))); err != nil {
				return err
			}
			out.bins[p.model] = append(out.bins[p.model], b.binned(p, p.surv[h], horizon))
		}
		if p.model == b.subject {
			out.groups = b.riskGroups(p)
		}
		return nil
	})
	if errors.Is(err, errMismatch) {
		return nil, nil
	}
	return out, err
}

// binned groups rows by what was predicted of them at a horizon, the least probable event first.
// Equal predictions stay together.
func (b *builder) binned(p *predicted, surv []float64, horizon float64) []bin {
	known := slices.DeleteFunc(slices.Clone(surv), math.IsNaN)
	n := len(known)
	groups := max(1, min(calibrated, n/fewest))
	slices.Sort(known)
	cuts := make([]float64, 0, groups-1)
	for k := 1; k < groups; k++ {
		cuts = append(cuts, known[k*n/groups])
	}
	rows, sums := make([][]int, groups), make([]float64, groups)
	for i, s := range surv {
		if math.IsNaN(s) {
			continue
		}
		g := groups - 1
		for _, cut := range cuts {
			if s >= cut {
				g--
			}
		}
		rows[g], sums[g] = append(rows[g], p.rows[i]), sums[g]+(1-s)
	}
	var bins []bin
	for g, members := range rows {
		if len(members) > 0 {
			made := bin{predicted: sums[g] / float64(len(members)), rows: len(members)}
			made.observed, made.low, made.high = observedAt(b.Outcome.Take(members), horizon)
			bins = append(bins, made)
		}
	}
	return bins
}

// observedAt is the share of rows with an event by t, by Kaplan–Meier, and its 95 % interval.
func observedAt(y survival.Outcome, t float64) (observed, low, high float64) {
	s, sigma := nonparam.KaplanMeierError(y)
	at, e := s.At(t), sigma.At(t)
	if at == 0 {
		return 1, 1, 1
	}
	spread := math.Exp(normalQuantile * e)
	return 1 - at, 1 - min(1, at*spread), 1 - at/spread
}

// panels are the horizons that are drawn, by their number: some of many, of those that folds
// have predictions at.
func (b *builder) panels(h *held) []int {
	var all []int
	for k, bins := range h.bins[b.subject] {
		if len(bins) > 0 {
			all = append(all, k)
		}
	}
	return thin(all, maxPanels)
}

// thin keeps at most so many of a list, evenly, and its last.
func thin(all []int, most int) []int {
	if len(all) <= most {
		return all
	}
	var some []int
	for k := range most {
		some = append(some, all[(k+1)*len(all)/most-1])
	}
	return some
}

// calibration says whether predicted probabilities are what happens.
func (b *builder) calibration(ctx context.Context, h *held) (section, error) {
	s := section{ID: "calibration", Title: "Calibration"}
	if h == nil || len(h.bins[b.subject]) == 0 {
		s.Blocks = append(s.Blocks, block{Text: "There are no out-of-fold predictions to compare with what happened: the run writes them after its final model."})
	} else {
		var pictures []*picture
		for _, k := range b.panels(h) {
			p, err := b.draw(ctx, b.reliability(h, k))
			if err != nil {
				return s, err
			}
			pictures = append(pictures, p)
		}
		s.Blocks = append(s.Blocks,
			block{Text: "Where a model says 30 %, do 30 of 100 have the event? Rows are grouped by what was predicted of them, by a model that was not " +
				"fitted on them; on the dashed line prediction and outcome agree. Below it a model warns too much, above it too little."},
			block{Pictures: pictures},
			block{Note: b.calibrationNote(h)})
	}
	if t := b.calibrationTable(); t != nil {
		s.Blocks = append(s.Blocks, block{Heading: "How far off"}, block{Table: t},
			block{Note: "Integrated calibration index (Austin and others, 2020): the mean distance between predicted and observed probability, of smoothed curves, " +
				"mean over folds. D-calibration: in how many folds a test at 5 % finds that predicted survival at the event is not uniform."})
	}
	return s, nil
}

func (b *builder) calibrationNote(h *held) string {
	note := fmt.Sprintf("Outcomes by Kaplan–Meier within each group of at least %d rows; the bars are 95 %% intervals. The other models are in the table below.", fewest)
	left := 0
	for _, bins := range h.bins[b.subject] {
		if len(bins) == 0 {
			left++
		}
	}
	if left > 0 {
		note += fmt.Sprintf(" %s beyond the end of the folds’ time grid, %s, and left out: nothing is stored there.", isAre(left, "horizon"), b.gridEnd())
	}
	return note
}

// gridEnd is the last time that out-of-fold curves are stored at.
func (b *builder) gridEnd() string {
	if times := b.Run.Grid.Times; len(times) > 0 {
		return brief(times[len(times)-1])
	}
	return "another time in each fold"
}

// reliability is the calibration at one horizon: the subject with its intervals, the others as
// lines.
func (b *builder) reliability(h *held, k int) *figure {
	horizon := b.Predictions.Horizons[k]
	p := newPlot("predicted probability of an event", "observed")
	p.Add(lattice(true, true))
	f := &figure{name: fmt.Sprintf("calibration_%d", k+1), width: half, height: half, plot: p,
		title: fmt.Sprintf("By %s %s", b.unit(), brief(horizon))}
	most := 0.0
	order := slices.DeleteFunc(slices.Clone(b.models), func(m string) bool { return m == b.subject })
	for _, model := range append(order, b.subject) { // the subject on top
		if h.bins[model] == nil || len(h.bins[model][k]) == 0 {
			continue
		}
		line := entry{text: "the other models", color: muted.light}
		if model == b.subject {
			line = b.line(model)
		}
		var xs, ys []float64
		for _, g := range h.bins[model][k] {
			xs, ys = append(xs, g.predicted), append(ys, g.observed)
			most = max(most, g.predicted, g.observed)
			if model == b.subject {
				p.Add(span(g.predicted, g.low, g.predicted, g.high, pen(line.color, 1.2)))
				most = max(most, g.high)
			}
		}
		width, radius := vg.Length(0.6), vg.Length(1)
		if model == b.subject {
			width, radius = lineWidth, 3
			f.alt = fmt.Sprintf("%s: predicted against observed in %s: ", model, counted(len(xs), "group"))
			for i := range xs {
				f.alt += fmt.Sprintf("%.2f, %.2f; ", xs[i], ys[i])
			}
		}
		p.Add(through(xs, ys, pen(line.color, width, line.dash...)), dots(xs, ys, line.color, radius, false))
		switch {
		case model == b.subject:
			f.legend = append([]entry{line}, f.legend...)
		case len(f.legend) == 0:
			f.legend = append(f.legend, line)
		}
	}
	most = min(1, most*1.03)
	p.Add(span(0, 0, most, most, pen(muted.light, 1, dashes...)))
	p.X.Min, p.Y.Min, p.X.Max, p.Y.Max = 0, 0, most, most
	return f
}

// calibrationTable has the scores of the manifests; nil where none has any.
func (b *builder) calibrationTable() *table {
	var horizons []float64
	for _, m := range b.Folds {
		if m.Details != nil && len(m.Details.Horizons) > len(horizons) {
			horizons = nil
			for _, h := range m.Details.Horizons {
				horizons = append(horizons, h.Horizon)
			}
		}
	}
	if horizons == nil {
		return nil
	}
	head := columns("Model")
	for _, h := range horizons {
		head = append(head, column{Name: "ICI at " + brief(h)})
	}
	t := &table{Caption: "Integrated calibration index, and D-calibration", Head: numbers(append(head, column{Name: "Not D-calibrated"}), 1)}
	for _, st := range b.Standings {
		if st.Model == km {
			continue
		}
		folds := b.folds(st.Model)
		cells := []string{st.Model}
		for k := range horizons {
			cells = append(cells, score(mean(folds, func(m *artifact.Manifest) *float64 {
				if m.Details == nil || k >= len(m.Details.Horizons) {
					return nil
				}
				return m.Details.Horizons[k].ICI
			})))
		}
		tested, rejected := 0, 0
		for _, m := range folds {
			if m.Details != nil && m.Details.DCal != nil {
				tested++
				if m.Details.DCal.P < 0.05 {
					rejected++
				}
			}
		}
		t.add(append(cells, fmt.Sprintf("%d of %d folds", rejected, tested))...)
	}
	return t
}
