package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everfold/workflows"
)

func (p *program) skipCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "skip RUN MODEL",
		Short: "stop fitting one model of a running run",
		Long: `Folds of MODEL that wait or run are given up for this execution; that is no failure. Its
complete folds stay. The next start of the run fits the model again.`,
		Example: "  starter skip production/veteran weibull_aft",
		Args:    exactArgs("RUN", "MODEL"),
		RunE: func(command *cobra.Command, args []string) error {
			return p.withRun(command.Context(), t, args[0], func(l *link, run runRef) error {
				if _, err := update(command.Context(), l, run, workflows.UpdateSkipModel, workflows.SkipModel{Model: args[1]}); err != nil {
					return err
				}
				return p.report(action{Run: run.String(), Action: "skip", Model: args[1]}, args[1]+" is skipped in this execution")
			})
		},
	}
	addTarget(command, &t)
	p.addJSON(command)
	return command
}

// update sends an update to a running run and waits for the answer, which needs a worker.
func update(ctx context.Context, c client.Client, run runRef, name string, argument any) (workflows.Progress, error) {
	var p workflows.Progress
	described, err := describe(ctx, c, run.workflowID(), "")
	if err != nil {
		return p, missingRun(run, err)
	}
	if !described.running() {
		return p, fail(exitNotFound, "only a running run can be changed; starter run SPEC starts it",
			"%s is not running: it is %s", run, statusWord(described.status))
	}
	ctx, cancel := context.WithTimeout(ctx, memoWait)
	defer cancel()
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.workflowID(), RunID: described.execution, UpdateName: name,
		Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &p)
	}
	return p, refused(run, err)
}

// refused tells a run that said no from one that could not be asked.
func refused(run runRef, err error) error {
	var application *temporal.ApplicationError
	var timeout *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var missing *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &application):
		return usageError("starter status "+run.String()+" shows its models", "%s refuses: %s", run, application.Message())
	case errors.As(err, &missing):
		return fail(exitNotFound, "", "%s has ended meanwhile", run)
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return fail(exitUnreachable, "start a worker: bin/worker", "no worker answered for %s within %s", run, rough(memoWait))
	}
	return fmt.Errorf("update %s: %w", run, err)
}
