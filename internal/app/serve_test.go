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
// returned, and not with its stop timeout; the next worker goes on at once. Heartbeat and
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
		Slots: 2, StopTimeout: time.Hour, Terminal: harness.Quiet().Handler(),
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
	require.NoError(t, stop())

	stop = serve()
	require.EqualValues(t, 2, <-f.started)
	var attempt int32
	require.NoError(t, run.Get(t.Context(), &attempt))
	require.EqualValues(t, 2, attempt)
	require.NoError(t, stop())
	require.Equal(t, fitName, <-watch.seen)
	require.Equal(t, fitName, <-watch.seen)
}

// served is a worker with one activity in hand, and how it ended.
type served struct {
	options app.WorkerOptions
	stop    func()
	ended   <-chan error
}

// inHand starts a worker, and returns once an activity runs on it.
func inHand(t *testing.T, o app.WorkerOptions, act func(ctx context.Context, interrupt <-chan struct{}) error) served {
	t.Helper()
	c := harness.Server(t).Client()
	o.Terminal = harness.Quiet().Handler()
	o = app.WithDefaults(o)
	begun := make(chan struct{}, 1)
	register := func(queue string, r sdkworker.Registry) {
		if queue == workflows.QueueWorkflows {
			r.RegisterWorkflowWithOptions(longRun, workflow.RegisterOptions{Name: runName})
			return
		}
		r.RegisterActivityWithOptions(func(ctx context.Context) error {
			begun <- struct{}{}
			return act(ctx, app.Interrupt(o))
		}, activity.RegisterOptions{Name: fitName})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, c, o, register) }()
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.QueueWorkflows}, runName)
	require.NoError(t, err)
	<-begun
	return served{options: o, stop: cancel, ended: ended}
}

// Claim: a worker whose activities end neither by themselves nor when they are told to ends
// all the same, once the stop timeout is over, and says that something was cut off.
func TestCutOff(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	deaf := func(context.Context, <-chan struct{}) error { <-never; return nil }
	w := inHand(t, app.WorkerOptions{StopTimeout: 200 * time.Millisecond}, deaf)
	w.stop()
	err := <-w.ended
	require.ErrorIs(t, err, app.ErrCutOff)
	require.ErrorContains(t, err, "1 activities in hand")
}

// Claim: a worker that fails for good does not wait for its drain: it interrupts what it has in
// hand, which may go back, and where that does not end either the stop timeout bounds the wait.
func TestFailureEndsADrain(t *testing.T) {
	broken := errors.New("the namespace is gone")
	obedient := func(_ context.Context, interrupt <-chan struct{}) error { <-interrupt; return errors.New("back") }
	w := inHand(t, app.WorkerOptions{Drain: time.Hour, StopTimeout: time.Hour}, obedient)
	app.Fail(w.options, broken)
	err := <-w.ended
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, app.ErrCutOff)

	never := make(chan struct{})
	defer close(never)
	deaf := func(context.Context, <-chan struct{}) error { <-never; return nil }
	w = inHand(t, app.WorkerOptions{Drain: time.Hour, StopTimeout: 200 * time.Millisecond}, deaf)
	app.Fail(w.options, broken)
	err = <-w.ended
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, app.ErrCutOff)
}

// Claim: a drain that is called off is over, and not before: what is in hand is interrupted and
// goes back.
func TestDrainCalledOff(t *testing.T) {
	hurry, early := make(chan struct{}), make(chan bool, 1)
	obedient := func(_ context.Context, interrupt <-chan struct{}) error {
		<-interrupt
		select {
		case <-hurry:
			early <- false
		default:
			early <- true
		}
		return errors.New("back")
	}
	w := inHand(t, app.WorkerOptions{Drain: time.Hour, StopTimeout: time.Hour, Hurry: hurry}, obedient)
	w.stop()
	close(hurry)
	require.NoError(t, <-w.ended)
	require.False(t, <-early)
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
