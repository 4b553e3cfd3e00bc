package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// Every timeout and retry policy of everfold's activities is in this file.
const (
	// DefaultHeartbeatTimeout is how long a vanished worker stays unnoticed: the most wall
	// time that a crash costs beside the lost work.
	DefaultHeartbeatTimeout = 30 * time.Second

	// maxFanOut bounds the fits scheduled at once: the server allows 2,000 pending
	// activities and advises 500; 200 keeps mutable state small and feeds 200 slots.
	maxFanOut = 200

	// DefaultOneWorkflow is up to how many fits a run is one workflow. A fold that ends, is
	// published and is tracked alone is 18 events, and the server warns at 10,240. Runs that are
	// open when this number is changed must keep it: see trainRun.divided.
	DefaultOneWorkflow = 500

	// reportsAtMost is how often a large run hears of its folds from its children, beside what
	// each model's end takes: as often as the largest run of one workflow of its own. A report that
	// is published and tracked alone is 16 events.
	reportsAtMost = DefaultOneWorkflow

	// restAfter: an attempt gives signs of life, or fails and is followed by the next one, within
	// a minute. What has given none for so long has no worker. Executions were decided by it: another
	// value is another version of unattendedChange.
	restAfter = 10 * time.Minute

	// maxRounds bounds how often the time for a fit that is asked for again is doubled.
	maxRounds = 10

	// storePatience is how long a run waits for a store that is down. The work is done by
	// then, so waiting is cheaper than failing; an operator cancels earlier if need be.
	storePatience = 72 * time.Hour

	// publishPatience bounds the publishing of model_metrics.csv while fits go on. A later
	// publish, and Summarize at the end, write the same rows, so giving up costs nothing.
	publishPatience = 2 * time.Minute

	// reportPatience bounds the report of a run's end, its waiting for a worker included: what a
	// report that cannot be written, or a missing io worker, adds to a run at most. Afterwards
	// starter report writes it.
	reportPatience = 5 * time.Minute

	// afterPatience bounds what a schedule does after its run, each: the next start may wait for
	// it. What is given up is done after the next run.
	afterPatience = 2 * time.Hour

	// alertAttempt bounds one attempt to send an event's messages: those of all endpoints
	// are sent at once, each within notify.Timeout. It is also how long a vanished worker
	// stays unnoticed.
	alertAttempt = 20 * time.Second
	// alertPatience bounds all attempts and their waiting for a worker: what an endpoint
	// that does not answer, or a missing io worker, adds to a run at most, and twice that where
	// the tracker's alert is still on its way when the run ends.
	alertPatience = time.Minute
)

// Priorities of what waits for a worker's slots, the smallest first. They are of use where the
// server has them switched on (see docs/OPERATIONS.md) and harmless where it has not.
//
// Folds are not told apart by how long they take: a stream of long ones would starve the short
// ones of another run. Each run schedules its longest first, and runs take turns.
const (
	// Without it a run has no plan, no status, and no refusal of a bad file. It takes seconds.
	priorityPrepare = 1
	// The last steps of a run whose folds are complete: they are few, and end it.
	priorityFinal = 2
	priorityFold  = 3
)

// Priorities on the io queue. Whatever is short and bounded by the time that it may wait never waits
// for what takes long: of that a worker does some at a time, see activities.
const (
	// Tables, tracker and alerts: a moment each.
	priorityCall = 1
	// Summary and report: a run waits for them.
	priorityEnd = 2
	// What a schedule does after its run.
	priorityAfter = 3
)

// maxFairnessKey is how long the server allows a key to be, in bytes.
const maxFairnessKey = 64

// priorityOf is a task's priority. Runs that wait for the same slots take turns: the key is
// the run's.
func priorityOf(run activities.RunRef, key int) temporal.Priority {
	fair := string(run.Type) + "/" + run.Run
	if len(fair) > maxFairnessKey {
		sum := sha256.Sum256([]byte(fair))
		fair = fair[:maxFairnessKey-17] + "~" + hex.EncodeToString(sum[:8])
	}
	return temporal.Priority{PriorityKey: key, FairnessKey: fair}
}

