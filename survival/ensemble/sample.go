package ensemble

import (
	"context"

	"everfold/survival"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// Sample is an outcome as forests are grown on it: rows in ascending order of time. It is
// immutable.
type Sample struct {
	Rows    []int       // the data row at each position
	Outcome tree.Ranked // by position

	times  []float64 // distinct times of the rows, ascending: what ranks count
	events []int32   // those with an event, as indices of times
}

// NewSample sorts an outcome. Left truncation, values that Outcome.Validate refuses and
// more than tree.MaxRows rows are a *survival.DataError; no events are survival.ErrNoEvents.
func NewSample(ctx context.Context, y survival.Outcome, times survival.TimeRule) (*Sample, error) {
	if err := tree.CheckOutcome(ctx, y, "survival forests"); err != nil {
		return nil, err
	}
	y, err := riskset.Merge(y, times)
	if err != nil {
		return nil, err
	}
	order := riskset.New(y, nil)
	s := &Sample{Rows: order.Rows, times: make([]float64, len(order.Groups))}
	s.Outcome.Weight, s.Outcome.Unit = tree.Frequencies(order.Gather(y.Weight))
	for k, g := range order.Groups {
		s.times[k] = g.Time
		if g.Events > 0 {
			s.events = append(s.events, int32(k))
		}
		for p := g.Start; p < g.End; p++ {
			s.Outcome.Rank = append(s.Outcome.Rank, int32(k))
			s.Outcome.Event = append(s.Outcome.Event, p < g.Start+g.Events)
		}
	}
	riskset.CurveTimes(s.times, times)
	return s, nil
}
