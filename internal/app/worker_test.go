package app

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everfold/workflows"
)

// Claim: the zero options serve all queues with one fit per core, each of which may use the
// cores that others leave; what cannot be used is ErrWorkerOptions, naming the value.
func TestWorkerOptions(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	o := WorkerOptions{}.withDefaults()
	require.Equal(t, Queues(), o.Queues)
	require.Equal(t, cores, o.Slots)
	require.Equal(t, cores, o.Threads)
	require.Equal(t, DefaultStopTimeout, o.StopTimeout)
	require.NotEmpty(t, o.Name)
	require.Equal(t, 3, WorkerOptions{Slots: 1, Threads: 3}.withDefaults().Threads)

	require.NoError(t, WorkerOptions{}.Validate())
	for says, bad := range map[string]WorkerOptions{
		`"everfold"`:         {Queues: []string{"everfold"}},
		"-1 slots":           {Slots: -1},
		"-2 threads":         {Threads: -2},
		"-1s":                {HeartbeatTimeout: -time.Second},
		"-1m0s":              {StopTimeout: -time.Minute},
		"-2m0s":              {Drain: -2 * time.Minute},
		`"a.b"`:              {Deployment: "a.b", BuildID: "1"},
		`"a:b"`:              {Deployment: "a:b", BuildID: "1"},
		`"1 2"`:              {Deployment: "a", BuildID: "1 2"},
		`"1" without`:        {BuildID: "1"},
		"without a build id": {Deployment: "a"}, // a test binary has no revision
	} {
		err := bad.Validate()
		require.ErrorIs(t, err, ErrWorkerOptions)
		require.ErrorContains(t, err, says)
		require.ErrorIs(t, RunWorker(t.Context(), nil, bad), ErrWorkerOptions)
	}
}

// Claim: only the workflow queue runs workflow code, fits have the slots asked for and io
// its own, and every queue has the limits that the design names.
func TestQueueOptions(t *testing.T) {
	o := WorkerOptions{Slots: 3, Drain: time.Minute}.withDefaults()
	for _, queue := range Queues() {
		got := sdkOptions(queue, o)
		require.Equal(t, queue != workflows.QueueWorkflows, got.DisableWorkflowWorker, queue)
		require.Equal(t, queue == workflows.QueueWorkflows, got.LocalActivityWorkerOnly, queue)
		require.GreaterOrEqual(t, got.DeadlockDetectionTimeout, 10*time.Second)
		require.Equal(t, 5*time.Second, got.MaxHeartbeatThrottleInterval)
		require.Equal(t, time.Minute+DefaultStopTimeout, got.WorkerStopTimeout)
		require.Zero(t, got.DeploymentOptions)
		require.True(t, got.DisableRegistrationAliasing)
		require.Equal(t, sdkworker.BlockWorkflow, got.WorkflowPanicPolicy)
	}
	require.Equal(t, 3, sdkOptions(workflows.QueueTrain, o).MaxConcurrentActivityExecutionSize)
	require.Equal(t, ioSlots, sdkOptions(workflows.QueueIO, o).MaxConcurrentActivityExecutionSize)
}

// Claim: a worker of a deployment is one version on every queue, and pins what it runs.
func TestDeployment(t *testing.T) {
	o := WorkerOptions{Deployment: "everfold", BuildID: "v1"}
	require.NoError(t, o.Validate())
	for _, queue := range Queues() {
		require.Equal(t, sdkworker.DeploymentOptions{
			UseVersioning: true, Version: sdkworker.WorkerDeploymentVersion{DeploymentName: "everfold", BuildID: "v1"},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		}, sdkOptions(queue, o.withDefaults()).DeploymentOptions)
	}
}

// Claim: the default build id is the revision, else the version of a module; a build that
// neither names has none.
func TestBuildID(t *testing.T) {
	for want, b := range map[string]BuildInfo{
		"aaaaaaaaaaaa": {Version: "v1.2.3", Revision: strings.Repeat("a", 40)},
		"abc":          {Version: "(devel)", Revision: "abc"},
		"v1.2.3":       {Version: "v1.2.3"},
	} {
		require.Equal(t, want, b.ID())
	}
	require.Empty(t, BuildInfo{Version: "(devel)"}.ID())
	require.Empty(t, BuildInfo{Version: "v1.2.3", Revision: "abc", Modified: true}.ID())
	require.Empty(t, BuildInfo{Version: "v0.0.0-2026+dirty"}.ID())
}

// Claim: build information names the Go version and platform even where the build had no
// version control, and its line is one line.
func TestBuild(t *testing.T) {
	b := Build()
	require.Equal(t, runtime.Version(), b.Go)
	require.Equal(t, runtime.GOARCH, b.Arch)
	require.NotEmpty(t, b.Version)
	require.NotContains(t, b.String(), "\n")
	full := BuildInfo{Version: "v1.2.3", Revision: strings.Repeat("a", 40), Modified: true, Go: "go1.26.8", OS: "linux", Arch: "arm64"}
	require.Equal(t, "v1.2.3 aaaaaaaaaaaa+modified go1.26.8 linux/arm64", full.String())
}
