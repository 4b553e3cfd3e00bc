package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// tracking brings the tracking server up to date beside the fits, and once more when the run
// ends: at most one call at a time, and one for all folds that ended during the last. It
// never fails the run, and never costs its end more than tracker.budget.
//
// Calls that fail are paid from the budget. With less of it left than one timeout, tracking is
// quiet: each fold that ends allows one attempt, whose first request is the probe.
type tracking struct {
	run    *trainRun
	state  *Tracking // nil: there is no tracker; also the board's
	dirty  bool      // a fold ended since the last call began
	ready  bool      // run.json is written: there is something to track
	closed bool
	idle   bool
	mended bool // the last call succeeded, at a later attempt
	spent  time.Duration
}

// trackerChange is the version of workflows that track; those from before never do.
const trackerChange = "tracker"

// leastBound: with less time left than this a call is not worth its start.
const leastBound = time.Second

// start asks at once whether tracking works, and goes on with it beside the run.
func (t *tracking) start(ctx workflow.Context) {
	if t.run.spec.Tracker.Off() || workflow.GetVersion(ctx, trackerChange, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		t.idle = true
		return
	}
	t.state = &Tracking{State: TrackingStarting, Server: cmp.Or(t.run.spec.Tracker.URI, "$MLFLOW_TRACKING_URI")}
	t.run.board.tracking = t.state
	// As publishing, tracking goes on while a cancelled run waits for its fits.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "track", t.loop)
}

// planned: from here on there is a run to be seen, without folds yet or with those reused.
func (t *tracking) planned() { t.dirty, t.ready = true, true }

func (t *tracking) loop(ctx workflow.Context) {
	defer func() { t.idle = true }()
	budget := t.run.spec.Tracker.Budget.Std()
	t.call(ctx, activities.SyncTrackerInput{Probe: true}, "probe the tracker", budget)
	for t.state != nil {
		if err := workflow.Await(ctx, func() bool { return t.closed || t.dirty }); err != nil || t.closed {
			return // what is dirty then is the last call's
		}
		t.dirty = false
		t.call(ctx, activities.SyncTrackerInput{Status: activities.TrackedRunning}, "tracker", budget)
	}
}

