package replay

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
	"everfold/artifact"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// scenario is one run that is recorded.
type scenario struct {
	name    string
	run     string    // run id; "": the name
	replace [2]string // changes the input
	tags    bool      // the start has search attributes
	// scheduled is what a schedule's input has beside the spec; "": the run is started itself.
	scheduled string
	// oneWorkflow divides runs of more fits than that; 0: the product's own number.
	oneWorkflow int
	child       string                                              // the model whose child is recorded; "": the run itself is
	before      func(ctx context.Context, s *session, c call) error // what happens to an activity; nil: nothing
	operate     func(t *testing.T, s *session)                      // what an operator does while fits are held
	damage      func(t *testing.T, s *session)                      // what is lost of the run once it has finished; its recovery is recorded
	ends        enums.EventType                                     // the history's last event
	shows       func(t *testing.T, h shape)                         // what the history must hold to deserve its name
}

// call is one attempt of an activity.
type call struct {
	activity string
	activities.FitFoldInput
	attempt int32
	nth     int // of this activity in this scenario, from 1
}

// scenarios are all that are recorded.
var scenarios = slices.Concat(runScenarios, scheduledScenarios, dividedScenarios)

var runScenarios = []scenario{
	{name: "finished", ends: completed, shows: func(t *testing.T, h shape) {
		fits(9)(t, h)
		finals(1, 1)(t, h)
	}},
	{name: "reused", run: "finished", ends: completed, shows: fits(0)},
	{name: "partial", before: failWeibull, ends: completed, shows: func(t *testing.T, h shape) {
		require.Equal(t, 3, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_FAILED])
	}},
	{name: "failed", before: failWeibull, replace: [2]string{`"run"`, `"on_model_failure":"fail","run"`}, ends: failed,
		shows: func(t *testing.T, h shape) { require.Positive(t, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_FAILED]) }},
	{name: "refused-spec", replace: [2]string{`"folds"`, `"flods"`}, ends: failed, shows: func(t *testing.T, h shape) {
		require.Zero(t, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED])
	}},
	{name: "refused-data", replace: [2]string{"veteran.csv", "missing.csv"}, ends: failed, shows: func(t *testing.T, h shape) {
		require.Equal(t, 1, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_FAILED])
	}},
	{name: "cancelled", before: holdFits, operate: cancel, ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		shows: func(t *testing.T, h shape) { require.Equal(t, 9, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_CANCELED]) }},
	{name: "retried", before: failFirstAttempts, ends: completed, shows: func(t *testing.T, h shape) {
		require.Equal(t, int32(3), h.attempts)
	}},
	{name: "repaired", before: damageOnce, ends: completed, shows: fits(10)},
	{name: "final-failed", before: failFinal, ends: completed, shows: finals(1, 0)},
	{name: "final-damaged", before: damageFinalOnce, ends: completed, shows: finals(2, 2)},
	{name: "held-back", replace: longModel, before: holdFits, operate: skipLong, ends: completed, shows: pauses(1, 12)},
	{name: "held-back-cancelled", replace: longModel, before: holdFits, operate: cancel, ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: pauses(1, 3)},
	{name: "all-finals", replace: [2]string{`"run"`, `"final":{"models":"all"},"run"`}, ends: completed, shows: finals(2, 1)},
	{name: "alerted", replace: alerting, ends: completed, shows: alerts(1)},
	{name: "alerted-partial", before: failWeibull, replace: alerting, ends: completed, shows: alerts(1)},
	{name: "alerted-failed", before: failWeibull, replace: alertingFail, ends: failed, shows: alerts(1)},
	{name: "alert-refused", before: refuseAlert, replace: alerting, ends: completed, shows: func(t *testing.T, h shape) {
		alerts(1)(t, h)
		require.Equal(t, int32(5), h.attempts)
	}},
	{name: "alerted-cancelled", before: holdFits, operate: cancel, replace: alerting,
		ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: alerts(0)},
	{name: "tagged", tags: true, ends: completed, shows: tags(1)},
	{name: "tagged-cancelled", tags: true, before: holdFits, operate: cancel,
		ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: tags(1)},
	{name: "damaged", before: damageAlways, ends: completed, shows: fits(11)},
	{name: "untracked", ends: completed, shows: calls(1)},
	{name: "tracked", replace: [2]string{`"run"`, `"tracker":{"uri":"TRACKER"},"run"`}, ends: completed, shows: tracked},
	{name: "tracker-off", replace: [2]string{`"run"`, `"tracker":{"uri":"off"},"run"`}, ends: completed, shows: calls(0)},
	{name: "tracker-down", replace: [2]string{`"run"`, `"tracker":{"uri":"http://127.0.0.1:9","attempts":1},"run"`}, ends: completed,
		shows: func(t *testing.T, h shape) {
			require.Equal(t, h.scheduled[activities.SyncTrackerName], h.events[enums.EVENT_TYPE_ACTIVITY_TASK_FAILED])
			tracked(t, h)
		}},
	{name: "alerted-tracker", replace: [2]string{`"run"`, `"tracker":{"uri":"http://127.0.0.1:9","attempts":1},"notify":["${EVERFOLD_NOTIFY_TEAM}"],"run"`},
		ends: completed, shows: alerts(2)},
	{name: "tracked-cancelled", before: holdFits, operate: cancel, replace: [2]string{`"run"`, `"tracker":{"uri":"TRACKER"},"run"`},
		ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: tracked},
	{name: "recovered", damage: loseSome, ends: completed, shows: func(t *testing.T, h shape) {
		fits(1)(t, h)
		finals(1, 1)(t, h)
	}},
	{name: "reported", ends: completed, shows: reports(1)},
	{name: "reported-failed", before: failWeibull, replace: [2]string{`"run"`, `"on_model_failure":"fail","run"`}, ends: failed, shows: reports(1)},
	{name: "reported-cancelled", before: holdFits, operate: cancel, ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: reports(1)},
	{name: "report-refused", before: refuseReport, ends: completed, shows: func(t *testing.T, h shape) {
		reports(1)(t, h)
		require.Equal(t, int32(5), h.attempts)
	}},
	{name: "updated", before: holdFits, operate: skipAndNarrow, ends: completed, shows: func(t *testing.T, h shape) {
		require.Equal(t, 2, h.events[enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED])
		require.Equal(t, 3, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_CANCELED])
	}},
}

