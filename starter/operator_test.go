package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	"everfold/internal/app"
	"everfold/workflows"
)

// half is a server whose run is half-way through.
func half() *fakeServer {
	answer := running()
	answer.pending = []*workflowpb.PendingActivityInfo{
		fitting(workflows.FitProgress{Model: "km", Fold: 0, Stage: "fit", Done: 1, Total: 2}, 2, "worker stopped"),
	}
	return &fakeServer{described: []describeAnswer{answer}, progress: []workflows.Progress{tiny()}}
}

// Claim: status tells counts, what is in hand, the time left, retries and the tracker; as
// JSON the same in one document.
func TestStatus(t *testing.T) {
	i, code := invoke(half(), "status", "production/tiny")
	require.Equal(t, 0, code, i.err.String())
	for _, want := range []string{
		"production/tiny running", "2 of 4 folds done", "about 6s left", "km fold 0: attempt 2, after: worker stopped",
		"Tracker  off", "km fold 0 fit 50 %",
	} {
		require.Contains(t, i.out.String(), want)
	}

	i, code = invoke(half(), "status", "production/tiny", "--json")
	require.Equal(t, 0, code)
	var status runStatus
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &status))
	require.Equal(t, "running", status.Status)
	require.Equal(t, 4, status.Progress.Planned)
	require.InDelta(t, 6, *status.ETASeconds, 1e-9)
	require.Len(t, status.Running, 1)
}

// Claim: the status of a run that stands still names the queues that something waits at and no
// worker polls, and no others.
func TestStatusOfWaitingRun(t *testing.T) {
	server := half()
	server.described[0].pending = append(server.described[0].pending, scheduled("FitFold", workflows.QueueTrain), scheduled("FitFold", workflows.QueueTrain))
	server.workers = map[string]int{workflows.QueueWorkflows: 1}
	i, code := invoke(server, "status", "production/tiny")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "Waiting: no worker polls everfold-train; it goes on with one\n")

	server.workers[workflows.QueueTrain] = 1
	i, _ = invoke(server, "status", "production/tiny")
	require.NotContains(t, i.out.String(), "Waiting:")

	delete(server.workers, workflows.QueueWorkflows)
	server.silent = context.DeadlineExceeded
	i, _ = invoke(server, "status", "production/tiny", "--json")
	var status runStatus
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &status))
	require.Equal(t, "no worker polls everfold-workflows", status.Waiting)
	require.NotEmpty(t, status.Silence)
}

// pinnedTo is an execution that one version of the deployment everfold works on.
func pinnedTo(version string) *workflowpb.WorkflowExecutionVersioningInfo {
	return &workflowpb.WorkflowExecutionVersioningInfo{Behavior: enumspb.VERSIONING_BEHAVIOR_PINNED, DeploymentVersion: deployed(version)}
}

// Claim: status names the version that a run is pinned to, and where no worker of it is left,
// says what to do, in text and as JSON; so does watching. A run that has ended waits for none.
func TestStatusOfPinnedRun(t *testing.T) {
	server := half()
	server.described = []describeAnswer{{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, pinned: pinnedTo("v1")}}
	server.versioned = []string{"v1", "v2"}
	i, code := invoke(server, "status", "production/tiny")
	require.Zero(t, code, i.err.String())
	require.Contains(t, i.out.String(), "Version  everfold v1\n")
	require.NotContains(t, i.out.String(), "no worker of")

	const move = "temporal workflow update-options --workflow-id everfold/production/tiny --versioning-override-behavior auto_upgrade"
	server.versioned, server.polled, server.silent = []string{"v2"}, 0, context.DeadlineExceeded
	i, _ = invoke(server, "status", "production/tiny")
	require.Contains(t, i.out.String(), "no worker of everfold v1 polls everfold-workflows; it goes on with one\n")
	require.Equal(t, len(app.Queues()), server.polled, "each queue is asked for once")
	server.silent = nil
	require.Contains(t, i.out.String(), "no worker of everfold v1 serves everfold-workflows, everfold-train, everfold-io\n")
	require.Contains(t, i.out.String(), move)
	i, _ = invoke(server, "status", "production/tiny", "--json")
	var status runStatus
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &status))
	require.Equal(t, app.Version{Deployment: "everfold", BuildID: "v1"}, status.Version.Version)
	require.Equal(t, app.Queues(), status.Version.Missing)
	require.Contains(t, status.Version.Do, move)

	server.described = []describeAnswer{{status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, pinned: pinnedTo("v1")}}
	i, _ = invoke(server, "status", "production/tiny")
	require.Contains(t, i.out.String(), "Version  everfold v1\n")
	require.NotContains(t, i.out.String(), move)
}

