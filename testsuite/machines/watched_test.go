//go:build linux

package machines

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"everfold/activities"
	"everfold/artifact"
	"everfold/internal/app"
	"everfold/store"
	"everfold/workflows"
)

// watched is a worker for fits that is bin/worker but for two hooks: it tells on standard error
// how fits end, and keeps the manifest of one fold back until the file Release exists, with signs
// of life all the while. With a Pause it is one for all queues whose fits take that long, and
// nothing else is done to it.
type watched struct {
	Name      string         `json:"name"`
	Heartbeat time.Duration  `json:"heartbeat"` // timeout; 0: the run's own
	Slots     int            `json:"slots"`
	Pause     time.Duration  `json:"pause"` // before every fit; 0: none
	Trap      *artifact.Task `json:"trap"`  // nil: the first fold that it gets
	Held      string         `json:"held"`  // file that names the fold, once it is held
	Release   string         `json:"release"`
}

func (w watched) options() (app.WorkerOptions, error) {
	options := app.WorkerOptions{Name: w.Name, Slots: w.Slots, HeartbeatTimeout: w.Heartbeat,
		Interceptors: []interceptor.WorkerInterceptor{&teller{pause: w.Pause}}}
	if w.Pause == 0 {
		options.Queues = []string{workflows.QueueTrain}
		options.WrapStore = func(s store.Store) store.Store { return &heldStore{Store: s, watched: w} }
	}
	return options, nil
}

// teller says how every attempt at a fold ends, which begins with a pause.
type teller struct {
	interceptor.WorkerInterceptorBase
	pause time.Duration
}

func (t *teller) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &telling{pause: t.pause}
	i.Next = next
	return i
}

type telling struct {
	interceptor.ActivityInboundInterceptorBase
	pause time.Duration
}

func (i *telling) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	fit, ok := in.Args[0].(activities.FitFoldInput)
	if !ok {
		return i.Next.ExecuteActivity(ctx, in)
	}
	select {
	case <-time.After(i.pause):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out, err := i.Next.ExecuteActivity(ctx, in)
	fmt.Fprintf(os.Stderr, "ended: %s fold %d attempt %d: %v\n", fit.Model, fit.Fold, activity.GetInfo(ctx).Attempt, err)
	return out, err
}

// heldStore holds the manifest of one fold, once, and says what became of it.
type heldStore struct {
	store.Store
	watched watched
	once    sync.Once
}

// Put is the store's. A manifest that was held is written whatever has become of the attempt
// meanwhile.
func (h *heldStore) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	model, fold, ok := artifact.ManifestOf(strings.TrimPrefix(key, artifact.Folder("production", runName)+"/"))
	task := artifact.Task{Model: model, Fold: fold}
	if !ok || h.watched.Trap != nil && *h.watched.Trap != task {
		return h.Store.Put(ctx, key, body, cond)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return store.Info{}, err
	}
	h.once.Do(func() { err = h.hold(ctx, task) })
	if err != nil {
		return store.Info{}, err
	}
	info, err := h.Store.Put(context.WithoutCancel(ctx), key, bytes.NewReader(content), cond)
	fmt.Fprintf(os.Stderr, "wrote: %s: %v\n", key, err)
	return info, err
}

// hold waits for the release, with signs of life.
func (h *heldStore) hold(ctx context.Context, task artifact.Task) error {
	text, err := json.Marshal(task)
	if err != nil {
		return err
	}
	if err := os.WriteFile(h.watched.Held, text, 0o600); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := os.Stat(h.watched.Release); err == nil {
			break
		}
		store.Moved(ctx)
	}
	return nil
}
