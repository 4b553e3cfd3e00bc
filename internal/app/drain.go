package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"

	"everfold/activities"
)

// ErrCutOff: a worker ended while activities that it had told to end went on. Another worker
// gets them once their heartbeats are missed.
var ErrCutOff = errors.New("did not stop in time")

// stopping is the end of a worker. Polling ends at once. What is in hand may go on for the
// drain; then it is interrupted, and has the stop timeout to save a checkpoint and go back.
type stopping struct {
	options WorkerOptions
	workers []sdkworker.Worker
	hand    *inHand
	log     *slog.Logger
}

// stop returns when every worker has ended, or ErrCutOff.
func (s *stopping) stop(drain time.Duration) error {
	began := time.Now()
	s.hand.stopping.Store(true)
	s.log.Info("worker is stopping", "worker", s.options.Name, "in_hand", s.hand.running.Load(),
		"drain", drain.String(), "stop_timeout", s.options.StopTimeout.String())
	drained := time.AfterFunc(drain, func() {
		if left := s.hand.running.Load(); drain > 0 && left > 0 {
			s.log.Info("the drain is over, what is in hand is interrupted", "worker", s.options.Name, "in_hand", left)
		}
		close(s.options.interrupt)
	})
	var all sync.WaitGroup
	for _, w := range s.workers { // at once: each may take the whole time
		all.Go(w.Stop)
	}
	all.Wait()
	drained.Stop()
	if left := s.hand.running.Load(); left > 0 {
		return fmt.Errorf("%w: %d activities in hand were cut off after %v", ErrCutOff, left, drain+s.options.StopTimeout)
	}
	s.hand.took = time.Since(began)
	return nil
}

// inHand counts activities: those that run, and how those end that ran when the worker was
// asked to stop.
type inHand struct {
	interceptor.WorkerInterceptorBase
	stopping                       atomic.Bool
	running, finished, interrupted atomic.Int64
	took                           time.Duration // by the stop
}

func (h *inHand) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &oneInHand{interceptor.ActivityInboundInterceptorBase{Next: next}, h}
}

type oneInHand struct {
	interceptor.ActivityInboundInterceptorBase
	hand *inHand
}

func (o *oneInHand) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	o.hand.running.Add(1)
	defer o.hand.running.Add(-1)
	result, err := o.Next.ExecuteActivity(ctx, in)
	var app *temporal.ApplicationError
	switch {
	case !o.hand.stopping.Load():
	case errors.As(err, &app) && app.Type() == activities.ErrInterrupted:
		o.hand.interrupted.Add(1)
	default:
		o.hand.finished.Add(1)
	}
	return result, err
}