// Claim: where no worker answers for a run that has ended, status says why it tells no more.
func TestStatusOfEndedRunWithoutWorkers(t *testing.T) {
	server := half()
	server.described, server.silent = []describeAnswer{closed()}, context.DeadlineExceeded
	i, code := invoke(server, "status", "production/tiny")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "production/tiny completed")
	require.Contains(t, i.out.String(), "Progress no worker answers; start one with bin/worker\n")
	require.NotContains(t, i.out.String(), "Waiting")
}

// Claim: the status of a failed run says why it failed, with exit code 0: the question was
// answered.
func TestStatusOfFailedRun(t *testing.T) {
	server := half()
	server.described = []describeAnswer{{status: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED}}
	server.failed = executionError(temporal.NewNonRetryableApplicationError("2 rows have negative times", workflows.ErrDataInvalid, nil))
	i, code := invoke(server, "status", "production/tiny")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "DataInvalid: 2 rows have negative times")

	server.looks = 0
	i, code = invoke(server, "watch", "production/tiny")
	require.Equal(t, 2, code)
	require.NotContains(t, i.out.String(), "model_summary.csv", "a file that does not exist")
}

// Claim: cancel asks Temporal to cancel a running run, and refuses any other with exit 4.
func TestCancel(t *testing.T) {
	server := half()
	i, code := invoke(server, "cancel", "production/tiny", "--json")
	require.Equal(t, 0, code, i.err.String())
	require.True(t, server.cancelled)
	require.JSONEq(t, `{"run":"production/tiny","action":"cancel"}`, i.out.String())

	server = half()
	server.described = []describeAnswer{closed()}
	i, code = invoke(server, "cancel", "production/tiny")
	require.Equal(t, 4, code)
	require.Contains(t, i.err.String(), "not running: it is completed")
	require.False(t, server.cancelled)

	server.described = []describeAnswer{{err: serviceerror.NewNotFound("no workflow")}}
	i, code = invoke(server, "cancel", "production/tiny")
	require.Equal(t, 4, code)
	require.Contains(t, i.err.String(), "knows no run production/tiny")
}

// Claim: with --store an operator's command acts on the run of that store alone, and says where the
// other one is; it does nothing where the store is not known.
func TestRunOfAnotherStore(t *testing.T) {
	here := t.TempDir()
	for _, args := range [][]string{
		{"status", "production/tiny"}, {"watch", "production/tiny"}, {"cancel", "production/tiny"},
		{"skip", "production/tiny", "km"}, {"parallel", "production/tiny", "2"},
	} {
		server := half()
		if args[0] == "watch" {
			server.described = []describeAnswer{closed()}
		}
		for spelled, store := range map[string]string{here: here + "/", here + "/": here, "file://" + here: here, "s3://b/p/": "s3://b/p"} {
			server.described[0].output, server.looks = spelled+"/production/tiny", 0
			i, code := invoke(server, append(args, "--store", store)...)
			require.Zero(t, code, i.err.String())
		}
		server.described[0].output, server.looks = here+"/production/tiny", 0

		server.cancelled, server.updates = false, nil
		refused := func(code int, want string) {
			t.Helper()
			i, got := invoke(server, append(args, "--store", "elsewhere")...)
			require.Equal(t, code, got, args)
			require.Contains(t, i.err.String(), want)
			require.False(t, server.cancelled)
			require.Empty(t, server.updates)
		}
		refused(4, "of the store elsewhere, but of another one")
		refused(4, "its files are in "+here+"/production/tiny")
		server.described[0].output = ""
		refused(5, "no worker has looked at its spec yet")
		server.described[0].err = serviceerror.NewNotFound("no workflow")
		refused(4, "knows no run production/tiny")
	}
}

