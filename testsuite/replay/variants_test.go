package replay

import (
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
	"everfold/workflows"
)

// variant is the present workflow with one change, made from outside.
type variant struct {
	interceptor.WorkerInterceptorBase
	name      string
	needsFits bool // the change shows only where something is fitted
	scheduled bool // the change is one of ScheduledTraining
	change    func(next interceptor.WorkflowOutboundInterceptor) interceptor.WorkflowOutboundInterceptor
}

// variants are the kinds of change that need workflow.GetVersion: one activity more, one
// with another name, one command less.
var variants = []*variant{
	{name: "published-early", needsFits: true, change: publishEarly},
	{name: "summarize-renamed", change: renameSummarize},
	{name: "without-memo", change: withoutMemo},
	{name: "compared-early", scheduled: true, change: compareEarly},
}

// histories are the good ones that contradict the variant.
func (v *variant) histories() []string {
	switch {
	case v.scheduled:
		return []string{"scheduled", "scheduled-failed", "scheduled-cancelled", "scheduled-pruned"}
	case v.needsFits:
		return []string{"finished", "partial", "retried", "repaired", "updated"}
	}
	return []string{"finished", "partial", "retried", "repaired", "updated", "reused"}
}

// scenario is what the variant is recorded of.
func (v *variant) scenario() scenario {
	if v.scheduled {
		return scenario{name: v.name, scheduled: nightly}
	}
	return scenario{name: v.name}
}

// InterceptWorkflow applies the change to one execution.
func (v *variant) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	i := &changed{variant: v}
	i.Next = next
	return i
}

type changed struct {
	interceptor.WorkflowInboundInterceptorBase
	variant *variant
}

func (c *changed) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return c.Next.Init(c.variant.change(next))
}

// outbound changes how activities are started or the memo is written.
type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	execute func(ctx workflow.Context, activityType string, args ...any) workflow.Future
	memo    func(ctx workflow.Context, memo map[string]any) error
	child   func(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	if o.execute == nil {
		return o.Next.ExecuteActivity(ctx, activityType, args...)
	}
	return o.execute(ctx, activityType, args...)
}

func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
	if o.child == nil {
		return o.Next.ExecuteChildWorkflow(ctx, childType, args...)
	}
	return o.child(ctx, childType, args...)
}

func (o *outbound) UpsertMemo(ctx workflow.Context, memo map[string]any) error {
	if o.memo == nil {
		return o.Next.UpsertMemo(ctx, memo)
	}
	return o.memo(ctx, memo)
}

// publishEarly publishes once more, before the first fit.
func publishEarly(next interceptor.WorkflowOutboundInterceptor) interceptor.WorkflowOutboundInterceptor {
	o, published := &outbound{}, false
	o.Next = next
	o.execute = func(ctx workflow.Context, activityType string, args ...any) workflow.Future {
		if activityType == activities.FitFoldName && !published {
			published = true
			fit := args[0].(activities.FitFoldInput)
			next.ExecuteActivity(ctx, activities.PublishMetricsName,
				activities.PublishInput{Run: fit.Run, SpecDigest: fit.SpecDigest})
		}
		return next.ExecuteActivity(ctx, activityType, args...)
	}
	return o
}

// renameSummarize calls another activity in Summarize's place; its result decodes as an
// empty leaderboard.
func renameSummarize(next interceptor.WorkflowOutboundInterceptor) interceptor.WorkflowOutboundInterceptor {
	o := &outbound{}
	o.Next = next
	o.execute = func(ctx workflow.Context, activityType string, args ...any) workflow.Future {
		if activityType == activities.SummarizeName {
			activityType = activities.PublishMetricsName
		}
		return next.ExecuteActivity(ctx, activityType, args...)
	}
	return o
}

// compareEarly compares with the run before while the run still goes on.
func compareEarly(next interceptor.WorkflowOutboundInterceptor) interceptor.WorkflowOutboundInterceptor {
	o := &outbound{}
	o.Next = next
	o.child = func(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
		options := workflow.ActivityOptions{TaskQueue: workflows.QueueIO, ScheduleToCloseTimeout: time.Minute}
		run := activities.RunRef{Type: "production", Run: "night-1", Store: config.Store{URI: folder + "/outputs"}}
		next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activities.CompareBestName,
			activities.CompareBestInput{Run: run, Template: "night-{date}"})
		return next.ExecuteChildWorkflow(ctx, childType, args...)
	}
	return o
}

func withoutMemo(next interceptor.WorkflowOutboundInterceptor) interceptor.WorkflowOutboundInterceptor {
	o := &outbound{memo: func(workflow.Context, map[string]any) error { return nil }}
	o.Next = next
	return o
}