// permanent lists the failures that another attempt would only repeat. A panic is a bug in
// a model for these data: retrying for fit_budget would hide it. A fit that ran into
// fit_timeout would run into it again.
var permanent = []string{
	activities.ErrInvalidSpec, activities.ErrDataInvalid, activities.ErrNoEvents,
	activities.ErrNotConverged, activities.ErrPoisonFold, activities.ErrWorkersLost, activities.ErrSuperseded,
	activities.ErrNoMemory, "PanicError", "TemporalTimeout:StartToClose",
}

// retryForever retries with back-off up to a minute and never counts attempts: a worker
// restart burns an attempt, so any small limit would be used up by deployments. The end is
// set by ScheduleToClose and by the permanent errors.
func retryForever() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:        time.Second,
		BackoffCoefficient:     2,
		MaximumInterval:        time.Minute,
		NonRetryableErrorTypes: permanent,
	}
}

// prepareOptions: reading 10⁶ rows takes seconds, from a slow store minutes. It runs on the
// train queue because it needs a fit's memory and cores.
func (w *Workflows) prepareOptions(s *config.Spec) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueTrain,
		StartToCloseTimeout:    6 * time.Hour,
		ScheduleToCloseTimeout: storePatience,
		HeartbeatTimeout:       w.heartbeat(),
		RetryPolicy:            retryForever(),
		Priority:               priorityOf(activities.Ref(s), priorityPrepare),
		Summary:                fmt.Sprintf("prepare %s/%s", s.Type, s.Run),
	}
}

// fitOptions: one attempt may take fit_timeout, all attempts fit_budget. The server counts waiting
// for a worker, too: a fit that is unattended is asked for again, each round with twice the time, so
// that many short budgets fill no history. There is no ScheduleToStart: a queue of folds is normal.
func (w *Workflows) fitOptions(shared Work, c *cell, round int) workflow.ActivityOptions {
	priority := priorityFold
	if c.isFinal() {
		priority = priorityFinal
	}
	return workflow.ActivityOptions{
		TaskQueue:              QueueTrain,
		StartToCloseTimeout:    shared.FitTimeout.Std(),
		ScheduleToCloseTimeout: shared.FitBudget.Std() << min(round, maxRounds),
		HeartbeatTimeout:       w.heartbeat(),
		WaitForCancellation:    true, // a cancelled fit ends before the run does, so nothing writes after it
		RetryPolicy:            retryForever(),
		Priority:               priorityOf(shared.Run, priority),
		Summary:                c.name(),
	}
}

// predictOptions: predicting from a final model is as heavy as fitting it may be, and is
// bounded alike.
func (w *Workflows) predictOptions(shared Work, model string) workflow.ActivityOptions {
	options := w.fitOptions(shared, &cell{foldID: foldID{model, activities.FinalFold}}, 0)
	options.Summary = "predictions of " + model
	return options
}

// modelOptions: the folds of one model of a large run. A child that still runs under that id is
// of an execution of the run that was terminated or reset: the run's own id is the lock, so it
// makes room. Likewise a run that is terminated takes its children along, as it takes its
// fits. A cancelled child ends once its fits have ended. There is no retry: fits have theirs.
func (w *Workflows) modelOptions(run workflow.Execution, model string, folds int) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID: modelID(run.ID, model),
		TaskQueue:  QueueWorkflows,
		//lint:ignore SA1019 what replaces it, a conflict policy, starts have and children have not
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_TERMINATE,
		WaitForCancellation:   true,
		StaticSummary:         fmt.Sprintf("%s: %d folds", model, folds),
	}
}

// childOptions: a scheduled run under its own id, the run's lock, which is refused while
// somebody else has it and free again when a run has ended. A cancelled schedule waits until
// the run has published what is complete; where the parent ends otherwise (terminated, or out
// of time) the run is cancelled, too, and leaves order behind. There is no retry: the run
// itself retries whatever may help.
func (w *Workflows) childOptions(s *config.Spec) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            s.WorkflowID(),
		TaskQueue:             QueueWorkflows,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
		Memo:                  map[string]any{MemoSpecDigest: s.Digest(), MemoOutput: OutputOf(s)},
		StaticSummary:         scheduledSummary(s),
	}
}