// Claim: skip and parallel send the updates of the contract and report the answer; a
// refusal by the run is exit 2 with its reason.
func TestUpdates(t *testing.T) {
	server := half()
	i, code := invoke(server, "skip", "production/tiny", "km")
	require.Equal(t, 0, code, i.err.String())
	require.Equal(t, "skip-model", server.updates[0].UpdateName)
	require.Equal(t, []any{workflows.SkipModel{Model: "km"}}, server.updates[0].Args)

	server = half()
	i, code = invoke(server, "parallel", "production/tiny", "2")
	require.Equal(t, 0, code, i.err.String())
	require.Equal(t, "set-parallelism", server.updates[0].UpdateName)
	require.Equal(t, "production/tiny: at most 2 fits at once\n", i.out.String())

	server = half()
	server.updateErr = temporal.NewApplicationError(`no model "rsf" in this run`, "")
	i, code = invoke(server, "skip", "production/tiny", "rsf")
	require.Equal(t, 2, code)
	require.Contains(t, i.err.String(), `no model "rsf" in this run`)
}

// endedError stands for the SDK's WorkflowExecutionError, which only the SDK can make.
type endedError struct{ cause error }

func (e endedError) Error() string { return "workflow execution error: " + e.cause.Error() }
func (e endedError) Unwrap() error { return e.cause }

func (e endedError) As(target any) bool {
	ended, ok := target.(**temporal.WorkflowExecutionError)
	if ok {
		*ended = &temporal.WorkflowExecutionError{}
	}
	return ok
}

// executionError is what waiting for an execution returns that ended with cause.
func executionError(cause error) error { return endedError{cause} }

// Claim: how an execution ended decides outcome, exit code, message and next step.
func TestEndings(t *testing.T) {
	wrapped := temporal.NewApplicationErrorWithCause("prepare data: activity error", "wrapError",
		temporal.NewNonRetryableApplicationError("no events among 10 rows", workflows.ErrNoEvents, nil))
	for _, c := range []struct {
		name    string
		err     error
		outcome string
		code    int
		message string
	}{
		{"cancelled", executionError(temporal.NewCanceledError()), "cancelled", 1, "production/tiny was cancelled"},
		{"data", executionError(wrapped), "failed", 2, "NoEvents: no events among 10 rows"},
		{"store", executionError(temporal.NewApplicationError("disk full", workflows.ErrStoreUnavailable)), "failed", 5, "disk full"},
		{"damage", executionError(temporal.NewApplicationError("digest", workflows.ErrArtifactCorrupt)), "failed", 6, "digest"},
		{"fit", executionError(temporal.NewApplicationError("every fold failed", "NotConverged")), "failed", 1, "every fold failed"},
		{"other", errors.New("watching failed"), "failed", 1, "watching failed"},
	} {
		e := newEnding(production, "execution-1", nil)
		err := e.finish(production, nil, c.err)
		require.Equal(t, c.outcome, e.Outcome, c.name)
		require.Equal(t, c.code, e.ExitCode, c.name)
		require.Equal(t, c.code, exitCode(err), c.name)
		require.Contains(t, e.Error, c.message, c.name)
	}
}

