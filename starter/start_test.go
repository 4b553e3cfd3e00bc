package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"everfold/config"
	"everfold/workflows"
)

const tinySpec = `run: tiny
type: production
data: {uri: tiny.csv, time: time, event: event}
models: [{type: cox_ph}]
`

// writeSpec puts a spec into a folder of its own and returns its path.
func writeSpec(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func alreadyStarted() error {
	return serviceerror.NewWorkflowExecutionAlreadyStarted("running", "request", "execution-1")
}

// Claim: relative paths of a spec start at its folder, the default store at the current
// folder, and --set and --run change what the file says.
func TestLoadSpec(t *testing.T) {
	path := writeSpec(t, tinySpec)
	here := t.TempDir()
	t.Chdir(here)
	here, err := filepath.EvalSymlinks(here)
	require.NoError(t, err)

	spec, err := (&specFlags{}).load(path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(path), "tiny.csv"), spec.Data.URI)
	require.Equal(t, filepath.Join(here, "outputs"), spec.Store.URI)

	flags := specFlags{set: []string{"folds.k=3", "store.uri=elsewhere"}, run: "42"}
	spec, err = flags.load(path)
	require.NoError(t, err)
	require.Equal(t, "42", spec.Run)
	require.Equal(t, 3, spec.Folds.K)
	require.Equal(t, filepath.Join(filepath.Dir(path), "elsewhere"), spec.Store.URI)

	_, err = (&specFlags{set: []string{"folds.kk=3"}}).load(path)
	require.Equal(t, exitUsage, exitCode(err))
	require.ErrorContains(t, err, "kk")
}

// Claim: a start sends the accepted spec under the run's id, never replacing or joining
// another execution by itself.
func TestStart(t *testing.T) {
	server := &fakeServer{described: []describeAnswer{closed()}, progress: []workflows.Progress{tiny()}, result: workflows.Result{
		Type: "production", Run: "tiny", Output: "/data/outputs/production/tiny", Outcome: workflows.Completed, Planned: 4, Trained: 4, Leaderboard: board(),
	}}
	i, code := invoke(server, "run", writeSpec(t, tinySpec), "--force", "cox_ph:2")
	require.Equal(t, 0, code, i.err.String())
	require.Equal(t, "everfold/production/tiny", server.started.ID)
	require.Equal(t, workflows.QueueWorkflows, server.started.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, server.started.WorkflowIDConflictPolicy)
	require.True(t, server.started.WorkflowExecutionErrorWhenAlreadyStarted)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, server.started.WorkflowIDReusePolicy)
	spec, request, err := config.DecodeInput(server.input)
	require.NoError(t, err)
	require.Equal(t, []string{"cox_ph:2"}, request.Force)
	require.Equal(t, spec.Digest(), server.started.Memo[workflows.MemoSpecDigest])
	require.Equal(t, spec.Store.URI+"/production/tiny", server.started.Memo[workflows.MemoOutput])
	require.NotEmpty(t, server.started.StaticSummary)
	require.Contains(t, server.started.StaticDetails, "cox_ph")
	for _, want := range []string{"production/tiny started", "weibull_aft", "4 folds: 4 trained", "/data/outputs/production/tiny", "starter results production/tiny --store /data/outputs"} {
		require.Contains(t, i.out.String(), want)
	}
	require.Empty(t, i.err.String())
}

// Claim: a run is tagged with search attributes on a server that knows them, and on no other.
func TestStartTags(t *testing.T) {
	for _, known := range []bool{true, false} {
		server := &fakeServer{}
		i := prepared(server)
		i.program.services.dial = func(context.Context) (*link, error) {
			return &link{Client: server, tags: func(context.Context) bool { return known }}, nil
		}
		code := i.program.main(t.Context(), []string{"run", writeSpec(t, tinySpec), "--detach"})
		require.Equal(t, 0, code, i.err.String())
		tags := server.started.TypedSearchAttributes
		require.Equal(t, known, tags.Size() > 0)
		if known {
			run, _ := tags.GetKeyword(temporal.NewSearchAttributeKeyKeyword(workflows.AttributeRun))
			require.Equal(t, "tiny", run)
		}
	}
}

// Claim: a run that is running by the same spec is attached to; by another spec, or when
// something is asked of it that only a start can do, it is refused, naming what to do.
func TestAttach(t *testing.T) {
	path := writeSpec(t, tinySpec)
	spec, err := (&specFlags{}).load(path)
	require.NoError(t, err)
	same := closed()
	same.digest = spec.Digest()
	server := func(answers ...describeAnswer) *fakeServer {
		return &fakeServer{startErr: alreadyStarted(), described: answers, progress: []workflows.Progress{tiny()}, result: workflows.Result{Outcome: workflows.Completed}}
	}

	i, code := invoke(server(same), "run", path)
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "is running already by the same spec")

	i, code = invoke(server(running(), same), "run", path) // the memo comes a moment later
	require.Equal(t, 0, code, i.err.String())

	other := running()
	other.digest = strings.Repeat("0", 64)
	i, code = invoke(server(other), "run", path)
	require.Equal(t, 2, code)
	require.Contains(t, i.err.String(), "running already with another spec")
	require.Contains(t, i.err.String(), "starter cancel production/tiny")

	i, code = invoke(server(same), "run", path, "--retrain-changed")
	require.Equal(t, 2, code)
	require.Contains(t, i.err.String(), "--retrain-changed")
}

// Claim: --detach returns at once and says how to watch and to cancel.
func TestDetach(t *testing.T) {
	server := &fakeServer{}
	i, code := invoke(server, "run", writeSpec(t, tinySpec), "--detach")
	require.Equal(t, 0, code, i.err.String())
	require.Zero(t, server.looks)
	require.Contains(t, i.out.String(), "starter watch production/tiny")
	require.Contains(t, i.out.String(), "starter cancel production/tiny")
}

// Claim: --resume=false is --fresh, and flags that contradict each other are refused.
func TestRequestFlags(t *testing.T) {
	path := writeSpec(t, tinySpec)
	for _, flags := range [][]string{{"--fresh"}, {"--resume=false"}} {
		server := &fakeServer{}
		i, code := invoke(server, append([]string{"run", path, "--detach"}, flags...)...)
		require.Equal(t, 0, code, i.err.String())
		_, request, err := config.DecodeInput(server.input)
		require.NoError(t, err)
		require.True(t, request.Fresh)
	}
	for _, flags := range [][]string{{"--fresh", "--only-failed"}, {"--resume", "--fresh"}, {"--force", "nomodel"}, {"--force", "cox_ph:99"}} {
		i, code := invoke(&fakeServer{}, append([]string{"run", path}, flags...)...)
		require.Equal(t, 2, code, "%v: %s", flags, i.err.String())
	}
}