// publishOptions: small calls on the io queue. The bound counts queue time, so a missing
// io worker costs the patience and no more; one that vanishes is missed by its heartbeat,
// since the end of the run waits for the call.
func (w *Workflows) publishOptions(run activities.RunRef) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueIO,
		StartToCloseTimeout:    time.Minute,
		ScheduleToCloseTimeout: publishPatience,
		HeartbeatTimeout:       w.heartbeat(),
		RetryPolicy:            retryForever(),
		Priority:               priorityOf(run, priorityCall),
		Summary:                "model_metrics.csv",
	}
}

// summarizeOptions: reads and verifies every artifact of the run, so it heartbeats.
func (w *Workflows) summarizeOptions(run activities.RunRef) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueIO,
		StartToCloseTimeout:    2 * time.Hour,
		ScheduleToCloseTimeout: storePatience,
		HeartbeatTimeout:       w.heartbeat(),
		RetryPolicy:            retryForever(),
		Priority:               priorityOf(run, priorityEnd),
		Summary:                "verify artifacts, model_summary.csv",
	}
}

// reportOptions: pictures and tables of what is in the store already; at a million rows it reads
// as many out-of-fold predictions a model, so it heartbeats.
func (w *Workflows) reportOptions(run activities.RunRef) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueIO,
		StartToCloseTimeout:    reportPatience,
		ScheduleToCloseTimeout: reportPatience,
		HeartbeatTimeout:       w.heartbeat(),
		RetryPolicy:            retryForever(), // how often it fails, the activity counts: interruptions are none
		Priority:               priorityOf(run, priorityEnd),
		Summary:                "report/index.html",
	}
}

// notifyOptions: alerts have a small budget of their own. The bound counts queue time.
func (w *Workflows) notifyOptions(run activities.RunRef, event activities.Event) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueIO,
		StartToCloseTimeout:    min(alertAttempt, w.heartbeat()),
		ScheduleToCloseTimeout: alertPatience,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2}, // how often it fails, the activity counts
		Priority:               priorityOf(run, priorityCall),
		Summary:                "alert: " + string(event),
	}
}

// compareOptions: reads two small tables and lists the runs of a store.
func (w *Workflows) compareOptions(run activities.RunRef) workflow.ActivityOptions {
	return w.afterOptions(run, "compare with the run before")
}

// pruneOptions: verifies the newest run that is good, which takes as long as reading it, and
// removes others.
func (w *Workflows) pruneOptions(run activities.RunRef) workflow.ActivityOptions {
	return w.afterOptions(run, "remove older runs")
}

func (w *Workflows) afterOptions(run activities.RunRef, what string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueIO,
		StartToCloseTimeout:    afterPatience,
		ScheduleToCloseTimeout: afterPatience,
		HeartbeatTimeout:       w.heartbeat(),
		RetryPolicy:            retryForever(),
		Priority:               priorityOf(run, priorityAfter),
		Summary:                what,
	}
}

// trackerOptions: the tracker's own policy, by the spec; how often a call fails, the activity counts. The bound counts queue time, so a
// missing io worker costs it and no more. A call of the API may take its timeout, and there is
// no sign of life meanwhile.
func (w *Workflows) trackerOptions(run activities.RunRef, t config.Tracker, bound time.Duration, what string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              QueueIO,
		StartToCloseTimeout:    bound,
		ScheduleToCloseTimeout: bound,
		HeartbeatTimeout:       max(w.heartbeat(), 2*t.Timeout.Std()),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
			NonRetryableErrorTypes: permanent,
		},
		Priority: priorityOf(run, priorityCall),
		Summary:  what,
	}
}

func (w *Workflows) oneWorkflow() int {
	if w.OneWorkflow > 0 {
		return w.OneWorkflow
	}
	return DefaultOneWorkflow
}

func (w *Workflows) heartbeat() time.Duration {
	if w.HeartbeatTimeout > 0 {
		return w.HeartbeatTimeout
	}
	return DefaultHeartbeatTimeout
}
