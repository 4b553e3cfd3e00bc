package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"everfold/dataset"
	"everfold/store"
	"everfold/workflows"
)

const (
	// DefaultStopTimeout is how long activities that are interrupted have to save a
	// checkpoint and return: under the 10 s after which containers are killed.
	DefaultStopTimeout = 8 * time.Second

	// deadlockTimeout replaces the SDK's 1 s: fits on all cores may keep a workflow task
	// waiting that long (TMPRL1101) without anything being wrong.
	deadlockTimeout = 10 * time.Second

	// heartbeatThrottle bounds how old the newest heartbeat on the server is: cancellation
	// and pause reach a fit with it. The SDK's default is 60 s.
	heartbeatThrottle = 5 * time.Second

	// lastCopy is what log files have to reach a store elsewhere after the stop timeout, whatever
	// time of that is left apart.
	lastCopy = time.Second

	// DefaultCacheBytes bounds the prepared tables that workers keep on this machine.
	DefaultCacheBytes = 2 << 30

	// ioSlots: what is published, tracked and told is short and waits for others, not for the cores. What
	// is not, package activities holds to a quarter of them each: servers that hang, and whole runs.
	ioSlots = 16
)

// Queues returns the names of all task queues that a worker can serve.
func Queues() []string {
	return []string{workflows.QueueWorkflows, workflows.QueueTrain, workflows.QueueIO}
}

// ErrWorkerOptions: the options cannot be used. Callers exit with 2.
var ErrWorkerOptions = errors.New("worker options")

// WorkerOptions say what one worker process serves. The zero value serves all three
// queues with as many parallel fits as there are cores.
type WorkerOptions struct {
	Queues           []string        // nil: all of Queues()
	Slots            int             // parallel fits; 0: one per core
	Threads          int             // of one fit at most; 0: all cores that other fits leave
	Name             string          // in histories and log file names; "": <host>-<pid>
	HeartbeatTimeout time.Duration   // of fits; 0: workflows.DefaultHeartbeatTimeout
	Drain            time.Duration   // what activities in hand may go on after a worker is asked to stop, before they are interrupted
	StopTimeout      time.Duration   // of interrupted activities; 0: DefaultStopTimeout
	Hurry            <-chan struct{} // closed: a drain ends now; nil: it takes its time
	Deployment       string          // the worker deployment that this worker is a version of; "": none
	BuildID          string          // which version; "": Build().ID()
	Allow            Allowed         // what specs may name; the zero value: anything
	Limits           dataset.Limits  // of data files; zero fields: the defaults
	Cache            string          // folder of prepared tables of stores elsewhere; "": below the user's cache folder
	CacheBytes       int64           // that it may take; 0: DefaultCacheBytes, negative: nothing is kept
	Terminal         slog.Handler    // of every record; nil: slog.Default's
	Metrics          *Metrics        // what the worker counts; nil: nothing

	// Interceptors and WrapStore let tests watch and disturb an otherwise unmodified worker,
	// OneWorkflow lets small runs be divided as large ones are.
	Interceptors []interceptor.WorkerInterceptor
	WrapStore    func(store.Store) store.Store
	OneWorkflow  int

	// Made by withDefaults.
	interrupt chan struct{} // closed when activities in hand are to end
	fatal     chan error    // why a queue's worker failed for good
}

// Validate returns ErrWorkerOptions, naming the value and what is allowed, where RunWorker
// would refuse the options.
func (o WorkerOptions) Validate() error {
	for _, q := range o.Queues {
		if !slices.Contains(Queues(), q) {
			return fmt.Errorf("%w: unknown task queue %q: want some of %s", ErrWorkerOptions, q, strings.Join(Queues(), ", "))
		}
	}
	if err := o.Allow.Validate(); err != nil {
		return err
	}
	if o.Slots < 0 || o.Threads < 0 {
		return fmt.Errorf("%w: %d slots of %d threads: want numbers from 1, or 0 for the default",
			ErrWorkerOptions, o.Slots, o.Threads)
	}
	if o.HeartbeatTimeout < 0 || o.Drain < 0 || o.StopTimeout < 0 {
		return fmt.Errorf("%w: heartbeat timeout %v, drain %v, stop timeout %v: want durations such as 30s, or 0 for the default",
			ErrWorkerOptions, o.HeartbeatTimeout, o.Drain, o.StopTimeout)
	}
	return o.checkDeployment()
}