const (
	completed = enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
	failed    = enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
)

// Runs that have somebody to tell.
var (
	alerting     = [2]string{`"run"`, `"notify":["${EVERFOLD_NOTIFY_TEAM}"],"run"`}
	alertingFail = [2]string{`"run"`, `"notify":["${EVERFOLD_NOTIFY_TEAM}"],"on_model_failure":"fail","run"`}
)

// longModel is a model whose folds the plan expects to take many seconds, beside others of milliseconds.
var longModel = [2]string{`{"type":"weibull_aft"}`, `{"type":"weibull_aft"},{"type":"stack","of":["cox_ph","trees"]},{"name":"trees","type":"rsf","trees":100000}`}

// pauses expects that shorter fits were held back so many times, and so many folds scheduled.
func pauses(n, folds int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) {
		require.Equal(t, n, h.events[enums.EVENT_TYPE_TIMER_STARTED])
		require.Equal(t, folds, h.scheduled[activities.FitFoldName])
	}
}

// tags expects that the end is in the search attributes; versions of the workflow are there, too.
func tags(n int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) { require.Equal(t, n, h.tags) }
}

// alerts expects so many Notify.
func alerts(n int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) { require.Equal(t, n, h.scheduled[activities.NotifyName]) }
}

func refuseAlert(_ context.Context, _ *session, c call) error {
	if c.activity == activities.NotifyName {
		return temporal.NewApplicationError("EVERFOLD_NOTIFY_TEAM: not sent", activities.ErrAlertNotSent)
	}
	return nil
}

// reports expects so many WriteReport.
func reports(n int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) { require.Equal(t, n, h.scheduled[activities.WriteReportName]) }
}

func refuseReport(_ context.Context, _ *session, c call) error {
	if c.activity != activities.WriteReportName {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions("the store does not answer", activities.ErrStoreUnavailable,
		temporal.ApplicationErrorOptions{NonRetryable: c.attempt >= 5}) // as the activity itself ends it
}

// fits expects so many FitFold.
func fits(n int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) { require.Equal(t, n, h.scheduled[activities.FitFoldName]) }
}

