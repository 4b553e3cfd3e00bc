package metric

import (
	"fmt"
	"slices"

	"everfold/survival"
	"everfold/survival/riskset"
)

// The rule of DefaultTau: beyond these, weights and curves rest on too few rows.
const (
	tauCensoring = 0.1
	tauRows      = 20
)

// DefaultTau is the end of the default grid and the truncation of Uno's C, from all rows
// of a table: the largest observed time t with Ĝ(t−) ≥ 0.1 and at least 20 rows with
// T ≥ t, else the largest event time. With left truncation it is the largest event time
// with at least 20 rows at risk, else the largest event time. Rows are counted without
// weights. It is survival.ErrNoEvents where there is no event.
func DefaultTau(y survival.Outcome, c Convention) (float64, error) {
	c.known()
	if y.Events() == 0 {
		return 0, fmt.Errorf("choose tau: %w", survival.ErrNoEvents)
	}
	order := riskset.New(y, nil)
	atRisk := make([]float64, len(order.Groups))
	order.AtRisk(atRisk, nil)
	g := survival.StepFunction{Before: 1}
	if y.Entry == nil {
		all, err := newCensoring(y, y, c)
		if err != nil {
			return 0, fmt.Errorf("choose tau: %w", err)
		}
		g = all.G
	}
	lastEvent := 0.0
	for k := len(order.Groups) - 1; k >= 0; k-- {
		group := order.Groups[k]
		if lastEvent == 0 && group.Events > 0 {
			lastEvent = group.Time
		}
		usable := y.Entry == nil || group.Events > 0
		if usable && atRisk[k] >= tauRows && g.Left(group.Time) >= tauCensoring {
			return group.Time, nil
		}
	}
	return lastEvent, nil
}

// Grid is count equally spaced times from the first event time to tau, both included; tau
// alone where count is 1 or no event lies before tau. It panics where count < 1 and is
// survival.ErrNoEvents where there is no event.
func Grid(y survival.Outcome, count int, tau float64) ([]float64, error) {
	if count < 1 {
		panic("metric: a grid needs at least one time")
	}
	if y.Events() == 0 {
		return nil, fmt.Errorf("choose grid: %w", survival.ErrNoEvents)
	}
	first := tau
	for i, t := range y.Time {
		if y.Event[i] {
			first = min(first, t)
		}
	}
	if count == 1 || first >= tau {
		return []float64{tau}, nil
	}
	times := make([]float64, count)
	for j := range times {
		times[j] = first + float64((tau-first)*(float64(j)/float64(count-1)))
	}
	times[count-1] = tau
	return slices.Compact(times), nil
}

// Burk80 is the grid of one fold in the published benchmark of Burk et al.: the distinct
// test times up to the first at which more than 80 % of the test rows are no longer at
// risk, that one included. Near-equal times are merged for the cut only. Weights and
// entry times are not used. It panics where there are no rows.
func Burk80(test survival.Outcome) []float64 {
	if test.Len() == 0 {
		panic("metric: no test rows")
	}
	// Without entry times merging cannot fail.
	merged, _ := riskset.Merge(survival.Outcome{Time: test.Time, Event: test.Event}, survival.TimesMlr3proba)
	order := riskset.New(merged, nil)
	n := float64(test.Len())
	cut := 0.0
	for _, g := range order.Groups {
		cut = g.Time
		if 1-(n-float64(g.Start))/n > 0.8 {
			break
		}
	}
	times := slices.Clone(test.Time)
	slices.Sort(times)
	times = slices.Compact(times)
	last, found := slices.BinarySearch(times, cut)
	if found {
		last++
	}
	return times[:last:last]
}
