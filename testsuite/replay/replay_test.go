package replay

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everfold/testsuite/harness"
	"everfold/workflows"
)

// extension of a recorded history: JSON as `temporal workflow show --output json` prints it.
const extension = ".json.gz"

// nondeterminism is how the SDK names a history that the code contradicts.
const nondeterminism = "TMPRL1100"

// Claim: every recorded history of a released or the present workflow replays.
func TestHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*"+extension))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), len(scenarios), "recorded histories")
	for _, file := range files {
		if folderOf(file) != badFolder {
			t.Run(file, func(t *testing.T) { require.NoError(t, replay(t, read(t, file))) })
		}
	}
}

// Claim: histories of workflows that are wrong on purpose fail by name, each for what is
// wrong with it: under the workflow that made it, it replays.
func TestBadHistoriesFail(t *testing.T) {
	for _, v := range variants {
		bad := read(t, pathOf(badFolder, v.name))
		require.ErrorContains(t, replay(t, bad), nondeterminism, v.name)
		require.NoError(t, replay(t, bad, v), v.name)
	}
}

// Claim: a change of the workflow's commands is noticed on the good histories.
func TestChangedWorkflowFails(t *testing.T) {
	for _, v := range variants {
		for _, name := range v.histories() {
			err := replay(t, read(t, pathOf(unreleased, name)), v)
			require.ErrorContains(t, err, nondeterminism, "%s under %s", name, v.name)
		}
	}
}

// replay runs the present workflow code, changed by the interceptors, through a history.
func replay(t *testing.T, h *history.History, changes ...interceptor.WorkerInterceptor) error {
	t.Helper()
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DisableRegistrationAliasing: true, // as workers do
		DisableDeadlockDetection:    true, // a busy machine is no failure
		Interceptors:                changes,
	})
	require.NoError(t, err)
	workflows.Register(r, &workflows.Workflows{OneWorkflow: oneWorkflowOf(h)})
	start := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(harness.Quiet()), h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: start.GetWorkflowId(), RunID: start.GetOriginalExecutionRunId()},
	})
}

// oneWorkflowOf is up to how many fits the recorded execution was to be one workflow: small runs
// were divided on purpose. 0 is the product's own number.
func oneWorkflowOf(h *history.History) int {
	for _, e := range h.GetEvents() {
		child := e.GetStartChildWorkflowExecutionInitiatedEventAttributes()
		if child.GetWorkflowType().GetName() == workflows.TrainModelName {
			return divided
		}
	}
	return 0
}

// divided makes every run have children.
const divided = 1

const (
	unreleased = "unreleased"
	badFolder  = "bad"
)

func pathOf(folder, name string) string { return filepath.Join("testdata", folder, name+extension) }

func folderOf(file string) string { return strings.Split(filepath.ToSlash(file), "/")[1] }

// read reads a recorded history.
func read(t *testing.T, file string) *history.History {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err, "record it: go test ./testsuite/replay -run Record -record")
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	require.NoError(t, err)
	h, err := client.HistoryFromJSON(unzipped, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return h
}
