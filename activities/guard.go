package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/artifact"
	"everfold/config"
	"everfold/logging"
	"everfold/store"
)

// errPoison: a fit that keeps taking workers down with it is given up. errLost: another step of a run
// that does.
var (
	errPoison = errors.New("poison fold")
	errLost   = errors.New("workers lost")
)

// guard counts the attempts at a task whose worker vanished.
type guard struct {
	store store.Store
	task  artifact.Task
	most  int    // lost workers, then the task is given up
	mend  string // what an operator can do about a step; "": the task is a fit
}

// guardOf guards a step of a run beside its fits.
func guardOf(s store.Store, step string, spec *config.Spec, mend string) guard {
	return guard{store: s, task: artifact.StepTask(step), most: spec.Resources.MaxLostWorkers, mend: mend}
}

// guarded keeps the count of attempts that vanished: an out-of-memory kill is never an
// error, only a heartbeat timeout, and would be repeated for ever. What is kept for a task is
// removed when train has made it complete.
func guarded[R any](ctx context.Context, g guard, train func(context.Context) (R, error)) (R, error) {
	var none R
	info := activity.GetInfo(ctx)
	start := artifact.Start{Task: g.task, Execution: info.WorkflowExecution.RunID, Attempt: int(info.Attempt)}
	ended := g.leave // after a panic, too, and where the record may be there although recording it failed
	defer func() { ended(ctx, start) }()
	lost, err := artifact.RecordStart(ctx, g.store, start)
	if err != nil {
		return none, err
	}
	if lost >= g.most {
		return none, g.givenUp(lost)
	}
	out, err := train(ctx)
	if err == nil {
		ended = g.clear
	}
	return out, err
}

func (g guard) givenUp(lost int) error {
	if g.mend == "" {
		return fmt.Errorf("%w: %d attempts ended with their worker lost, without an error and without progress; out of memory is the usual cause (max_lost_workers: %d)",
			errPoison, lost, g.most)
	}
	return fmt.Errorf("%w: %d attempts ended with the death of their worker, or with it hung, without an error; out of memory is the usual cause (max_lost_workers: %d); %s",
		errLost, lost, g.most, g.mend)
}

// leaveWithin is how long the end of an attempt waits for the store.
const leaveWithin = 10 * time.Second

// clear removes all that was kept for a task, once it is complete: the record of this attempt
// is among it.
func (g guard) clear(ctx context.Context, _ artifact.Start) {
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	clearCheckpoints(free, g.store, g.task)
}

// leave removes the record of an attempt that ends by itself, but not well; that is
// classified by then, so a store that refuses is only warned about.
func (g guard) leave(ctx context.Context, start artifact.Start) {
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer cancel()
	if err := artifact.ClearStart(free, g.store, start); err != nil {
		logging.From(ctx).Warn("could not clear the start record", logging.CategoryStorage.Attr(), "error", err)
	}
}
