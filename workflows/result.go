package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"everfold/activities"
)

// maxListed bounds the lists of a Result: it must stay far below the payload limit at the
// largest layout. The whole list is in the manifests and logs.
const maxListed = 50

// result is the outcome of a run that came to its end.
//
// Folds that failed make it Partial. Where every fold of every listed model failed there is
// nothing to show, and the run fails with the first failure's type.
func (r *trainRun) result(leaderboard []activities.Standing, predictions *Predictions) (*Result, error) {
	out := &Result{
		Type: string(r.spec.Type), Run: r.spec.Run, Output: OutputOf(r.spec), Outcome: Completed,
		Planned: len(r.board.cells), Leaderboard: leaderboard,
	}
	wanted, done := 0, 0
	for _, c := range r.board.cells {
		listed := c.model != baselineName
		if listed && c.state != Skipped {
			wanted++
		}
		if listed && c.state == DoneState {
			done++
		}
		out.add(c)
	}
	for _, m := range r.board.models {
		if r.fits.skipped[m] {
			out.Skipped = append(out.Skipped, m)
		}
	}
	out.addFinals(r.board.finals)
	out.Predictions = predictions
	if out.Failed+out.FailedFinals > 0 {
		out.Outcome = Partial
	}
	if wanted > 0 && done == 0 && out.Failed > 0 { // then there are no final fits
		first := out.Failures[0]
		message := fmt.Sprintf("every fold failed; the first, %s fold %d: %s", first.Model, first.Fold, first.Message)
		return nil, temporal.NewNonRetryableApplicationError(message, first.Type, nil)
	}
	return out, nil
}

// baselineName is the Kaplan–Meier baseline that is always fitted.
const baselineName = "km"

// add counts one cell.
func (out *Result) add(c *cell) {
	switch {
	case c.state == Failed:
		out.Failed++
		if len(out.Failures) < maxListed {
			out.Failures = append(out.Failures, *c.failure)
		}
	case c.state == DoneState && c.action == activities.Reuse:
		out.Reused++
	case c.state == DoneState && c.action == activities.Rescore:
		out.Rescored++
	case c.state == DoneState:
		out.Trained++
	}
	out.retry(c)
}

func (out *Result) retry(c *cell) {
	if c.attempt > 1 && len(out.Retried) < maxListed {
		out.Retried = append(out.Retried, Retried{Model: c.model, Fold: c.fold, Attempts: c.attempt})
	}
}

// addFinals lists the final fits. Their failures come after those of folds.
func (out *Result) addFinals(finals []*cell) {
	for _, c := range finals {
		out.Finals = append(out.Finals, c.final())
		if c.failure != nil {
			out.FailedFinals++
			if len(out.Failures) < maxListed {
				out.Failures = append(out.Failures, *c.failure)
			}
		}
		out.retry(c)
	}
}

func firstOf(warnings []string) []string {
	if len(warnings) <= maxListed {
		return warnings
	}
	more := fmt.Sprintf("and %d more, see logs/warnings_*.log", len(warnings)-maxListed)
	return append(warnings[:maxListed:maxListed], more)
}

// failureOf names why a fold ended without a result.
func failureOf(c *cell, err error) *Failure {
	f := &Failure{Model: c.model, Fold: c.fold, Type: "Unknown", Message: err.Error()}
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	var panicked *temporal.PanicError
	switch {
	case errors.As(err, &timeout):
		f.Type = "Timeout"
		f.Message = fmt.Sprintf("%s: %s", timeout.TimeoutType(), timeout.Message())
		if timeout.Message() == "" {
			f.Message = timeout.TimeoutType().String()
		}
	case errors.As(err, &panicked):
		f.Type, f.Message = "PanicError", panicked.Error()
	case errors.As(err, &app):
		f.Type, f.Message = app.Type(), app.Message()
	}
	return f
}

// failRun ends the run with the type of the failure that caused it, so that the workflow
// fails by that name; a cancellation stays one.
func failRun(step string, err error) error {
	var app *temporal.ApplicationError
	if temporal.IsCanceledError(err) || !errors.As(err, &app) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(step+": "+app.Message(), app.Type(),
		temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
}
