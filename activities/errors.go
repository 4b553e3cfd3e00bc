package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"go.temporal.io/sdk/temporal"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/logging"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
	"everfold/survival/resample"
	"everfold/tracker"
)

// maxMessage bounds what a failure writes into history.
const maxMessage = 1500

// unknownAttempts is how often an activity may end by an error of no known class: it may be a
// passing fault, but more likely it is a bug, which retrying would hide for days.
const unknownAttempts = 5

// busyPause is before the next attempt of an activity that found its worker busy.
const busyPause = 2 * time.Second

// class says how one kind of error is reported to Temporal.
type class struct {
	typ   string
	retry bool
}

// classify turns an error into the application error of its class. It is the only place
// that decides what is retried. A nil error and a requested cancellation pass through.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errInterrupted) || errors.Is(context.Cause(ctx), errInterrupted) {
		return temporal.NewApplicationErrorWithOptions("worker is stopping, the next attempt goes on", ErrInterrupted,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond, Category: temporal.ApplicationErrorCategoryBenign})
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errBusy) {
		return temporal.NewApplicationErrorWithOptions(err.Error(), ErrWorkerBusy,
			temporal.ApplicationErrorOptions{NextRetryDelay: busyPause, Category: temporal.ApplicationErrorCategoryBenign})
	}
	c, most := classOf(err), math.MaxInt
	if c.typ == errUnknown {
		most = unknownAttempts
	}
	return limited(ctx, err, c, most)
}

// limited is the error of a class, the last one of an activity if it has ended so often by one of that
// type. Interruptions do not count: workers may be replaced at any rate.
func limited(ctx context.Context, err error, c class, most int) error {
	c.retry = c.retry && !exhausted(ctx, c.typ, most)
	return temporal.NewApplicationErrorWithOptions(shorten(err.Error()), c.typ,
		temporal.ApplicationErrorOptions{NonRetryable: !c.retry})
}

// exhausted counts a failure of that type, and says whether the activity has had so many by now.
func exhausted(ctx context.Context, typ string, most int) bool {
	at, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return false
	}
	at.failed(typ)
	return at.nth(typ) >= most
}

const errUnknown = "Unknown"

// fail logs why an activity ends without a result and classifies the error. What is going
// to be tried again is a warning; only what is not is an error.
func (a *Activities) fail(ctx context.Context, what string, err error) error {
	out := classify(ctx, err)
	var app *temporal.ApplicationError
	if !errors.As(out, &app) {
		return out
	}
	log := logging.From(ctx)
	switch {
	case app.Type() == ErrInterrupted:
		log.Info(what + " interrupted, another attempt goes on")
	case app.Type() == ErrWorkerBusy:
		log.Info(what + " waits for a place on a worker")
	case app.NonRetryable():
		log.Error(what+" failed", logging.CategoryData.Attr(), "type", app.Type(), "error", err)
	default:
		log.Warn(what+" is tried again", logging.CategoryRetry.Attr(), "type", app.Type(), "error", err)
	}
	return out
}

// failTracking is fail for SyncTracker: whatever happened is a failure of the tracker, a
// warning, and benign. Only what a moment's waiting may mend is tried again, up to so many failures in
// all; for how long, the workflow says.
func (a *Activities) failTracking(ctx context.Context, err error, most int) error {
	if err == nil {
		return nil
	}
	var app *temporal.ApplicationError
	if out := classify(ctx, err); !errors.As(out, &app) || app.Type() == ErrInterrupted {
		return out
	}
	logging.From(ctx).Warn("the tracker is behind: "+err.Error(), logging.CategoryMLflow.Attr())
	options := temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign}
	var failed *tracker.Error
	if errors.As(err, &failed) {
		options.NonRetryable, options.NextRetryDelay = !failed.Retryable(), failed.RetryAfter
	}
	if errors.Is(err, store.ErrUnavailable) {
		options.NonRetryable = false
	}
	options.NonRetryable = options.NonRetryable || exhausted(ctx, ErrTracker, most)
	return temporal.NewApplicationErrorWithOptions(shorten(err.Error()), ErrTracker, options)
}

// outage says whether an error is of a store that does not answer, or of a temporary folder without
// room: nothing is wrong with what was to be read, and waiting mends it.
func outage(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, dataset.ErrTemporary)
}

func classOf(err error) class {
	var spec *config.Error
	var data *dataset.InvalidError
	var row *survival.DataError
	var column *survival.ColumnError
	var term *preprocess.TermError
	var file *resample.FileError
	var settings *registry.SettingsError
	var changed *artifact.ChangedError
	var unknown *UnknownRunError
	var blocked *BlockedError
	var other *SpecError
	switch {
	// First: the store wraps what the file system said, and ENOENT from there is no missing data file.
	case outage(err), errors.Is(err, store.ErrConflict):
		return class{ErrStoreUnavailable, true}
	case errors.As(err, &spec), errors.As(err, &settings), errors.As(err, &changed),
		errors.As(err, &other), errors.Is(err, resample.ErrFolds), errors.Is(err, errHasArtifacts):
		return class{ErrInvalidSpec, false}
	case errors.As(err, &unknown), errors.As(err, &blocked), errors.Is(err, store.ErrBadKey): // nothing mends itself
		return class{ErrArtifactCorrupt, false}
	case errors.Is(err, survival.ErrNoEvents):
		return class{ErrNoEvents, false}
	case errors.As(err, &data), errors.As(err, &row), errors.As(err, &column), errors.As(err, &term), errors.As(err, &file),
		errors.Is(err, ErrDataRefused), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return class{ErrDataInvalid, false}
	case errors.Is(err, survival.ErrNotConverged):
		return class{ErrNotConverged, false}
	case errors.Is(err, errPoison):
		return class{ErrPoisonFold, false}
	case errors.Is(err, errLost):
		return class{ErrWorkersLost, false}
	case errors.Is(err, errNoMemory):
		return class{ErrNoMemory, false}
	case errors.Is(err, artifact.ErrSuperseded):
		return class{ErrSuperseded, false}
	case errors.Is(err, errVersions):
		return class{ErrVersionMismatch, true}
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrTooLarge), errors.Is(err, artifact.ErrDamaged):
		return class{ErrArtifactCorrupt, true}
	}
	return class{errUnknown, true}
}

// shorten cuts between characters: no message can be sent that is not UTF-8.
func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return fmt.Sprintf("%s (%d bytes more in the log)", Cut(s, maxMessage), len(s)-maxMessage)
}
