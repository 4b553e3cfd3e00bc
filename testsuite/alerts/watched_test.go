package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
	"everfold/artifact"
	"everfold/internal/app"
	"everfold/store"
)

// watchedRole in the environment makes the test binary a worker; its value is a watched in
// JSON.
const watchedRole = "EVERFOLD_TEST_WATCHED_WORKER"

func TestMain(m *testing.M) {
	if setting := os.Getenv(watchedRole); setting != "" {
		if err := playWatched(setting); err != nil {
			fmt.Fprintln(os.Stderr, "watched worker:", err)
			os.Exit(1)
		}
		return
	}
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

func playWatched(setting string) error {
	var w watched
	if err := json.Unmarshal([]byte(setting), &w); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c, err := app.Dial(ctx, app.DialOptions{Wait: time.Minute})
	if err != nil {
		return err
	}
	defer c.Close()
	return app.RunWorker(ctx, c, app.WorkerOptions{
		HeartbeatTimeout: heartbeatTimeout,
		Interceptors:     []interceptor.WorkerInterceptor{&failer{model: w.Fail}},
		WrapStore:        func(s store.Store) store.Store { return &trapped{Store: s, at: w.KillAt} },
	})
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