// calls expects so many calls of the tracker.
func calls(n int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) { require.Equal(t, n, h.scheduled[activities.SyncTrackerName]) }
}

// tracked expects a probe, at least one sync, and the last.
func tracked(t *testing.T, h shape) {
	require.GreaterOrEqual(t, h.scheduled[activities.SyncTrackerName], 3)
}

// finals expects so many FitFinal and Predict.
func finals(fits, predictions int) func(*testing.T, shape) {
	return func(t *testing.T, h shape) {
		require.Equal(t, fits, h.scheduled[activities.FitFinalName])
		require.Equal(t, predictions, h.scheduled[activities.PredictName])
	}
}

func failFinal(_ context.Context, _ *session, c call) error {
	if c.activity == activities.FitFinalName {
		return temporal.NewNonRetryableApplicationError("no finite estimate", activities.ErrNotConverged, nil)
	}
	return nil
}

// damageFinalOnce removes the final model before Predict first looks for it.
func damageFinalOnce(_ context.Context, s *session, c call) error {
	if c.activity != activities.PredictName || c.nth > 1 {
		return nil
	}
	return os.RemoveAll(filepath.Join(s.output, "models"))
}

func failWeibull(_ context.Context, _ *session, c call) error {
	if c.activity == activities.FitFoldName && c.Model == "weibull_aft" {
		return temporal.NewNonRetryableApplicationError("no finite estimate", activities.ErrNotConverged, nil)
	}
	return nil
}

// failFirstAttempts: one fold loses its store once, another its worker twice.
func failFirstAttempts(_ context.Context, _ *session, c call) error {
	switch {
	case c.activity != activities.FitFoldName:
		return nil
	case c.Model == "cox_ph" && c.Fold == 1 && c.attempt == 1:
		return temporal.NewApplicationError("the store does not answer", activities.ErrStoreUnavailable)
	case c.Model == "weibull_aft" && c.Fold == 2 && c.attempt <= 2:
		return temporal.NewApplicationErrorWithOptions("worker is stopping", activities.ErrInterrupted,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond})
	}
	return nil
}

func damageOnce(ctx context.Context, s *session, c call) error {
	if c.nth > 1 {
		return nil
	}
	return damageAlways(ctx, s, c)
}

// damageAlways removes a manifest before Summarize looks for it, as often as it is repaired.
func damageAlways(_ context.Context, s *session, c call) error {
	if c.activity != activities.SummarizeName {
		return nil
	}
	err := os.Remove(filepath.Join(s.output, artifact.ManifestKey("cox_ph", 0)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// holdFits keeps every fit back until the operator has acted or the fit is cancelled.
func holdFits(ctx context.Context, s *session, c call) error {
	if c.activity != activities.FitFoldName {
		return nil
	}
	s.hold()
	return harness.Hold(ctx, s.acted, activities.FitProgress{Model: c.Model, Fold: c.Fold})
}

func cancel(t *testing.T, s *session) {
	require.NoError(t, s.client.CancelWorkflow(t.Context(), s.id, ""))
	require.Error(t, s.run.Get(t.Context(), nil)) // before the fits that it cancels are let go
}

func skipAndNarrow(t *testing.T, s *session) {
	s.update(t, map[string]any{
		workflows.UpdateSetParallelism: workflows.SetParallelism{Fits: 1},
		workflows.UpdateSkipModel:      workflows.SkipModel{Model: "weibull_aft"},
	})
}

func skipLong(t *testing.T, s *session) {
	for _, model := range []string{"trees", "stack"} {
		s.update(t, map[string]any{workflows.UpdateSkipModel: workflows.SkipModel{Model: model}})
	}
}

func (s *session) update(t *testing.T, updates map[string]any) {
	t.Helper()
	for name, arg := range updates {
		handle, err := s.client.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: s.id, UpdateName: name, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		require.NoError(t, err)
		require.NoError(t, handle.Get(t.Context(), nil))
	}
}

// loseSome removes a fold's manifest and the final model.
func loseSome(t *testing.T, s *session) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(s.output, filepath.FromSlash(artifact.ManifestKey("cox_ph", 1)))))
	require.NoError(t, os.RemoveAll(filepath.Join(s.output, "models")))
}
