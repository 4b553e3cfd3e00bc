package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// ScheduledTrainingName is the registered name of ScheduledTraining.
const ScheduledTrainingName = "ScheduledTraining"

// ErrAlreadyRunning: a scheduled start found its run's lock taken by another execution.
const ErrAlreadyRunning = "AlreadyRunning"

// ScheduledResult is what one start by a schedule came to.
type ScheduledResult struct {
	Run        string                        `json:"run"` // <type>/<run>
	WorkflowID string                        `json:"workflow_id"`
	Result     *Result                       `json:"result"`
	Compared   *activities.CompareBestResult `json:"compared,omitempty"` // with alert_drop
	Dropped    bool                          `json:"dropped,omitempty"`  // by more than alert_drop
	Pruned     *activities.PruneRunsResult   `json:"pruned,omitempty"`   // with prune
	Warnings   []string                      `json:"warnings,omitempty"` // beside those of the run
}

// ScheduledTraining runs a spec whose run is named by the time that the start was due:
// {spec, run_template: "churn-{date}"}, see config.Scheduled. The run is TrainSurvivalModels
// under its own id, so it has the lock, the queries and the updates of every run. A schedule
// gives this workflow an id of its own, which nothing is derived from.
//
// Input is decoded as strictly as that of TrainSurvivalModels, before anything starts. The
// cancellation of either workflow ends both as cancelled; a run that failed makes the start
// fail, by the same error type.
func (w *Workflows) ScheduledTraining(ctx workflow.Context, input json.RawMessage) (*ScheduledResult, error) {
	s, err := w.setupScheduled(ctx, input)
	if err != nil {
		return nil, err
	}
	return s.run(ctx)
}

// scheduledRun is one execution of ScheduledTraining.
type scheduledRun struct {
	*Workflows
	*config.Scheduled
	spec *config.Spec // of this start's run
}

func (w *Workflows) setupScheduled(ctx workflow.Context, input json.RawMessage) (*scheduledRun, error) {
	scheduled, err := config.DecodeScheduled(input)
	if err == nil {
		err = scheduled.Spec.CheckAbsolute()
	}
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), activities.ErrInvalidSpec, nil)
	}
	run, err := nameOf(ctx, scheduled)
	if err != nil {
		return nil, err
	}
	return &scheduledRun{Workflows: w, Scheduled: scheduled, spec: scheduled.SpecOf(run)}, nil
}

// nameOf is the run's name. It is recorded: the rules of time zones change, what was
// started does not.
func nameOf(ctx workflow.Context, scheduled *config.Scheduled) (run string, err error) {
	due := dueAt(ctx)
	recorded := workflow.SideEffect(ctx, func(workflow.Context) any { return scheduled.RunAt(due) })
	if err := recorded.Get(&run); err != nil {
		return "", fmt.Errorf("read the run's name: %w", err)
	}
	return run, nil
}

// scheduledStart is the search attribute in which the server tells for when a schedule had
// this start; it is there on every server and needs no registration.
var scheduledStart = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// dueAt is when the start was due: by the schedule, also where it comes late or is a
// backfill, else when the workflow was started by hand.
func dueAt(ctx workflow.Context) time.Time {
	if due, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledStart); ok {
		return due
	}
	return workflow.GetInfo(ctx).WorkflowStartTime
}

// run is the run, and what is done after it: none of that changes how the start ends. Older
// runs are removed also after one that failed, which takes room, too.
func (s *scheduledRun) run(ctx workflow.Context) (*ScheduledResult, error) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("run `%s`, workflow `%s`", s.spec.RunID(), s.spec.WorkflowID()))
	out := &ScheduledResult{Run: s.spec.RunID(), WorkflowID: s.spec.WorkflowID()}
	result, err := s.train(ctx)
	if temporal.IsCanceledError(err) {
		return nil, err
	}
	if err == nil {
		out.Result = result
		s.compare(ctx, out)
	}
	s.prune(ctx, out)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// train is the run itself, as a child.
func (s *scheduledRun) train(ctx workflow.Context) (*Result, error) {
	input, err := config.EncodeInput(s.spec, s.request())
	if err != nil {
		return nil, fmt.Errorf("encode the input of %s: %w", s.spec.RunID(), err)
	}
	options := s.childOptions(s.spec)
	if taggable(ctx) {
		options.TypedSearchAttributes = Attributes(s.spec)
	}
	ctx = workflow.WithChildOptions(ctx, options)
	child := workflow.ExecuteChildWorkflow(ctx, TrainSurvivalModelsName, json.RawMessage(input))
	var result Result
	if err := child.Get(ctx, &result); err != nil {
		return nil, s.failure(err)
	}
	return &result, nil
}

