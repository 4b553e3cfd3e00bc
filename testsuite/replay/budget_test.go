package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// The server warns at 10,240 events and 10 MB of history and ends a workflow at 51,200 and
// 50 MB. A run of the largest layout of one workflow, 500 fits, stays under the warning; so do a
// larger run and its children, one a model.
const (
	maxEvents = 10_000
	maxBytes  = 10 << 20
	// perFold bounds the events of a fold that ends alone, is published alone and tracked
	// alone: scheduled, started and completed, three times, and the workflow task after each.
	perFold = 18
	// perRun is what a run has beside its folds: its start, memo, data, summary, tracking and end.
	perRun = 60
)

// Claim: the history of a run is bounded by its folds, for 5 × 5 folds as for 500 fits, and
// the worst case of 500 fits is under the server's warnings, in events and in bytes.
func TestHistoryBudget(t *testing.T) {
	server := harness.Server(t)
	serveScripted(t, server.Client())
	most := 0.0
	for _, c := range []struct{ models, folds int }{{6, 5}, {10, 50}} { // km among the models
		events, bytes := sizeOf(t, server.Client(), scriptedRun(t, server.Client(), c.models, c.folds).GetID())
		n := c.models * c.folds
		t.Logf("%d fits: %d events, %d bytes", n, events, bytes)
		require.LessOrEqual(t, events, perRun+perFold*n)
		require.Less(t, events, maxEvents)
		require.Less(t, bytes, maxBytes)
		most = max(most, float64(bytes)/float64(events))
	}
	worst := perRun + perFold*500
	require.Less(t, worst, maxEvents, "every fold alone")
	require.Less(t, most*float64(worst), float64(maxBytes), "every fold alone, at the largest mean size of an event")
}

// Claim: one fit more than 500 and a run has a child a model. The history of a child is
// bounded by its folds as of one workflow, and that of the run does not grow with them; both
// replay under the product's own settings.
func TestDividedHistoryBudget(t *testing.T) {
	server := harness.Server(t)
	c := server.Client()
	serveScripted(t, c)
	const models, folds = 6, 90
	run := scriptedRun(t, c, models, folds)
	events, bytes := sizeOf(t, c, run.GetID())
	t.Logf("a run of %d fits: %d events, %d bytes", models*folds, events, bytes)
	require.LessOrEqual(t, events, perRun+models*perChild+mostReports*perReport)
	replayOwn(t, fetch(t, c, run))
	for _, model := range []string{"model_0", "km"} {
		child := c.GetWorkflow(t.Context(), run.GetID()+"/"+model, "")
		events, bytes := sizeOf(t, c, child.GetID())
		t.Logf("its child of %d fits: %d events, %d bytes", folds, events, bytes)
		require.LessOrEqual(t, events, perRun+folds*perFoldOfChild)
		replayOwn(t, fetch(t, c, child))
	}
	require.Less(t, perRun+100*perFoldOfChild, maxEvents, "a model of 10 × 10 folds, every fold alone")
}

const (
	// perChild bounds the events of a child in its run: initiated, started and ended, with
	// their workflow tasks, and eight signals that share out fits.
	perChild = 3*(1+3) + 8*5
	// mostReports is how often a large run hears of its folds at most, by workflows/policies.go, beside
	// what each model's end takes; perReport is one that is published and tracked alone.
	mostReports = 500 + 6*9
	perReport   = 16
	// perFoldOfChild: the fit, and a report of it alone.
	perFoldOfChild = 11
)

// replayOwn replays a history with the workflow as the product registers it.
func replayOwn(t *testing.T, h *history.History) {
	t.Helper()
	require.Greater(t, len(h.GetEvents()), 100)
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true}) // a busy machine is no failure
	require.NoError(t, err)
	workflows.Register(r, &workflows.Workflows{})
	start := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	require.NoError(t, r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(harness.Quiet()), h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: start.GetWorkflowId(), RunID: start.GetOriginalExecutionRunId()},
	}))
}

