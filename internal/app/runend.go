package app

import (
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/workflows"
)

// runEnds tells when a run of each type ended last, and how. Its clock is the workflow's, and
// a replay tells nothing. The children of a large run are no runs.
type runEnds struct {
	interceptor.WorkerInterceptorBase
}

func (*runEnds) InterceptWorkflow(ctx workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	if workflow.GetInfo(ctx).WorkflowType.Name == workflows.TrainModelName {
		return next
	}
	return &runEnd{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type runEnd struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (r *runEnd) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := r.Next.ExecuteWorkflow(ctx, in)
	outcome := "completed"
	switch {
	case workflow.IsContinueAsNewError(err):
		return result, err // the run goes on
	case temporal.IsCanceledError(err):
		outcome = "cancelled"
	case err != nil:
		outcome = "failed"
	}
	workflow.GetMetricsHandler(ctx).WithTags(map[string]string{"outcome": outcome}).
		Gauge("everfold_run_end_timestamp_seconds").Update(float64(workflow.Now(ctx).Unix()))
	return result, err
}
