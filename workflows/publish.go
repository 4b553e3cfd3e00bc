package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// publisher brings model_metrics.csv up to date after folds end: at most one call at a
// time, and one call for all folds that ended during the last. It never fails the run.
type publisher struct {
	run    *trainRun
	dirty  bool // a fold ended since the last call began
	closed bool
	idle   bool
	failed bool // the present series of failures has been reported
}

// start runs the publisher beside the fits.
func (p *publisher) start(ctx workflow.Context) {
	// Publishing goes on while a cancelled run waits for its fits, hence its own context.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(ctx, "publish metrics", p.loop)
}

func (p *publisher) loop(ctx workflow.Context) {
	defer func() { p.idle = true }()
	for {
		if err := workflow.Await(ctx, func() bool { return p.dirty || p.closed }); err != nil || !p.dirty {
			return
		}
		p.dirty = false
		p.publish(ctx)
	}
}

func (p *publisher) publish(ctx workflow.Context) {
	input := activities.PublishInput{Run: activities.Ref(p.run.spec), SpecDigest: p.run.digest}
	actx := workflow.WithActivityOptions(ctx, p.run.publishOptions(input.Run))
	err := workflow.ExecuteActivity(actx, activities.PublishMetricsName, input).Get(ctx, nil)
	if err != nil && !p.failed {
		message := fmt.Sprintf("model_metrics.csv is behind, it will be written with the summary: %v", err)
		p.run.warnings = append(p.run.warnings, message)
		workflow.GetLogger(ctx).Warn(message, "category", "storage")
	}
	p.failed = err != nil
}

// drain waits until everything that ended is published or given up.
func (p *publisher) drain(ctx workflow.Context) {
	p.closed = true
	if err := workflow.Await(ctx, func() bool { return p.idle }); err != nil {
		workflow.GetLogger(ctx).Warn("publishing was cut short", "category", "storage", "error", err)
	}
}