// scriptedRun runs models × folds scripted fits.
func scriptedRun(t *testing.T, c client.Client, models, folds int) client.WorkflowRun {
	t.Helper()
	name := fmt.Sprintf("budget-%d", models*folds)
	var listed []string
	for m := range models - 1 {
		listed = append(listed, fmt.Sprintf(`{"name":"model_%d","type":"cox_ph"}`, m))
	}
	text := fmt.Sprintf(`{"run":%q,"type":"production","data":{"uri":"/data/x.csv","time":"t","event":"e"},
		"folds":{"k":%d},"models":[%s],"store":{"uri":"/a/folder/with/a/name/of/the/usual/length"}}`,
		name, folds, strings.Join(listed, ","))
	options := client.StartWorkflowOptions{ID: "everfold/production/" + name, TaskQueue: workflows.QueueWorkflows}
	run, err := c.ExecuteWorkflow(t.Context(), options, workflows.TrainSurvivalModelsName, json.RawMessage(text))
	require.NoError(t, err)
	var result workflows.Result
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, models*folds, result.Trained)
	return run
}

// sizeOf is the size of a completed execution's history.
func sizeOf(t *testing.T, c client.Client, id string) (events, bytes int) {
	t.Helper()
	d, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	info := d.GetWorkflowExecutionInfo()
	require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, info.GetStatus())
	return int(info.GetHistoryLength()), int(info.GetHistorySizeBytes())
}

// serveScripted serves the real workflow and activities that do nothing but answer, at the
// length of real answers.
func serveScripted(t *testing.T, c client.Client) {
	t.Helper()
	for _, queue := range []string{workflows.QueueWorkflows, workflows.QueueTrain, workflows.QueueIO} {
		w := worker.New(c, queue, worker.Options{DisableRegistrationAliasing: true})
		if queue == workflows.QueueWorkflows {
			workflows.Register(w, &workflows.Workflows{})
		} else {
			for name, f := range map[string]any{
				activities.PrepareDataName: scriptedPrepare, activities.FitFoldName: scriptedFit,
				activities.PublishMetricsName: scriptedPublish, activities.SummarizeName: scriptedSummarize,
				activities.SyncTrackerName: scriptedTracker, activities.WriteReportName: scriptedReport,
			} {
				w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
			}
		}
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
}

func scriptedPrepare(_ context.Context, in activities.PrepareInput) (*activities.PrepareResult, error) {
	out := &activities.PrepareResult{Run: activities.Ref(in.Spec), SpecDigest: in.Spec.Digest()}
	for _, m := range in.Spec.Models {
		plan := activities.ModelPlan{Model: m.Name}
		for fold := range in.Spec.Folds.K {
			plan.Folds = append(plan.Folds, activities.FoldPlan{Fold: fold, Action: activities.Train})
		}
		out.Models = append(out.Models, plan)
	}
	km := out.Models[len(out.Models)-1]
	km.Model = "km"
	out.Models = append(out.Models, km)
	return out, nil
}

func scriptedFit(_ context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
	c, ibs := 0.7137592837465123, 0.1629384756102938
	return &activities.FitFoldResult{
		Model: in.Model, Fold: in.Fold, Action: activities.Train, CIndex: &c, IBS: &ibs,
		Seconds: 12.345678901, Attempt: 1, Manifest: strings.Repeat("0123456789abcdef", 4),
	}, nil
}

func scriptedPublish(context.Context, activities.PublishInput) (*activities.PublishResult, error) {
	return &activities.PublishResult{}, nil
}

func scriptedSummarize(context.Context, activities.SummarizeInput) (*activities.SummarizeResult, error) {
	return &activities.SummarizeResult{}, nil
}

func scriptedReport(context.Context, activities.WriteReportInput) (*activities.WriteReportResult, error) {
	return &activities.WriteReportResult{Key: "report/index.html", Pictures: 20, Bytes: 1_234_567}, nil
}

func scriptedTracker(context.Context, activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
	return &activities.SyncTrackerResult{
		RunID: strings.Repeat("0123456789abcdef", 2), URL: "http://tracking.example.org/#/experiments/1/runs/" + strings.Repeat("0123456789abcdef", 2),
		Folds: 100, Sent: 9, Seconds: 0.123456789, Attempt: 1,
	}, nil
}
