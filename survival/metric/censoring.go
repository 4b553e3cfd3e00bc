package metric

import (
	"everfold/survival"
	"everfold/survival/nonparam"
)

// zeroFloor replaces Ĝ = 0 of an event under Mlr3proba.
const zeroFloor = 1e-3

// leastG is the smallest Ĝ that is not taken for 0: sums of Ĝ⁻² stay within float64. Only
// case weights that differ by many orders of magnitude can come below.
const leastG = 1e-140

// censoring is Ĝ of the training rows with the weights that a convention derives from it.
type censoring struct {
	nonparam.Censoring
	first float64 // the first training time
}

// newCensoring estimates Ĝ. *Undefined: left truncation in either outcome.
func newCensoring(train, test survival.Outcome, c Convention) (censoring, error) {
	rule := c.known()
	if train.Entry != nil || test.Entry != nil {
		return censoring{}, &Undefined{ReasonTruncated}
	}
	g, err := nonparam.CensoringDistribution(train, rule)
	if err != nil {
		return censoring{}, err
	}
	out := censoring{Censoring: g}
	for i, t := range train.Time {
		if i == 0 || t < out.first {
			out.first = t
		}
	}
	return out, nil
}

// weighing is Ĝ with its values at the test rows.
type weighing struct {
	censoring
	event []float64 // by row: ofEvent of an event
}

// newWeighing estimates Ĝ and looks it up; errors are those of newCensoring.
func newWeighing(train, test survival.Outcome, c Convention) (weighing, error) {
	g, err := newCensoring(train, test, c)
	if err != nil {
		return weighing{}, err
	}
	w := weighing{g, make([]float64, test.Len())}
	for i, t := range test.Time {
		if test.Event[i] {
			w.event[i] = g.ofEvent(t)
		}
	}
	return w, nil
}

// take is that of the given rows.
func (w weighing) take(rows []int) weighing {
	event := make([]float64, len(rows))
	for k, i := range rows {
		event[k] = w.event[i]
	}
	return weighing{w.censoring, event}
}

// ofEvent is the Ĝ by which an event at t is weighted; 0 leaves the weight undefined.
func (c censoring) ofEvent(t float64) float64 {
	g := c.AtFailure(t)
	if g >= leastG {
		return g
	}
	if c.Convention == nonparam.Mlr3proba {
		return zeroFloor
	}
	return 0
}

// pairWeight is Uno's Ĝ⁻² of an event, row i at t; ok is false where it is undefined. Under
// Mlr3proba an event before the first training time weighs −1: the reference does so,
// and published scores contain it.
func (w weighing) pairWeight(i int, t float64) (weight float64, ok bool) {
	if w.Convention == nonparam.Mlr3proba && t < w.first {
		return -1, true
	}
	g := w.event[i]
	return 1 / float64(g*g), g > 0
}