// Claim: a partial run ends with exit code 3, its leaderboard, its failures and the way to
// finish it.
func TestPartialRun(t *testing.T) {
	result := workflows.Result{
		Output: "/data/outputs/production/tiny", Outcome: workflows.Partial, Planned: 4, Trained: 3, Failed: 1, Leaderboard: board(),
		Failures: []workflows.Failure{{Model: "cox_ph", Fold: 1, Type: "NotConverged", Message: "no finite estimate"}},
		Retried:  []workflows.Retried{{Model: "km", Fold: 0, Attempts: 2}},
		Skipped:  []string{"weibull_aft"}, Warnings: []string{"notify is skipped"},
	}
	server := &fakeServer{described: []describeAnswer{closed()}, progress: []workflows.Progress{tiny()}, result: result}
	i, code := invoke(server, "watch", "production/tiny", "--embedded")
	require.Equal(t, 3, code)
	require.Contains(t, i.err.String(), "1 fold of 4 failed; the first: cox_ph fold 1")
	require.Contains(t, i.err.String(), "--only-failed")
	for _, want := range []string{
		"artifacts/model_summary.csv", "cox_ph fold 1: NotConverged", "km fold 0 needed 2 attempts", "skipped: weibull_aft", "notify is skipped",
		"http://127.0.0.1:8233/namespaces/default/workflows/everfold%2Fproduction%2Ftiny",
	} {
		require.Contains(t, i.out.String(), want)
	}

	server.looks, server.queries = 0, 0
	i, code = invoke(server, "watch", "production/tiny", "--json")
	require.Equal(t, 3, code)
	decoder := json.NewDecoder(strings.NewReader(i.out.String()))
	var document ending
	require.NoError(t, decoder.Decode(&document))
	require.False(t, decoder.More(), "more than one JSON document")
	require.Equal(t, "partial", document.Outcome)
	require.Equal(t, 3, document.ExitCode)
	require.Len(t, document.Result.Leaderboard, 3)
}

// Claim: a run that ends without a final model says so, with its reason; one that has them
// says where they and the predictions are.
func TestFinalModels(t *testing.T) {
	result := workflows.Result{
		Output: "/data/outputs/production/tiny", Outcome: workflows.Partial, Planned: 4, Trained: 4, Leaderboard: board(), FailedFinals: 1,
		Failures: []workflows.Failure{{Model: "cox_ph", Fold: workflows.FinalFold, Type: "NotConverged", Message: "no finite estimate"}},
		Finals: []workflows.Final{{Model: "cox_ph", State: workflows.Failed, Error: "NotConverged"},
			{Model: "weibull_aft", State: workflows.DoneState, Action: workflows.Train, Seconds: 2}},
		Predictions: &workflows.Predictions{Model: "weibull_aft", Rows: 137, OutOfFold: 411},
	}
	progress := tiny()
	progress.Finals = result.Finals
	server := &fakeServer{described: []describeAnswer{closed()}, progress: []workflows.Progress{progress}, result: result}
	i, code := invoke(server, "watch", "production/tiny", "--embedded")
	require.Equal(t, 3, code)
	require.Contains(t, i.err.String(), "1 final model of 2 failed; the first: cox_ph final fit: NotConverged: no finite estimate")
	for _, want := range []string{"cox_ph final fit: FAILED: NotConverged", "weibull_aft final fit: 2 s", "Models   models/weibull_aft/\n",
		"predictions/predictions.csv and .parquet: 137 rows by weibull_aft\n", "predictions/oof.csv: 411 rows out of fold\n"} {
		require.Contains(t, i.out.String(), want)
	}
}

// Claim: RUN is <type>/<run> or a workflow id; anything else is refused with the form.
func TestReferences(t *testing.T) {
	run, err := parseRun("everfold/sample/a.b-1")
	require.NoError(t, err)
	require.Equal(t, runRef{"sample", "a.b-1"}, run)
	require.Equal(t, "everfold/sample/a.b-1", run.workflowID())
	for _, bad := range []string{"hdfail", "test/hdfail", "production/", "production/../x", "production/A", "a/b/c"} {
		_, err := parseRun(bad)
		require.Equal(t, exitUsage, exitCode(err), bad)
	}
}
