package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// alertsChange is the version of the workflow from which on alerts are sent: executions that
// ended without them replay without them.
const alertsChange = "alerts"

// maxTold bounds the failures in a message; the result has the others.
const maxTold = 10

// maxReason bounds the reason of one failure in a message, in bytes.
const maxReason = 300

// alerts is what the run tells while it goes on.
type alerts struct {
	open    int  // messages on their way
	tracker bool // that the tracker is down was told
}

// alertTrackerDown tells, once a start, that the tracker fails. It waits for nothing.
func (r *trainRun) alertTrackerDown(ctx workflow.Context, reason string) {
	if len(r.spec.Notify) == 0 || r.alerts.tracker {
		return
	}
	r.alerts.tracker = true
	r.alerts.open++
	in := r.alert(ctx, activities.EventTrackerDown)
	in.News = activities.News{
		What:   "The tracker does not take what it is sent; the run goes on, and sends everything once it answers. " + reason,
		Resume: "starter track sync " + quote(OutputOf(r.spec)),
	}
	workflow.GoNamed(ctx, "alert", func(ctx workflow.Context) {
		defer func() { r.alerts.open-- }()
		if trouble := r.tell(ctx, in); trouble != "" {
			r.warnings = append(r.warnings, trouble)
		}
	})
}

// alertEnd tells that the run has ended, and waits for the messages, for as long as their
// policy allows: the worker may end with the run. A cancelled run is no news to whoever
// cancelled it.
func (r *trainRun) alertEnd(ctx workflow.Context, result *Result, err error) {
	if len(r.spec.Notify) == 0 {
		return
	}
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if workflow.Await(free, func() bool { return r.alerts.open == 0 }) != nil || temporal.IsCanceledError(err) {
		return
	}
	in := r.alert(ctx, activities.EventFailed)
	switch {
	case err != nil:
		in.News = activities.News{What: "The run failed: " + reasonOf(err), Resume: r.resume(false)}
	case result.Outcome == Partial:
		in.Event = activities.EventPartial
		in.News = activities.News{What: result.sentence(), Resume: r.resume(true)}
	default:
		in.Event, in.Unchanged = activities.EventCompleted, result.unchanged()
		in.News = activities.News{What: result.sentence()}
	}
	in.News.Failures, in.News.More = r.board.troubles()
	if trouble := r.tell(ctx, in); trouble != "" {
		r.warnings = append(r.warnings, trouble)
	}
	if result != nil {
		result.Warnings = firstOf(r.warnings)
	}
}

func (r *trainRun) alert(ctx workflow.Context, event activities.Event) activities.NotifyInput {
	return activities.NotifyInput{
		Run: activities.Ref(r.spec), Event: event, Endpoints: r.spec.Notify,
		Start: workflow.GetInfo(ctx).FirstRunID, // kept by a reset
	}
}

// tell sends an event's messages and returns what did not arrive, as a warning. It never
// fails the run, nor does the run's cancellation keep it from telling.
func (r *trainRun) tell(ctx workflow.Context, in activities.NotifyInput) (trouble string) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if workflow.GetVersion(ctx, alertsChange, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return ""
	}
	return r.send(ctx, in)
}

// send is tell for whoever has no histories from before there were alerts.
func (w *Workflows) send(ctx workflow.Context, in activities.NotifyInput) (trouble string) {
	ctx = workflow.WithActivityOptions(ctx, w.notifyOptions(in.Run, in.Event))
	var out activities.NotifyResult
	err := workflow.ExecuteActivity(ctx, activities.NotifyName, in).Get(ctx, &out)
	list := out.Troubles()
	if err != nil {
		list = []string{reasonOf(err)}
	}
	if len(list) == 0 {
		return ""
	}
	trouble = fmt.Sprintf("alert %s did not arrive: %s", in.Event, strings.Join(list, "; "))
	workflow.GetLogger(ctx).Warn(trouble, "category", "config")
	return trouble
}

// reasonOf is an activity's own message, without where it came from.
func reasonOf(err error) string {
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	said := ""
	if errors.As(err, &app) {
		said = app.Type() + ": " + app.Message()
	}
	switch {
	case errors.As(err, &timeout) && said != "":
		return fmt.Sprintf("out of time (%s), at last %s", timeout.TimeoutType(), said)
	case errors.As(err, &timeout):
		return fmt.Sprintf("out of time (%s)", timeout.TimeoutType())
	case said != "":
		return said
	}
	return err.Error()
}

// troubles are the first failures of folds and final fits, in the plan's order, and how many
// more there are.
func (b *board) troubles() (first []activities.Trouble, more int) {
	for _, cells := range [][]*cell{b.cells, b.finals} {
		for _, c := range cells {
			switch {
			case c.failure == nil || c.state != Failed:
			case len(first) == maxTold:
				more++
			default:
				reason := activities.Cut(c.failure.Type+": "+c.failure.Message, maxReason)
				first = append(first, activities.Trouble{What: c.name(), Reason: reason})
			}
		}
	}
	return first, more
}

// sentence counts what there is in a finished run.
func (r *Result) sentence() string {
	s := fmt.Sprintf("Finished: of %d folds %d were trained, %d scored again, %d reused", r.Planned, r.Trained, r.Rescored, r.Reused)
	if r.Failed > 0 {
		s += fmt.Sprintf(", %d failed", r.Failed)
	}
	if r.FailedFinals > 0 {
		s += fmt.Sprintf("; of %d final models %d failed", len(r.Finals), r.FailedFinals)
	}
	return s + "."
}

// unchanged says that everything was complete before.
func (r *Result) unchanged() bool {
	for _, f := range r.Finals {
		if f.Action != activities.Reuse {
			return false
		}
	}
	return r.Trained+r.Rescored == 0
}

// resume is the command that goes on with this run: the one it was started by, without
// wishes of that start that are fulfilled.
func (r *trainRun) resume(onlyFailed bool) string {
	start := r.request.Start
	if r.recovery != nil {
		return "starter recover " + quote(OutputOf(r.spec))
	}
	if start.IsZero() {
		return fmt.Sprintf("temporal workflow start --type %s --task-queue %s --workflow-id %s --input-file INPUT.json\n"+
			"(INPUT.json: the input that this run was started with)", TrainSurvivalModelsName, QueueWorkflows, r.spec.WorkflowID())
	}
	words := []string{"starter", "run", start.Spec}
	for _, assignment := range start.Set {
		words = append(words, "--set", assignment)
	}
	if start.Run != "" {
		words = append(words, "--run", start.Run)
	}
	switch {
	case r.request.RetrainChanged:
		words = append(words, "--retrain-changed")
	case onlyFailed:
		words = append(words, "--only-failed")
	}
	if start.Embedded {
		words = append(words, "--embedded")
	}
	for i, word := range words {
		words[i] = quote(word)
	}
	return strings.Join(words, " ")
}

// plainWord needs no quotes in a shell.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@+%"

// quote makes a word that a shell takes as it is.
func quote(word string) string {
	if word != "" && strings.Trim(word, plainWord) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