// withDefaults fills in every zero field but the hooks.
func (o WorkerOptions) withDefaults() WorkerOptions {
	if len(o.Queues) == 0 {
		o.Queues = Queues()
	}
	cores := runtime.GOMAXPROCS(0) // follows the container's limit
	o.Slots = cmp.Or(o.Slots, cores)
	o.Threads = cmp.Or(o.Threads, cores)
	o.StopTimeout = cmp.Or(o.StopTimeout, DefaultStopTimeout)
	if o.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "worker"
		}
		o.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if o.Terminal == nil {
		o.Terminal = slog.Default().Handler()
	}
	if o.Deployment != "" {
		o.BuildID = cmp.Or(o.BuildID, Build().ID())
	}
	o.interrupt, o.fatal = make(chan struct{}), make(chan error, len(o.Queues))
	return o
}

// RunWorker serves the queues until ctx ends or a worker fails for good. It then stops
// gracefully: it asks for no more work; activities in hand may go on for Drain, unless the worker
// failed, are then interrupted, and have StopTimeout to save a checkpoint and return. It returns
// nil after a requested stop, and ErrCutOff after one that left activities behind.
func RunWorker(ctx context.Context, c client.Client, o WorkerOptions) error {
	if err := o.Validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	o.Allow.tell(slog.New(o.Terminal))
	services := newServices(o)
	services.logs.DeliverLeft()
	hand := &inHand{}
	err := serve(ctx, c, o, hand, services.register)
	services.close(lastCopy + max(0, time.Until(hand.until)))
	if err == nil { // the last line: everything is written by now
		slog.New(o.Terminal).Info("worker has stopped", "worker", o.Name, "finished", hand.finished.Load(),
			"interrupted", hand.interrupted.Load(), "took", hand.took.Round(time.Millisecond).String())
	}
	return err
}

// serve runs one SDK worker a queue, so that a queue's slots are its own.
func serve(ctx context.Context, c client.Client, o WorkerOptions, hand *inHand, register func(queue string, r sdkworker.Registry)) error {
	end := &stopping{options: o, hand: hand, log: slog.New(o.Terminal)}
	for _, queue := range o.Queues {
		options := sdkOptions(queue, o)
		options.Interceptors = append(options.Interceptors, hand)
		w := sdkworker.New(c, queue, options)
		register(queue, w)
		if err := w.Start(); err != nil {
			return errors.Join(fmt.Errorf("serve task queue %s: %w", queue, err), end.stop(0))
		}
		end.workers = append(end.workers, w)
	}
	end.log.Info("worker is serving", o.about()...)
	select {
	case err := <-o.fatal:
		return errors.Join(fmt.Errorf("worker failed: %w", err), end.stop(0))
	case <-ctx.Done():
		return end.stop(o.Drain)
	}
}

// about says what a worker does: nothing of fits where it makes none.
func (o WorkerOptions) about() []any {
	about := []any{"worker", o.Name, "queues", strings.Join(o.Queues, ",")}
	if slices.Contains(o.Queues, workflows.QueueTrain) {
		about = append(about, "slots", o.Slots, "most_threads", o.Threads)
	}
	if o.Deployment != "" {
		about = append(about, "deployment", o.Deployment, "build_id", o.BuildID)
	}
	return about
}

func sdkOptions(queue string, o WorkerOptions) sdkworker.Options {
	options := sdkworker.Options{
		Identity:                     o.Name,
		WorkerStopTimeout:            o.Drain + o.StopTimeout,
		DeploymentOptions:            o.deployment(),
		DeadlockDetectionTimeout:     deadlockTimeout,
		MaxHeartbeatThrottleInterval: heartbeatThrottle,
		Interceptors:                 append(slices.Clone(o.Interceptors), &runEnds{}),
		// A panic in workflow code is a bug in this program. The run waits for a worker that
		// has it mended; failing would give up a day's work for it.
		WorkflowPanicPolicy: sdkworker.BlockWorkflow,
		// Published names only: a workflow or activity that nobody named is not reachable.
		DisableRegistrationAliasing: true,
		OnFatalError:                func(err error) { o.fatal <- err },
	}
	switch queue {
	case workflows.QueueWorkflows:
		options.LocalActivityWorkerOnly = true
	case workflows.QueueTrain:
		options.DisableWorkflowWorker = true
		options.MaxConcurrentActivityExecutionSize = o.Slots
	case workflows.QueueIO:
		options.DisableWorkflowWorker = true
		options.MaxConcurrentActivityExecutionSize = ioSlots
	}
	return options
}
