package app

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"

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
		`"everfold"`: {Queues: []string{"everfold"}},
		"-1 slots":   {Slots: -1},
		"-2 threads": {Threads: -2},
		"-1s":        {HeartbeatTimeout: -time.Second},
		"-1m0s":      {StopTimeout: -time.Minute},
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
	o := WorkerOptions{Slots: 3}.withDefaults()
	for _, queue := range Queues() {
		got := sdkOptions(queue, o, nil)
		require.Equal(t, queue != workflows.QueueWorkflows, got.DisableWorkflowWorker, queue)
		require.Equal(t, queue == workflows.QueueWorkflows, got.LocalActivityWorkerOnly, queue)
		require.GreaterOrEqual(t, got.DeadlockDetectionTimeout, 10*time.Second)
		require.Equal(t, 5*time.Second, got.MaxHeartbeatThrottleInterval)
		require.Equal(t, DefaultStopTimeout, got.WorkerStopTimeout)
		require.True(t, got.DisableRegistrationAliasing)
		require.Equal(t, sdkworker.BlockWorkflow, got.WorkflowPanicPolicy)
	}
	require.Equal(t, 3, sdkOptions(workflows.QueueTrain, o, nil).MaxConcurrentActivityExecutionSize)
	require.Equal(t, ioSlots, sdkOptions(workflows.QueueIO, o, nil).MaxConcurrentActivityExecutionSize)
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