// request says how to go on with the run by hand: by the file that the schedule was made of.
func (s *scheduledRun) request() config.Request {
	start := s.Start
	if !start.IsZero() {
		start.Run = s.spec.Run
	}
	return config.Request{Start: start}
}

// failure is the run's failure as the schedule shows it.
func (s *scheduledRun) failure(err error) error {
	var taken *temporal.ChildWorkflowExecutionAlreadyStartedError
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	var terminated *temporal.TerminatedError
	typ, reason := "", ""
	switch run := s.spec.RunID(); {
	case temporal.IsCanceledError(err):
		return err
	case errors.As(err, &taken):
		typ, reason = ErrAlreadyRunning, fmt.Sprintf("%s is running already, started by other means: the workflow id %s is the run's lock. "+
			"It goes on; this start came to nothing", run, s.spec.WorkflowID())
	case errors.As(err, &app):
		typ, reason = app.Type(), fmt.Sprintf("%s: %s", run, app.Message())
	case errors.As(err, &timeout):
		typ, reason = "Timeout", fmt.Sprintf("%s ran out of time (%s)", run, timeout.TimeoutType())
	case errors.As(err, &terminated):
		typ, reason = "Terminated", run+" was terminated"
	default:
		return err
	}
	return temporal.NewApplicationErrorWithOptions(reason, typ, temporal.ApplicationErrorOptions{NonRetryable: true, Cause: err})
}

// compare tells where the best C-index is lower than that of the run before by more than
// alert_drop.
func (s *scheduledRun) compare(ctx workflow.Context, out *ScheduledResult) {
	if s.AlertDrop == 0 {
		return
	}
	in := activities.CompareBestInput{Run: activities.Ref(s.spec), Template: s.RunTemplate}
	var c activities.CompareBestResult
	actx := workflow.WithActivityOptions(ctx, s.compareOptions(in.Run))
	if err := workflow.ExecuteActivity(actx, activities.CompareBestName, in).Get(ctx, &c); err != nil {
		out.warn(ctx, "not compared with the run before: "+reasonOf(err))
		return
	}
	out.Compared, out.Dropped = &c, c.Drop() > s.AlertDrop
	if !out.Dropped {
		return
	}
	what := fmt.Sprintf("The best C-index fell by %.4f, more than %v: it is %.4f (%s), that of %s/%s was %.4f (%s).",
		c.Drop(), s.AlertDrop, *c.CIndex, c.Model, s.spec.Type, c.Former, *c.FormerCIndex, c.FormerModel)
	trouble := s.send(ctx, activities.NotifyInput{
		Run: activities.Ref(s.spec), Event: activities.EventScoreDrop, Endpoints: s.spec.Notify,
		Start: workflow.GetInfo(ctx).FirstRunID, Unchanged: out.Result.unchanged(), News: activities.News{What: what},
	})
	if trouble != "" {
		out.Warnings = append(out.Warnings, trouble)
	}
}

// prune removes the runs of the template that the retention does not keep.
func (s *scheduledRun) prune(ctx workflow.Context, out *ScheduledResult) {
	if s.Prune.IsZero() {
		return
	}
	in := activities.PruneRunsInput{Run: activities.Ref(s.spec), Template: s.RunTemplate, Retention: s.Prune}
	var pruned activities.PruneRunsResult
	ctx = workflow.WithActivityOptions(ctx, s.pruneOptions(in.Run))
	if err := workflow.ExecuteActivity(ctx, activities.PruneRunsName, in).Get(ctx, &pruned); err != nil {
		out.warn(ctx, "older runs were not removed: "+reasonOf(err))
		return
	}
	out.Pruned = &pruned
}

// warn keeps what went wrong beside the run.
func (r *ScheduledResult) warn(ctx workflow.Context, text string) {
	workflow.GetLogger(ctx).Warn(text, "category", "storage")
	r.Warnings = append(r.Warnings, text)
}

// scheduledSummary is the line that the Web UI shows of a run that a schedule started.
func scheduledSummary(spec *config.Spec) string {
	return fmt.Sprintf("%d models on %s, by schedule", len(spec.Models), path.Base(spec.Data.URI))
}
