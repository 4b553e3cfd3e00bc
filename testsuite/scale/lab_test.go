package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"

	"everfold/activities"
	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// long says whether the long forms were asked for.
var long = os.Getenv("EVERFOLD_SCALE") != ""

// fair are the settings by which a server lets runs take turns, and one queue that is in order.
var fair = []string{"matching.enableFairness=true", "matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1"}

// lab is a server, a store, and a worker in this process whose fits a test may watch and hold.
type lab struct {
	interceptor.WorkerInterceptorBase
	t      *testing.T
	server *harness.TemporalServer
	client client.Client
	store  string
	// prepare is called before every attempt at a preparation; nil: nothing.
	prepare func(ctx context.Context) error
	// before is called before every attempt at a fold, after when it has ended well; nil: nothing.
	before func(ctx context.Context, in activities.FitFoldInput) error
	after  func(in activities.FitFoldInput, out *activities.FitFoldResult)
}

func newLab(t *testing.T, settings ...string) *lab {
	t.Helper()
	l := &lab{t: t, server: harness.Unstarted(t), store: t.TempDir()}
	l.server.Dynamic = settings
	l.server.Restart()
	l.client = l.server.Client()
	return l
}

// serve starts a worker that stops with the test, or when the function is called.
func (l *lab) serve(slots, oneWorkflow int) (stop func()) {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- app.RunWorker(ctx, l.client, app.WorkerOptions{
			Slots: slots, Threads: 1, Terminal: harness.Quiet().Handler(), OneWorkflow: oneWorkflow, StopTimeout: time.Minute,
			Interceptors: []interceptor.WorkerInterceptor{l},
		})
	}()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			require.NoError(l.t, <-served)
		}
	}
	l.t.Cleanup(stop)
	return stop
}

// InterceptActivity puts the test around fits.
func (l *lab) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &watched{lab: l}
	i.Next = next
	return i
}

type watched struct {
	interceptor.ActivityInboundInterceptorBase
	lab *lab
}

func (w *watched) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	name := activity.GetInfo(ctx).ActivityType.Name
	if name == activities.PrepareDataName && w.lab.prepare != nil {
		if err := w.lab.prepare(ctx); err != nil {
			return nil, err
		}
	}
	fit, isFit := in.Args[0].(activities.FitFoldInput)
	if name != activities.FitFoldName || !isFit {
		return w.Next.ExecuteActivity(ctx, in)
	}
	if w.lab.before != nil {
		if err := w.lab.before(ctx, fit); err != nil {
			return nil, err
		}
	}
	out, err := w.Next.ExecuteActivity(ctx, in)
	if fitted, ok := out.(*activities.FitFoldResult); ok && err == nil && w.lab.after != nil {
		w.lab.after(fit, fitted)
	}
	return out, err
}

// spec is a run's input as JSON: Cox models of those names on a table of 137 rows, without
// any the baseline alone.
func (l *lab) spec(run string, k, repeats int, models []string, more string) json.RawMessage {
	l.t.Helper()
	var listed []string
	for _, m := range models {
		listed = append(listed, fmt.Sprintf(`{"name":%q,"type":"cox_ph"}`, m))
	}
	if len(listed) == 0 {
		listed = []string{`{"type":"km"}`}
	}
	data := filepath.Join(harness.Root(l.t), "examples", "data", "veteran.csv")
	return json.RawMessage(fmt.Sprintf(`{"run":%q,"type":"production","data":{"uri":%q,"time":"time","event":"status","categorical":["trt","celltype","prior"]},
"folds":{"k":%d,"repeats":%d},"models":[%s],"store":{"uri":%q},"tracker":{"uri":"off"}%s}`,
		run, data, k, repeats, strings.Join(listed, ","), l.store, more))
}

func idOf(run string) string { return "everfold/production/" + run }

func (l *lab) start(run string, spec json.RawMessage) client.WorkflowRun {
	l.t.Helper()
	options := client.StartWorkflowOptions{ID: idOf(run), TaskQueue: workflows.QueueWorkflows}
	started, err := l.client.ExecuteWorkflow(l.t.Context(), options, workflows.TrainSurvivalModelsName, spec)
	require.NoError(l.t, err)
	return started
}

func (l *lab) result(run client.WorkflowRun) workflows.Result {
	l.t.Helper()
	var out workflows.Result
	require.NoError(l.t, run.Get(l.t.Context(), &out))
	return out
}

func (l *lab) progress(id string) workflows.Progress {
	l.t.Helper()
	value, err := l.client.QueryWorkflow(l.t.Context(), id, "", workflows.QueryProgress)
	require.NoError(l.t, err)
	var p workflows.Progress
	require.NoError(l.t, value.Get(&p))
	return p
}

// file reads a file of a run.
func (l *lab) file(run, key string) string {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.store, "production", run, filepath.FromSlash(key)))
	require.NoError(l.t, err)
	return string(content)
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// memory is what a process has in memory, in MB; 0 where the system does not tell.
func memory(pid int) int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := resident.FindSubmatch(content)
	if err != nil || found == nil {
		return 0
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0
	}
	return kb >> 10
}
