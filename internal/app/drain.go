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
// The SDK's own patience plays no part: it is the longest there may be, set before a worker
// starts, while a drain may be called off and a worker that failed has none.
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
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var all sync.WaitGroup
		for _, w := range s.workers { // at once: each may take the whole time
			all.Go(w.Stop)
		}
		all.Wait()
	}()
	s.drain(drain, ended)
	close(s.options.interrupt)
	s.hand.until = time.Now().Add(s.options.StopTimeout)
	timeout := time.NewTimer(s.options.StopTimeout)
	defer timeout.Stop()
	select {
	case <-ended:
	case <-timeout.C:
	}
	took := time.Since(began)
	if left := s.hand.running.Load(); left > 0 {
		return fmt.Errorf("%w: %d activities in hand were cut off after %v", ErrCutOff, left, took.Round(time.Millisecond))
	}
	select {
	case <-ended:
		s.hand.took = took
		return nil
	default:
		return fmt.Errorf("%w: the server did not answer for %v", ErrCutOff, took.Round(time.Millisecond))
	}
}

// drain returns when every worker has ended, when the time is over, or when somebody hurries.
func (s *stopping) drain(most time.Duration, ended <-chan struct{}) {
	if most == 0 {
		return
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	why := "the drain is over"
	select {
	case <-ended:
		return
	case <-timer.C:
	case <-s.options.Hurry:
		why = "the drain is called off"
	}
	if left := s.hand.running.Load(); left > 0 {
		s.log.Info(why+", what is in hand is interrupted", "worker", s.options.Name, "in_hand", left)
	}
}

// inHand counts activities: those that run, and how those end that ran when the worker was
// asked to stop.
type inHand struct {
	interceptor.WorkerInterceptorBase
	stopping                       atomic.Bool
	running, finished, interrupted atomic.Int64
	took                           time.Duration // by the stop
	until                          time.Time     // the stop timeout; zero: there was no stop
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
