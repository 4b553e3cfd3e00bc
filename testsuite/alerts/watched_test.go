package alerts

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
	"everfold/artifact"
	"everfold/internal/app"
	"everfold/store"
	"everfold/testsuite/harness"
)

func TestMain(m *testing.M) {
	harness.PlayWatched(watched.options)
	os.Exit(m.Run())
}

// watched is a worker that is bin/worker but for what it does to itself.
type watched struct {
	KillAt string `json:"kill_at"` // a moment of an alert's way
	Fail   string `json:"fail"`    // a model that fails
}

// The moments of an alert's way.
const (
	beforeClaim = "before put 1"
	afterClaim  = "after put 1"
	afterSend   = "before put 2"
	afterRecord = "after put 2"
)

func (w watched) options() (app.WorkerOptions, error) {
	return app.WorkerOptions{
		HeartbeatTimeout: heartbeatTimeout,
		Interceptors:     []interceptor.WorkerInterceptor{&failer{model: w.Fail}},
		WrapStore:        func(s store.Store) store.Store { return &trapped{Store: s, at: w.KillAt} },
	}, nil
}

// trapped is a store that kills its process at a moment of the first alert.
type trapped struct {
	store.Store
	at   string
	mu   sync.Mutex
	puts int
}

func (s *trapped) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	if !strings.Contains(key, "/"+artifact.AlertsPrefix) {
		return s.Store.Put(ctx, key, body, cond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	s.spring("before")
	info, err := s.Store.Put(ctx, key, body, cond)
	s.spring("after")
	return info, err
}

func (s *trapped) spring(when string) {
	if fmt.Sprintf("%s put %d", when, s.puts) == s.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}

// failer makes one model fail.
type failer struct {
	interceptor.WorkerInterceptorBase
	model string
}

func (f *failer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &failing{model: f.model}
	i.Next = next
	return i
}

type failing struct {
	interceptor.ActivityInboundInterceptorBase
	model string
}

func (f *failing) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if fit, ok := in.Args[0].(activities.FitFoldInput); ok && fit.Model == f.model {
		return nil, temporal.NewNonRetryableApplicationError("no finite estimate", activities.ErrNotConverged, nil)
	}
	return f.Next.ExecuteActivity(ctx, in)
}
