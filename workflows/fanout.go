package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// fanOut runs one FitFold a (model, fold), and later one FitFinal a model, at most limit at
// once. They are scheduled as early as the limit allows and wait in the task queue: a limit as
// small as the number of worker slots would pay a round trip to the server between folds.
type fanOut struct {
	*Workflows
	work     Work
	board    *board
	limit    func() int                          // how many fits may be scheduled at once
	ended    func(ctx workflow.Context, c *cell) // is told of every fit that came to an end of its own
	failFast bool                                // one failure ends the run
	inFlight int
	cancel   map[string]workflow.CancelFunc // ends the fits of one model
	skipped  map[string]bool
	fatal    error // the failure that ends the run under on_model_failure: fail
}

// Work is what all fits of a run share.
type Work struct {
	Run        activities.RunRef `json:"run"`
	SpecDigest string            `json:"spec_digest"`
	FitTimeout config.Duration   `json:"fit_timeout"`
	FitBudget  config.Duration   `json:"fit_budget"`
}

func workOf(s *config.Spec, digest string) Work {
	return Work{Run: activities.Ref(s), SpecDigest: digest, FitTimeout: s.Resources.FitTimeout, FitBudget: s.Resources.FitBudget}
}

func (w *Workflows) newFanOut(shared Work, b *board) *fanOut {
	return &fanOut{Workflows: w, work: shared, board: b, cancel: map[string]workflow.CancelFunc{}, skipped: map[string]bool{}}
}

// run fits the given cells in a stage, longest first, and returns when none is in flight:
// nil also where folds failed (the board knows them), an error where the run was cancelled
// or must fail. It reorders cells.
func (f *fanOut) run(ctx workflow.Context, stage string, cells []*cell) error {
	longestFirst(cells)
	f.board.enter(ctx, stage)
	ctx, cancelAll := workflow.WithCancel(ctx)
	defer cancelAll()
	contexts := map[string]workflow.Context{}
	var longest *cell // of those since the last pause
	for _, c := range cells {
		if contexts[c.model] == nil {
			contexts[c.model], f.cancel[c.model] = workflow.WithCancel(ctx)
		}
		if longest == nil {
			longest = c
		} else if f.shorter(ctx, longest, c) {
			if err := f.pause(ctx, c); err != nil {
				break // as below
			}
			longest = c
		}
		if err := workflow.Await(ctx, func() bool { return f.inFlight < f.limit() || f.fatal != nil }); err != nil {
			break // cancelled: wait below for what is in flight
		}
		if f.fatal != nil {
			cancelAll()
			break
		}
		if f.skipped[c.model] {
			f.board.set(ctx, c, Skipped) // it may have been done when the skip came, and waits as damaged
			continue
		}
		f.start(contexts[c.model], cancelAll, c)
	}
	return f.settle(ctx, func() bool { return f.inFlight == 0 })
}

// headStart is how long shorter fits are held back, and longFit from how many expected seconds of a
// fit on they are.
const (
	headStart = time.Second
	longFit   = 5
)

// pauseChange is the version of the workflow from which on shorter fits are held back: executions
// from before schedule all at once.
const pauseChange = "longest-first"

