package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

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

// watched is a worker that is bin/worker but for two hooks: it keeps a journal, and springs
// a trap on itself.
type watched struct {
	Name    string `json:"name"`
	Journal string `json:"journal"`
	Slots   int    `json:"slots"`
	Trap    trap   `json:"trap"`

	Heartbeat   time.Duration `json:"heartbeat"` // timeout
	OneWorkflow int           `json:"one_workflow"`
}

// The moments of a fold's way into the store, and of the tables'.
const (
	beforeRisk     = "before risk"
	afterRisk      = "after risk"
	beforeManifest = "before manifest"
	afterManifest  = "after manifest"
	beforeMetrics  = "before metrics"
	afterMetrics   = "after metrics"
	beforeSummary  = "before summary"
	afterSummary   = "after summary"

	beforeModelFile   = "before model file"
	beforeModel       = "before model" // model.json
	afterModel        = "after model"
	beforeOutOfFold   = "before out of fold"
	beforePredictions = "before predictions" // predictions.json
	afterPredictions  = "after predictions"
	beforeReport      = "before report"
)

// What a trap does.
const (
	kill = "kill" // SIGKILL to itself
	hang = "hang" // SIGSTOP to itself: the operation goes no further until SIGCONT, nor does any other thread
	wait = "wait" // that one operation waits until its context ends
	fail = "fail" // that one operation fails, by an error of no known class
)

// trap is one disturbance; the zero value never springs.
type trap struct {
	At    string         `json:"at"`
	Task  *artifact.Task `json:"task"` // nil: any
	Nth   int            `json:"nth"`  // of the operations that match, from 1
	Every bool           `json:"every"`
	Do    string         `json:"do"`
}

func (w watched) options() (app.WorkerOptions, error) {
	j, err := openJournal(w.Journal, w.Name)
	return app.WorkerOptions{
		Name: w.Name, Slots: w.Slots, HeartbeatTimeout: w.Heartbeat, OneWorkflow: w.OneWorkflow,
		Interceptors: []interceptor.WorkerInterceptor{&watcher{journal: j}},
		WrapStore:    func(s store.Store) store.Store { return &watchedStore{Store: s, journal: j, trap: w.Trap} },
	}, err
}

// watcher notes the beginning of every attempt of an activity.
type watcher struct {
	interceptor.WorkerInterceptorBase
	journal *journal
}

func (w *watcher) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &activityWatcher{journal: w.journal}
	i.Next = next
	return i
}

type activityWatcher struct {
	interceptor.ActivityInboundInterceptorBase
	journal *journal
}

func (w *activityWatcher) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	r := record{Phase: phaseActivity, Activity: activity.GetInfo(ctx).ActivityType.Name}
	for _, arg := range in.Args {
		if fit, ok := arg.(activities.FitFoldInput); ok {
			r.Model, r.Fold = fit.Model, fit.Fold
		}
	}
	if err := w.journal.append(r); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return w.Next.ExecuteActivity(ctx, in)
}

// watchedStore notes starts and manifests, and springs the trap.
type watchedStore struct {
	store.Store
	journal *journal
	trap    trap

	mu   sync.Mutex
	seen int
	// gate keeps the process alive between an acknowledgement and its record: the journal
	// is exact where the worker kills itself. What has no record does not hold it: streams that
	// are written side by side may wait for the one that springs the trap.
	gate sync.RWMutex
}

// Put is the store's, watched.
func (w *watchedStore) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	if w.trap.Do == hang { // what the store was given before the hang is written after it
		content, err := io.ReadAll(body)
		if err != nil {
			return store.Info{}, err
		}
		ctx, body = context.WithoutCancel(ctx), bytes.NewReader(content)
	}
	what, task := describe(key)
	if err := w.spring(ctx, "before "+what, task); err != nil {
		return store.Info{}, err
	}
	info, err := w.put(ctx, key, body, cond)
	if err != nil {
		return info, err
	}
	return info, w.spring(ctx, "after "+what, task)
}