// finish sends what is left with the final status, files included. cause is what the run
// ended with; a run that could not be prepared leaves the tracker as an earlier start left it.
func (t *tracking) finish(ctx workflow.Context, cause error) {
	t.closed = true
	if t.state == nil && t.idle || !t.ready {
		return
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if t.state != nil {
		t.run.board.enter(ctx, stageTracking)
	}
	deadline := workflow.Now(ctx).Add(t.run.spec.Tracker.Budget.Std())
	// The call in flight is bounded by the budget itself.
	if err := workflow.Await(ctx, func() bool { return t.idle }); err != nil || t.state == nil {
		return
	}
	in := activities.SyncTrackerInput{Status: statusOf(cause), Last: true}
	if !t.call(ctx, in, "tracker: final state", deadline.Sub(workflow.Now(ctx))) {
		t.warn(ctx, fmt.Sprintf("the tracker does not have everything of this run: starter track sync %s sends what is missing, once the server answers", OutputOf(t.run.spec)))
	}
}

// statusOf is how a run that ended with cause is shown.
func statusOf(cause error) activities.TrackerStatus {
	switch {
	case cause == nil:
		return activities.TrackedFinished
	case temporal.IsCanceledError(cause):
		return activities.TrackedKilled
	}
	return activities.TrackedFailed
}

// call makes one call within most, pays for its failure, and says whether it succeeded.
func (t *tracking) call(ctx workflow.Context, in activities.SyncTrackerInput, what string, most time.Duration) bool {
	spec := t.run.spec
	attempts, bound := spec.Tracker.Attempts, spec.Tracker.Budget.Std()-t.spent
	quiet := bound < spec.Tracker.Timeout.Std()
	switch {
	case in.Last: // most is what the end may cost, whatever was spent before
		bound = most
	case quiet: // enough to see that the server is back; what is sent by then stays sent
		bound = min(spec.Tracker.Budget.Std(), quietBound(spec.Tracker.Timeout.Std()))
	}
	if quiet {
		attempts = 1
	}
	if bound = min(bound, most); bound < leastBound {
		t.failed(ctx, 0, errors.New("no time was left"))
		return false
	}
	in.Run, in.SpecDigest, in.Tracker, in.RunID = activities.Ref(spec), t.run.digest, spec.Tracker, t.state.RunID
	in.Tracker.Attempts = attempts
	began := workflow.Now(ctx)
	var out activities.SyncTrackerResult
	actx := workflow.WithActivityOptions(ctx, t.run.trackerOptions(activities.Ref(spec), spec.Tracker, bound, what))
	err := workflow.ExecuteActivity(actx, activities.SyncTrackerName, in).Get(ctx, &out)
	took := workflow.Now(ctx).Sub(began)
	switch {
	case err != nil:
		t.failed(ctx, took, err)
	case out.Off:
		t.state, t.run.board.tracking = nil, nil
	default:
		t.succeeded(ctx, &in, &out, took)
	}
	t.run.board.show(ctx)
	return err == nil
}

// quietBound is two timeouts, and never so little that the call is not worth its start.
func quietBound(timeout time.Duration) time.Duration { return max(2*timeout, leastBound) }

// succeeded takes over what a call brought. Failures that a later attempt mended are a warning
// once a series.
func (t *tracking) succeeded(ctx workflow.Context, in *activities.SyncTrackerInput, out *activities.SyncTrackerResult, took time.Duration) {
	t.state.Calls++
	behind := t.state.State == TrackingFailing || t.state.State == TrackingQuiet // which was a warning
	t.state.State, t.state.Error = TrackingOK, ""
	if out.Attempt > 1 { // the attempts before it failed
		t.pay(took - time.Duration(out.Seconds*float64(time.Second)))
		t.state.Failures += out.Attempt - 1
		t.state.Calls += out.Attempt - 1
		if !t.mended && !behind {
			t.warn(ctx, fmt.Sprintf("the tracker took what it was sent at attempt %d only", out.Attempt))
		}
	}
	t.mended = out.Attempt > 1
	if in.Probe {
		return
	}
	t.state.RunID, t.state.URL, t.state.Folds, t.state.Note = out.RunID, out.URL, out.Folds, out.Note
	if out.Recreated {
		t.warn(ctx, fmt.Sprintf("the tracking run %s was gone from the server; it was made anew as %s, with everything", in.RunID, out.RunID))
	}
}

// failed records a failure; the first of a series is a warning.
func (t *tracking) failed(ctx workflow.Context, took time.Duration, err error) {
	t.pay(took)
	t.state.Calls++
	t.state.Failures++
	t.state.Error = failureOf(&cell{}, err).Message
	first := t.state.State == TrackingOK || t.state.State == TrackingStarting
	t.state.State = TrackingFailing
	if t.run.spec.Tracker.Budget.Std()-t.spent < t.run.spec.Tracker.Timeout.Std() {
		t.state.State = TrackingQuiet
	}
	if first {
		t.run.alertTrackerDown(ctx, t.state.Error)
		t.warn(ctx, "the tracker does not take what it is sent; the run does not wait for it: "+t.state.Error)
	}
}

func (t *tracking) pay(d time.Duration) {
	t.spent += max(0, d)
	t.state.FailedSeconds = t.spent.Seconds()
}

// warn adds a warning to the run's, by category as in logs.
func (t *tracking) warn(ctx workflow.Context, text string) {
	t.run.warnings = append(t.run.warnings, "mlflow_error: "+text)
	workflow.GetLogger(ctx).Warn(text, "category", "mlflow_error")
}