// shorter says whether a fit is to be held back: it takes at most half as long as one before it, and
// the limit leaves room for both.
func (f *fanOut) shorter(ctx workflow.Context, longest, c *cell) bool {
	return longest.expects >= longFit && 2*c.expects <= longest.expects && f.inFlight < f.limit() &&
		workflow.GetVersion(ctx, pauseChange, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// pause holds a fit back until the server has queued what was scheduled before it: the steps of one
// task of a workflow come to the queue in any order.
func (f *fanOut) pause(ctx workflow.Context, c *cell) error {
	options := workflow.AwaitOptions{Timeout: headStart, TimerOptions: workflow.TimerOptions{Summary: "longer fits are queued first"}}
	_, err := workflow.AwaitWithOptions(ctx, options, func() bool { return f.fatal != nil || f.skipped[c.model] })
	return err
}

// settle waits, also in a cancelled run, until nothing is in flight any more, and says what the run
// ends with.
func (f *fanOut) settle(ctx workflow.Context, idle func() bool) error {
	free, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if err := workflow.Await(free, idle); err != nil {
		return err
	}
	if f.fatal != nil {
		return f.fatal
	}
	return ctx.Err()
}

// start schedules one fit and records its end whenever that comes.
func (f *fanOut) start(ctx workflow.Context, cancelAll workflow.CancelFunc, c *cell) {
	f.inFlight++
	f.board.set(ctx, c, Running)
	future := f.execute(ctx, c, 0)
	workflow.GoNamed(ctx, c.name(), func(ctx workflow.Context) {
		fit, err := resultOf(ctx, future, c)
		for round := 1; unattended(ctx, f.work.FitBudget.Std(), round, err); round++ {
			fit, err = resultOf(ctx, f.execute(ctx, c, round), c)
		}
		f.inFlight--
		f.end(ctx, c, fit, err)
		if f.fatal != nil {
			cancelAll()
		}
	})
}

// unattendedChange is the version of the workflow from which on time without a worker does not end a
// fit: in executions where that came up before, it fails.
const unattendedChange = "unattended-fits"

// unattended says whether a fit that ran out of its budget may be asked for again: its attempts, from the
// beginning of the first, had less, since it stood in the queue; or nobody was at it at the end, since
// its worker, or the server with it, was stopped. What ends by an error of its last attempt has failed.
func unattended(ctx workflow.Context, budget time.Duration, round int, err error) bool {
	var timeout *temporal.TimeoutError
	if !errors.As(err, &timeout) {
		return false
	}
	switch timeout.TimeoutType() {
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START: // no attempt was ever made
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		if attended(ctx, budget, round, timeout) {
			return false
		}
	default:
		return false
	}
	return workflow.GetVersion(ctx, unattendedChange, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// attended says by the latest heartbeat that attempts had the budget, all but a little, and were made
// until its end: a fit begins after it is scheduled, and an attempt that would have no time is not made.
func attended(ctx workflow.Context, budget time.Duration, round int, timeout *temporal.TimeoutError) bool {
	if !timeout.HasLastHeartbeatDetails() {
		return round > 1 // an attempt may be stopped before it tells anything, not all of them time and again
	}
	var last activities.FitProgress
	if timeout.LastHeartbeatDetails(&last) != nil || last.Since == 0 {
		return true // of a release that does not tell
	}
	since, at, now := time.UnixMilli(last.Since), time.UnixMilli(last.At), workflow.Now(ctx)
	return now.Sub(since) >= budget-min(restAfter, budget/10) && now.Sub(at) < restAfter
}

func (f *fanOut) execute(ctx workflow.Context, c *cell, round int) workflow.Future {
	ctx = workflow.WithActivityOptions(ctx, f.fitOptions(f.work, c, round))
	if c.isFinal() {
		return workflow.ExecuteActivity(ctx, activities.FitFinalName, activities.FitFinalInput{
			Run: f.work.Run, SpecDigest: f.work.SpecDigest, Model: c.model,
		})
	}
	return workflow.ExecuteActivity(ctx, activities.FitFoldName, activities.FitFoldInput{
		Run: f.work.Run, SpecDigest: f.work.SpecDigest, Model: c.model, Fold: c.fold, Force: c.force,
	})
}

// resultOf waits for a fit; a final one has no scores.
func resultOf(ctx workflow.Context, future workflow.Future, c *cell) (fit activities.FitFoldResult, err error) {
	if !c.isFinal() {
		err = future.Get(ctx, &fit)
		return fit, err
	}
	var final activities.FitFinalResult
	err = future.Get(ctx, &final)
	fit.Action, fit.Seconds, fit.Attempt = final.Action, final.Seconds, final.Attempt
	return fit, err
}

// end records how a fit ended.
func (f *fanOut) end(ctx workflow.Context, c *cell, fit activities.FitFoldResult, err error) {
	switch {
	case err == nil:
		f.board.done(ctx, c, fit)
		f.ended(ctx, c)
	case f.skipped[c.model]:
		f.board.set(ctx, c, Skipped)
	case temporal.IsCanceledError(err):
		f.board.set(ctx, c, Waiting)
	default:
		f.board.fail(ctx, c, failureOf(c, err))
		f.ended(ctx, c)
		if f.failFast && f.fatal == nil {
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