func (w *watchedStore) put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	what, task := describe(key)
	phase := map[string]string{"start": phaseFit, "manifest": phaseManifest}[what]
	if phase == "" {
		return w.Store.Put(ctx, key, body, cond)
	}
	w.gate.RLock()
	defer w.gate.RUnlock()
	info, err := w.Store.Put(ctx, key, body, cond)
	if what == "manifest" && errors.Is(err, store.ErrConflict) {
		phase = phaseRefused
	} else if err != nil {
		return info, err
	}
	if failed := w.journal.append(record{Phase: phase, Model: task.Model, Fold: task.Fold}); failed != nil {
		return info, fmt.Errorf("journal: %w", failed)
	}
	return info, err
}

// spring does what the trap says where the moment is the trap's.
func (w *watchedStore) spring(ctx context.Context, moment string, task artifact.Task) error {
	if moment != w.trap.At || w.trap.Task != nil && *w.trap.Task != task {
		return nil
	}
	w.mu.Lock()
	w.seen++
	due := w.trap.Every || w.seen == w.trap.Nth
	w.mu.Unlock()
	if !due {
		return nil
	}
	switch w.trap.Do {
	case kill:
		w.gate.Lock()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	case hang:
		harness.StandStill()
	case wait:
		<-ctx.Done()
		return ctx.Err()
	case fail:
		return errors.New("a fault of no known class")
	}
	return nil
}

// describe says what a key holds, and of which fold.
func describe(key string) (what string, task artifact.Task) {
	key = strings.TrimPrefix(key, artifact.Folder("production", runName)+"/")
	switch key {
	case artifact.MetricsKey:
		return "metrics", task
	case artifact.SummaryKey:
		return "summary", task
	case artifact.ModelKey(finalModel):
		return "model file", finalTask
	case artifact.ModelInfoKey(finalModel):
		return "model", finalTask
	case artifact.OutOfFoldKey:
		return "out of fold", task
	case artifact.PredictionsInfoKey:
		return "predictions", task
	case artifact.ReportKey:
		return "report", task
	}
	if model, fold, ok := artifact.ManifestOf(key); ok {
		return "manifest", artifact.Task{Model: model, Fold: fold}
	}
	if manifest, ok := strings.CutSuffix(key, "_risk.npy"); ok {
		if model, fold, ok := artifact.ManifestOf(manifest + ".json"); ok {
			return "risk", artifact.Task{Model: model, Fold: fold}
		}
	}
	if rest, ok := strings.CutPrefix(key, artifact.CheckpointsPrefix); ok && strings.Contains(rest, "/start.") {
		model, rest, _ := strings.Cut(rest, "/")
		if _, err := fmt.Sscanf(rest, "fold%d/", &task.Fold); err == nil {
			task.Model = model
			return "start", task
		}
	}
	return "other", artifact.Task{}
}

// The watched store knows every key that the traps and the oracle depend on.
func TestDescribe(t *testing.T) {
	task := artifact.Task{Model: "cox_ph", Fold: 3}
	folder := artifact.Folder("production", runName) + "/"
	for key, want := range map[string]string{
		artifact.ManifestKey("cox_ph", 3):                               "manifest",
		artifact.RiskKey("cox_ph", 3):                                   "risk",
		artifact.CheckpointPrefix("cox_ph", 3) + "start.some-id.1.json": "start",
	} {
		what, of := describe(folder + key)
		if what != want || of != task {
			t.Errorf("%s: %s of %s", key, what, of)
		}
	}
	for key, want := range map[string]string{
		artifact.MetricsKey: "metrics", artifact.SummaryKey: "summary", artifact.RunKey: "other",
		artifact.ModelKey(finalModel): "model file", artifact.ModelInfoKey(finalModel): "model",
		artifact.OutOfFoldKey: "out of fold", artifact.PredictionsInfoKey: "predictions", artifact.PredictionsKey: "other",
		artifact.ReportKey: "report", artifact.CheckpointPrefix(artifact.StepTask("report").Model, artifact.FinalFold) + "start.some-id.1.json": "other",
		artifact.SurvKey("cox_ph", 3): "other", artifact.CheckpointKey("cox_ph", 3, "fingerprint", "rounds"): "other",
	} {
		if what, _ := describe(folder + key); what != want {
			t.Errorf("%s: %s", key, what)
		}
	}
}
