package survival

import "fmt"

// Outcome is right-censored, optionally left-truncated and weighted survival data.
// All non-nil slices have equal length.
type Outcome struct {
	Time   []float64 // > 0, finite
	Event  []bool    // true: the event was observed at Time; false: censored there
	Entry  []float64 // nil, or the time from which the row is at risk: Entry < Time
	Weight []float64 // nil (all 1), or case weights > 0, finite
}

// Len is the number of rows.
func (y Outcome) Len() int { return len(y.Time) }

// Events counts rows with an observed event; weights are not used.
func (y Outcome) Events() int {
	n := 0
	for _, e := range y.Event {
		if e {
			n++
		}
	}
	return n
}

// W is the case weight of row i.
func (y Outcome) W(i int) float64 {
	if y.Weight == nil {
		return 1
	}
	return y.Weight[i]
}

// EventWeight is the mean case weight of the events: the unit of a log-likelihood, by which
// convergence is judged. It is 1 without events.
func (y Outcome) EventWeight() float64 {
	mean, n := 0.0, float64(y.Events())
	for i, e := range y.Event {
		if e {
			mean += y.W(i) / n
		}
	}
	if n == 0 {
		return 1
	}
	return mean
}

// Take copies the given rows, in the given order.
func (y Outcome) Take(rows []int) Outcome {
	out := Outcome{Time: take(y.Time, rows), Event: take(y.Event, rows)}
	if y.Entry != nil {
		out.Entry = take(y.Entry, rows)
	}
	if y.Weight != nil {
		out.Weight = take(y.Weight, rows)
	}
	return out
}

// Validate checks lengths (panic: the caller could have known) and values: the first
// offending row is reported as a *DataError without its value.
func (y Outcome) Validate() error {
	n := len(y.Time)
	if len(y.Event) != n || (y.Entry != nil && len(y.Entry) != n) || (y.Weight != nil && len(y.Weight) != n) {
		panic("survival: Outcome slices differ in length")
	}
	for i := range n {
		switch {
		case !(y.Time[i] > 0) || isInf(y.Time[i]):
			return &DataError{Row: i, Column: "time", Problem: "must be positive and finite"}
		case y.Entry != nil && !(y.Entry[i] < y.Time[i]):
			return &DataError{Row: i, Column: "entry", Problem: "must be before the time"}
		case y.Weight != nil && (!(y.Weight[i] > 0) || isInf(y.Weight[i])):
			return &DataError{Row: i, Column: "weight", Problem: "must be positive and finite"}
		}
	}
	return nil
}

func isInf(v float64) bool { return v > maxFinite || v < -maxFinite }

const maxFinite = 1.79769313486231570814527423731704356798070e+308

func take[T any](src []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		if r < 0 || r >= len(src) {
			panic(fmt.Sprintf("survival: row %d outside 0..%d", r, len(src)-1))
		}
		out[i] = src[r]
	}
	return out
}
