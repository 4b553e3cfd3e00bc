package activities

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/artifact"
	"everfold/logging"
	"everfold/survival"
)

// errInterrupted is the cause of a context that the worker's stop cancelled.
var errInterrupted = errors.New("the worker is stopping")

// heartbeatEvery is the least time between two heartbeats of one activity. The SDK
// throttles what it sends; this keeps the cost of recording out of inner loops.
const heartbeatEvery = 500 * time.Millisecond

// attempt is one attempt of an activity: its context carries the run's logger, ends when
// the worker stops, and turns survival.Check into heartbeats.
type attempt struct {
	ctx       context.Context // of the activity itself: outlives the worker's stop signal; nil: nobody listens
	number    int             // Temporal's, from 1
	modelType string          // "" until the run is known

	failures map[string]int // of the attempts before, see FitProgress

	mu       sync.Mutex // several goroutines may read the store
	progress FitProgress
	last     time.Time
}

// begin opens the run's log files before anything else happens, then derives the context.
// Call the returned function when the attempt ends.
func (a *Activities) begin(ctx context.Context, ref RunRef, model string, fold int) (context.Context, *attempt, func()) {
	info := activity.GetInfo(ctx)
	logger := slog.Default()
	if ref.check() == nil { // else it has no files; openRoot refuses it
		logger = a.RunLogger(ref)
	}
	logger = logger.With(logging.KeyWorkflowID, info.WorkflowExecution.ID, logging.KeyAttempt, info.Attempt)
	if model != "" {
		logger = logger.With(logging.KeyModel, model)
	}
	if model != "" && fold != artifact.FinalFold {
		logger = logger.With(logging.KeyFold, fold)
	}
	before, now := toldBefore(ctx), time.Now()
	at := &attempt{ctx: ctx, number: int(info.Attempt), failures: before.Failures, last: now}
	at.progress = FitProgress{Model: model, Fold: fold, Since: cmp.Or(before.Since, now.UnixMilli()), Failures: at.failures}
	at.progressed(now)
	work := context.WithValue(WithLimits(logging.Into(ctx, logger), a.Limits), attemptKey{}, at)
	work, cancel := context.WithCancelCause(work)
	go func() {
		if a.stopped(work, activity.GetWorkerStopChannel(ctx)) {
			cancel(errInterrupted)
		}
	}()
	return survival.WithProgress(work, at.beat), at, func() { cancel(nil) }
}

type attemptKey struct{}

// toldBefore is what earlier attempts told with their last heartbeat: when the first began, and failures.
func toldBefore(ctx context.Context) FitProgress {
	var told FitProgress
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &told) != nil {
		return FitProgress{} // the first attempt, or one after a release that tells none
	}
	return told
}

// nth is the how manieth failure of its type another one would be. Temporal's own number also counts
// the attempts that a stop of the worker interrupted.
func (at *attempt) nth(typ string) int { return at.failures[typ] + 1 }

// failed tells the attempts that follow that this one failed. The SDK sends it with the failure at the
// latest; should it be lost, there is one attempt more.
func (at *attempt) failed(typ string) {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.progress.Failures = maps.Clone(at.failures)
	if at.progress.Failures == nil {
		at.progress.Failures = map[string]int{}
	}
	at.progress.Failures[typ]++
	at.progress.At = time.Now().UnixMilli()
	activity.RecordHeartbeat(at.ctx, at.progress)
}

// pollsEnd bounds the wait for a server that does not answer a stopping worker.
const pollsEnd = time.Second

// stopped returns true when an attempt is to end because its worker does, false when it has
// ended by itself. The worker asks for no work any more by then, so what goes back to the
// server is not given to it again.
func (a *Activities) stopped(work context.Context, polling <-chan struct{}) bool {
	interrupt := a.Interrupt
	if interrupt == nil {
		interrupt = polling
	}
	select {
	case <-interrupt:
	case <-work.Done():
		return false
	}
	timer := time.NewTimer(pollsEnd)
	defer timer.Stop()
	select {
	case <-polling:
	case <-timer.C:
	case <-work.Done():
		return false
	}
	return true
}

// stage names what the attempt does now. It is told with the next heartbeat: a fold that
// takes less than heartbeatEvery needs none, and the SDK waits for the server with the
// first of an attempt.
func (at *attempt) stage(name string) {
	at.mu.Lock()
	at.progress.Stage = name
	at.mu.Unlock()
	at.beat(0, 0)
}

// beat records a heartbeat from real progress; there is no timer that would hide a hang.
func (at *attempt) beat(done, total float64) {
	at.mu.Lock()
	defer at.mu.Unlock()
	now := time.Now()
	if at.ctx == nil || now.Sub(at.last) < heartbeatEvery {
		return
	}
	at.last = now
	at.progressed(now)
	at.progress.Done, at.progress.Total = finite(done), finite(total)
	activity.RecordHeartbeat(at.ctx, at.progress)
}

// finite keeps NaN and Inf out of heartbeats: the SDK panics on them.
func finite(v float64) float64 {
	if v-v != 0 {
		return 0
	}
	return v
}
