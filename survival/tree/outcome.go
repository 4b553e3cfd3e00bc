package tree

import (
	"context"
	"fmt"

	"everfold/survival"
)

// CheckOutcome says whether an ensemble of trees can be fitted to y; what names the
// ensemble. Values that Outcome.Validate refuses, left truncation and more than MaxRows
// rows are a *survival.DataError, no events are survival.ErrNoEvents.
func CheckOutcome(ctx context.Context, y survival.Outcome, what string) error {
	if err := survival.Check(ctx, 0, 1); err != nil {
		return err
	}
	if err := y.Validate(); err != nil {
		return err
	}
	if y.Events() == 0 {
		return survival.ErrNoEvents
	}
	if y.Entry != nil {
		return &survival.DataError{Row: 0, Column: "entry", Problem: "is not supported by " + what}
	}
	if y.Len() > MaxRows {
		return &survival.DataError{Row: MaxRows, Column: "time", Problem: fmt.Sprintf("is beyond the %d rows a tree can have", MaxRows)}
	}
	return nil
}
