package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
)

// errPoison: a fit that keeps taking workers down with it is given up.
var errPoison = errors.New("poison fold")

// guard counts the attempts at a task whose worker vanished.
type guard struct {
	store store.Store
	task  artifact.Task
	most  int // lost workers, then the task is given up
}

// guarded keeps the count of attempts that vanished: an out-of-memory kill is never an
// error, only a heartbeat timeout, and would be repeated for ever.
func guarded[R any](ctx context.Context, g guard, train func(context.Context) (R, error)) (R, error) {
	var none R
	info := activity.GetInfo(ctx)
	start := artifact.Start{Task: g.task, Execution: info.WorkflowExecution.RunID, Attempt: int(info.Attempt)}
	lost, err := artifact.RecordStart(ctx, g.store, start)
	if err != nil {
		return none, err
	}
	defer g.leave(ctx, start)
	if lost >= g.most {
		return none, fmt.Errorf("%w: %d attempts ended with their worker lost, without an error and without progress; out of memory is the usual cause (max_lost_workers: %d)",
			errPoison, lost, g.most)
	}
	return train(ctx)
}

// leave removes the record of an attempt that ends by itself, however it ends; the work is
// done or classified by then, so a store that refuses is only warned about.
func (g guard) leave(ctx context.Context, start artifact.Start) {
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := artifact.ClearStart(free, g.store, start); err != nil {
		logging.From(ctx).Warn("could not clear the start record", logging.CategoryStorage.Attr(), "error", err)
	}
}
