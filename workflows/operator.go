package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"everfold/config"
)

// registerHandlers answers the query "progress" and the updates "skip-model" and
// "set-parallelism" from the first workflow task on.
func (r *trainRun) registerHandlers(ctx workflow.Context) error {
	progress := func() (Progress, error) { return r.progress(), nil }
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryProgress, progress,
		workflow.QueryHandlerOptions{Description: "stage, counts and scores per model and fold"}); err != nil {
		return fmt.Errorf("register query %s: %w", QueryProgress, err)
	}
	skip := workflow.UpdateHandlerOptions{Validator: r.validateSkip, Description: "stop fitting one model in this execution"}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateSkipModel, r.handleSkip, skip); err != nil {
		return fmt.Errorf("register update %s: %w", UpdateSkipModel, err)
	}
	parallel := workflow.UpdateHandlerOptions{Validator: validateParallelism, Description: "how many fits may be scheduled at once"}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateSetParallelism, r.handleParallelism, parallel); err != nil {
		return fmt.Errorf("register update %s: %w", UpdateSetParallelism, err)
	}
	return nil
}

func (r *trainRun) validateSkip(in SkipModel) error {
	known := func(m config.Model) bool { return m.Name == in.Model }
	if !slices.ContainsFunc(r.spec.Models, known) {
		return fmt.Errorf("no model %q in this run", in.Model)
	}
	return nil
}

func (r *trainRun) handleSkip(ctx workflow.Context, in SkipModel) (Progress, error) {
	r.fits.skip(ctx, in.Model)
	return r.progress(), nil
}

func validateParallelism(in SetParallelism) error {
	if in.Fits < 0 || in.Fits > maxFanOut {
		return fmt.Errorf("fits must be 0 (the spec's) to %d, not %d", maxFanOut, in.Fits)
	}
	return nil
}

func (r *trainRun) handleParallelism(_ workflow.Context, in SetParallelism) (Progress, error) {
	r.wanted = in.Fits
	return r.progress(), nil
}

// progress is the present state of the run.
func (r *trainRun) progress() Progress {
	p := r.board.progress()
	p.Output = OutputOf(r.spec)
	p.Parallel = r.limit()
	p.Warnings = r.warnings
	p.Tracker = r.board.tracking
	return p
}
