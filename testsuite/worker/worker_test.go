package worker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// polled reports whether some worker asks for tasks of the queue.
func polled(t *testing.T, c client.Client, queue string) bool {
	t.Helper()
	kind := enums.TASK_QUEUE_TYPE_ACTIVITY
	if queue == workflows.QueueWorkflows {
		kind = enums.TASK_QUEUE_TYPE_WORKFLOW
	}
	r, err := c.WorkflowService().DescribeTaskQueue(t.Context(), &workflowservice.DescribeTaskQueueRequest{
		Namespace: client.DefaultNamespace, TaskQueue: &taskqueue.TaskQueue{Name: queue}, TaskQueueType: kind,
	})
	require.NoError(t, err)
	return len(r.GetPollers()) > 0
}

// Claim: a worker without flags serves all three queues, one with --queues serves those
// alone, and both end with 0 on the signals that service managers and terminals send.
func TestQueuesAndSignals(t *testing.T) {
	server := harness.Server(t)
	c := server.Client()
	io := harness.Worker(t, server.Address, "--queues", workflows.QueueIO, "--name", "io-1")
	harness.Eventually(t, "io served", func() bool { return polled(t, c, workflows.QueueIO) })
	require.False(t, polled(t, c, workflows.QueueWorkflows))
	require.False(t, polled(t, c, workflows.QueueTrain))

	all := harness.Worker(t, server.Address)
	for _, queue := range app.Queues() {
		harness.Eventually(t, queue+" served", func() bool { return polled(t, c, queue) })
	}
	require.Zero(t, io.Stop())
	require.Contains(t, io.Stderr(), "worker is stopping")
	all.Signal(syscall.SIGINT)
	require.Zero(t, all.Wait())
}

// Claim: a worker outlives its server: it goes on when the server is back, and stops
// gracefully, within its timeout, while the server is down.
func TestServerDown(t *testing.T) {
	server := harness.Server(t)
	w := harness.Worker(t, server.Address, "--stop-timeout", "2s")
	server.Restart()
	c := server.Client()
	for _, queue := range app.Queues() {
		harness.Eventually(t, queue+" served again", func() bool { return polled(t, c, queue) })
	}
	server.Kill()
	began := time.Now()
	w.Stop()
	require.Less(t, time.Since(began), 30*time.Second)
}

// Claim: a worker that was started before its server waits for it.
func TestStartedFirst(t *testing.T) {
	early := harness.Unstarted(t)
	w := harness.StartProgram(t, harness.Env{Address: early.Address}, harness.WorkerBinary(t))
	w.WaitFor("waiting for the Temporal server")
	early.Restart()
	w.WaitFor("worker is serving")
	require.Zero(t, w.Stop())
}

// Claim: with --exit-with-parent the death of the parent, which holds the worker's standard
// input, ends the worker.
func TestExitWithParent(t *testing.T) {
	server := harness.Server(t)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(harness.WorkerBinary(t), "--exit-with-parent")
	cmd.Stdin = read
	cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+server.Address, "TEMPORAL_CONFIG_FILE="+os.DevNull)
	require.NoError(t, cmd.Start())
	require.NoError(t, read.Close())
	c := server.Client()
	harness.Eventually(t, "the train queue served", func() bool { return polled(t, c, workflows.QueueTrain) })
	require.NoError(t, write.Close())
	require.NoError(t, cmd.Wait())
}

// Claim: where a queue has no worker, doctor and the status of a run that waits there name it;
// the run goes on once there is one.
func TestQueueThatNobodyPolls(t *testing.T) {
	server := harness.Server(t)
	harness.Worker(t, server.Address, "--queues", "workflows,io")
	env := harness.Env{Address: server.Address, Dir: t.TempDir()}
	run := harness.StartStarter(t, env, "run", filepath.Join(harness.Root(t), "examples", "veteran.yaml"), "--json")
	harness.Eventually(t, "status names the queue", func() bool {
		r := harness.Starter(t, env, "status", "production/veteran")
		return strings.Contains(r.Stdout, "Waiting: no worker polls everfold-train;")
	})
	require.Contains(t, harness.Starter(t, env, "doctor").Stdout, "nobody serves everfold-train\n")
	run.WaitFor("waiting: no worker polls everfold-train;")
	harness.Worker(t, server.Address, "--queues", "train")
	require.Zero(t, run.Wait(), "%s%s", run.Stdout(), run.Stderr())
}
