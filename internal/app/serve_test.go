package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

const fitName, runName = "LongFit", "LongRun"

// fits is a stand-in for FitFold: the first attempt works until the worker stops, as fits
// do, the second one is done at once.
type fits struct{ started chan int32 }

func (f *fits) run(ctx context.Context) (int32, error) {
	attempt := activity.GetInfo(ctx).Attempt
	f.started <- attempt
	if attempt > 1 {
		return attempt, nil
	}
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return 0, temporal.NewApplicationErrorWithOptions("worker is stopping", "Interrupted",
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond})
	case <-ctx.Done():
		return 0, errors.New("the context ended before the fit was told that the worker stops")
	}
}

func longRun(ctx workflow.Context) (int32, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: workflows.QueueTrain, StartToCloseTimeout: time.Hour, HeartbeatTimeout: time.Hour,
	})
	var attempt int32
	err := workflow.ExecuteActivity(ctx, fitName).Get(ctx, &attempt)
	return attempt, err
}

// counter counts activity executions, as an interceptor of a test worker may.
type counter struct {
	interceptor.WorkerInterceptorBase
	seen chan string
}

func (c *counter) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &countingInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, seen: c.seen}
}

type countingInbound struct {
	interceptor.ActivityInboundInterceptorBase
	seen chan string
}

func (c *countingInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	c.seen <- activity.GetInfo(ctx).ActivityType.Name
	return c.Next.ExecuteActivity(ctx, in)
}

// Claim: a worker that is asked to stop tells its running fits, and ends once they have
// returned, long before its stop timeout; the next worker goes on at once. Heartbeat and
// activity timeouts play no part. Interceptors of the options see every activity.
func TestGracefulStop(t *testing.T) {
	server := harness.Server(t)
	c := server.Client()
	f := &fits{started: make(chan int32, 8)}
	watch := &counter{seen: make(chan string, 8)}
	register := func(queue string, r sdkworker.Registry) {
		if queue == workflows.QueueWorkflows {
			r.RegisterWorkflowWithOptions(longRun, workflow.RegisterOptions{Name: runName})
			return
		}
		r.RegisterActivityWithOptions(f.run, activity.RegisterOptions{Name: fitName})
	}
	options := app.WorkerOptions{
		Slots: 2, StopTimeout: 30 * time.Second, Terminal: harness.Quiet().Handler(),
		Interceptors: []interceptor.WorkerInterceptor{watch},
	}
	serve := func() (stop func() error) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- app.Serve(ctx, c, app.WithDefaults(options), register) }()
		return func() error { cancel(); return <-ended }
	}

	stop := serve()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.QueueWorkflows}, runName)
	require.NoError(t, err)
	require.EqualValues(t, 1, <-f.started)
	began := time.Now()
	require.NoError(t, stop())
	require.Less(t, time.Since(began), 10*time.Second)

	stop = serve()
	require.EqualValues(t, 2, <-f.started)
	var attempt int32
	require.NoError(t, run.Get(t.Context(), &attempt))
	require.EqualValues(t, 2, attempt)
	require.NoError(t, stop())
	require.Equal(t, fitName, <-watch.seen)
	require.Equal(t, fitName, <-watch.seen)
}

// Claim: a worker whose activities end neither by themselves nor when they are told to ends
// all the same, once the stop timeout is over, and says that something was cut off.
func TestCutOff(t *testing.T) {
	server := harness.Server(t)
	c := server.Client()
	begun, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	deaf := func(context.Context) error { close(begun); <-never; return nil }
	register := func(queue string, r sdkworker.Registry) {
		if queue == workflows.QueueWorkflows {
			r.RegisterWorkflowWithOptions(longRun, workflow.RegisterOptions{Name: runName})
			return
		}
		r.RegisterActivityWithOptions(deaf, activity.RegisterOptions{Name: fitName})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	options := app.WithDefaults(app.WorkerOptions{StopTimeout: 200 * time.Millisecond, Terminal: harness.Quiet().Handler()})
	go func() { ended <- app.Serve(ctx, c, options, register) }()
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.QueueWorkflows}, runName)
	require.NoError(t, err)
	<-begun
	cancel()
	err = <-ended
	require.ErrorIs(t, err, app.ErrCutOff)
	require.ErrorContains(t, err, "1 activities in hand")
}

// Claim: a namespace that the server does not have is an error of the start, not a worker
// that waits for ever.
func TestUnknownNamespace(t *testing.T) {
	server := harness.Server(t)
	t.Setenv("TEMPORAL_ADDRESS", server.Address)
	t.Setenv("TEMPORAL_NAMESPACE", "nowhere")
	c, err := app.Dial(t.Context(), app.DialOptions{Logger: harness.Quiet()})
	require.NoError(t, err)
	defer c.Close()
	err = app.RunWorker(t.Context(), c, app.WorkerOptions{Terminal: harness.Quiet().Handler()})
	require.ErrorContains(t, err, "nowhere")
}
