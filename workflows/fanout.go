package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// fanOut runs one FitFold a (model, fold), at most limit at once. Folds are scheduled as
// early as the limit allows and wait in the task queue: a limit as small as the number of
// worker slots would pay a round trip to the server between folds.
type fanOut struct {
	*trainRun
	wanted   int // the operator's limit; 0: that of the spec
	inFlight int
	cancel   map[string]workflow.CancelFunc // ends the fits of one model
	skipped  map[string]bool
	fatal    error // the failure that ends the run under on_model_failure: fail
}

func newFanOut(r *trainRun) *fanOut {
	return &fanOut{trainRun: r, cancel: map[string]workflow.CancelFunc{}, skipped: map[string]bool{}}
}

// limit is how many fits may be scheduled at once.
func (f *fanOut) limit() int {
	n := f.wanted
	if n == 0 {
		n = f.spec.Resources.ParallelFits
	}
	if n == 0 || n > maxFanOut {
		return maxFanOut
	}
	return n
}

// run fits the given cells and returns when none is in flight: nil also where folds failed
// (the board knows them), an error where the run was cancelled or must fail.
func (f *fanOut) run(ctx workflow.Context, cells []*cell) error {
	f.board.enter(ctx, stageFitting)
	ctx, cancelAll := workflow.WithCancel(ctx)
	defer cancelAll()
	contexts := map[string]workflow.Context{}
	for _, c := range cells {
		if contexts[c.model] == nil {
			contexts[c.model], f.cancel[c.model] = workflow.WithCancel(ctx)
		}
		if err := workflow.Await(ctx, func() bool { return f.inFlight < f.limit() || f.fatal != nil }); err != nil {
			break // cancelled: wait below for what is in flight
		}
		if f.fatal != nil {
			cancelAll()
			break
		}
		if !f.skipped[c.model] {
			f.start(contexts[c.model], cancelAll, c)
		}
	}
	free, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if err := workflow.Await(free, func() bool { return f.inFlight == 0 }); err != nil {
		return err
	}
	if f.fatal != nil {
		return f.fatal
	}
	return ctx.Err()
}

// start schedules one fold and records its end whenever that comes.
func (f *fanOut) start(ctx workflow.Context, cancelAll workflow.CancelFunc, c *cell) {
	f.inFlight++
	f.board.set(ctx, c, Running)
	ctx = workflow.WithActivityOptions(ctx, f.fitOptions(f.spec, c.model, c.fold))
	future := workflow.ExecuteActivity(ctx, activities.FitFoldName, activities.FitFoldInput{
		Run: activities.Ref(f.spec), SpecDigest: f.digest, Model: c.model, Fold: c.fold, Force: c.force,
	})
	workflow.GoNamed(ctx, c.name(), func(ctx workflow.Context) {
		var fit activities.FitFoldResult
		err := future.Get(ctx, &fit)
		f.inFlight--
		f.end(ctx, c, fit, err)
		if f.fatal != nil {
			cancelAll()
		}
	})
}

// end records how a fold ended.
func (f *fanOut) end(ctx workflow.Context, c *cell, fit activities.FitFoldResult, err error) {
	switch {
	case err == nil:
		f.board.done(ctx, c, fit)
		f.metrics.dirty = true
	case f.skipped[c.model]:
		f.board.set(ctx, c, Skipped)
	case temporal.IsCanceledError(err):
		f.board.set(ctx, c, Waiting)
	default:
		f.board.fail(ctx, c, failureOf(c, err))
		if f.spec.OnModelFailure == "fail" && f.fatal == nil {
			f.fatal = failRun(c.name(), err)
		}
	}
}

// skip ends the fits of a model for this execution. Complete folds stay.
func (f *fanOut) skip(ctx workflow.Context, model string) {
	f.skipped[model] = true
	if cancel := f.cancel[model]; cancel != nil {
		cancel()
	}
	f.board.skip(ctx, model)
}
