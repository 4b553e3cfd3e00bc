package tracker

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"

	"everfold/activities"
	"everfold/artifact"
	"everfold/internal/app"
	"everfold/store/local"
	"everfold/testsuite/harness"
	"everfold/tracker"
	"everfold/tracker/trackertest"
	"everfold/workflows"
)

// folds of each of the three models: 15 fits a run.
const (
	folds = 5
	fits  = 3 * folds
)

// lab is a Temporal server with a store.
type lab struct {
	interceptor.WorkerInterceptorBase
	t      *testing.T
	server *harness.TemporalServer
	dir    string

	mu     sync.Mutex
	begun  map[string]int
	before map[string]func(n int) // by run: before its n-th fit, from 1
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return &lab{t: t, server: harness.Server(t), dir: t.TempDir(), begun: map[string]int{}, before: map[string]func(int){}}
}

// serve runs a worker in this process, which tells before each fit.
func (l *lab) serve() {
	l.t.Helper()
	c, err := app.Dial(l.t.Context(), app.DialOptions{Address: l.server.Address, Identity: "lab", Logger: harness.Quiet()})
	require.NoError(l.t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- app.RunWorker(ctx, c, app.WorkerOptions{
			Name: "lab", Slots: 2, Threads: 1, Terminal: harness.Quiet().Handler(), Interceptors: []interceptor.WorkerInterceptor{l},
			StopTimeout: time.Minute,
		})
	}()
	l.t.Cleanup(func() {
		stop()
		require.NoError(l.t, <-served)
		c.Close()
	})
}

// InterceptActivity counts fits.
func (l *lab) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &counted{lab: l}
	i.Next = next
	return i
}

type counted struct {
	interceptor.ActivityInboundInterceptorBase
	lab *lab
}

func (c *counted) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if fit, ok := in.Args[0].(activities.FitFoldInput); ok {
		c.lab.mu.Lock()
		c.lab.begun[fit.Run.Run]++
		n, f := c.lab.begun[fit.Run.Run], c.lab.before[fit.Run.Run]
		c.lab.mu.Unlock()
		if f != nil {
			f(n)
		}
	}
	return c.Next.ExecuteActivity(ctx, in)
}

// during calls f before the n-th fit of a run, on the fit's goroutine.
func (l *lab) during(run string, f func(n int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before[run] = f
}

// hold keeps the n-th fit of a run from its beginning: it is waited for by reached, and goes
// on after resume.
func (l *lab) hold(run string, n int) (reached, resume func()) {
	at, on := make(chan struct{}), make(chan struct{})
	ended := l.t.Context().Done()
	l.during(run, func(fit int) {
		if fit != n {
			return
		}
		close(at)
		select {
		case <-on:
		case <-ended:
		}
	})
	reached = func() {
		l.t.Helper()
		select {
		case <-at:
		case <-time.After(patience):
			l.t.Fatalf("%s: fit %d was not begun within %v", run, n, patience)
		}
	}
	return reached, func() { close(on) }
}

// knows waits until a run has been told something of its tracker. A busy worker may leave a query
// without an answer.
func (l *lab) knows(run client.WorkflowRun, what string, told func(t *workflows.Tracking) bool) {
	l.t.Helper()
	harness.Eventually(l.t, fmt.Sprintf("%s knows %s", run.GetID(), what), func() bool {
		value, err := l.server.Client().QueryWorkflow(l.t.Context(), run.GetID(), run.GetRunID(), workflows.QueryProgress)
		if err != nil {
			return false
		}
		var p workflows.Progress
		require.NoError(l.t, value.Get(&p))
		return p.Tracker != nil && told(p.Tracker)
	})
}

// isThere waits until a run knows its id on the server.
func (l *lab) isThere(run client.WorkflowRun) {
	l.t.Helper()
	l.knows(run, "its id on the server", func(t *workflows.Tracking) bool { return t.RunID != "" })
}

// start starts a run; trackerKeys is the spec's "tracker".
func (l *lab) start(run, trackerKeys string) client.WorkflowRun {
	l.t.Helper()
	text := fmt.Sprintf(`{"run":%q,"type":"production","folds":{"k":%d},"models":[{"type":"cox_ph"},{"type":"weibull_aft"}],
		"data":{"uri":%q,"time":"time","event":"status","categorical":["trt","celltype","prior"]},
		"resources":{"parallel_fits":2},"store":{"uri":%q},"tracker":%s}`,
		run, folds, filepath.Join(harness.Root(l.t), "examples", "data", "veteran.csv"), l.store(), trackerKeys)
	options := client.StartWorkflowOptions{ID: "everfold/production/" + run, TaskQueue: workflows.QueueWorkflows}
	started, err := l.server.Client().ExecuteWorkflow(l.t.Context(), options, workflows.TrainSurvivalModelsName, json.RawMessage(text))
	require.NoError(l.t, err)
	return started
}

// end waits for a run, which must complete with all folds, and says how long it took.
func (l *lab) end(run client.WorkflowRun) *workflows.Result {
	l.t.Helper()
	var result workflows.Result
	require.NoError(l.t, run.Get(l.t.Context(), &result))
	require.Equal(l.t, workflows.Completed, result.Outcome)
	require.Equal(l.t, fits, result.Trained+result.Reused)
	return &result
}

// took is the time between the two ends of a run's history.
func (l *lab) took(run client.WorkflowRun) time.Duration {
	l.t.Helper()
	d, err := l.server.Client().DescribeWorkflowExecution(l.t.Context(), run.GetID(), run.GetRunID())
	require.NoError(l.t, err)
	info := d.GetWorkflowExecutionInfo()
	return info.GetCloseTime().AsTime().Sub(info.GetStartTime().AsTime())
}

func (l *lab) store() string { return filepath.Join(l.dir, "outputs") }

func (l *lab) folder(run string) string { return filepath.Join(l.store(), "production", run) }

func (l *lab) file(run, key string) string {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.folder(run), filepath.FromSlash(key)))
	require.NoError(l.t, err)
	return string(content)
}

// tables are both CSVs, without the timings of the first.
func (l *lab) tables(run string) string {
	l.t.Helper()
	records, err := csv.NewReader(strings.NewReader(l.file(run, artifact.MetricsKey))).ReadAll()
	require.NoError(l.t, err)
	var out strings.Builder
	for _, r := range records {
		for i, name := range records[0] {
			if !strings.HasSuffix(name, "_seconds") {
				out.WriteString(r[i] + ",")
			}
		}
		out.WriteString("\n")
	}
	return out.String() + l.file(run, artifact.SummaryKey)
}

// key is a run's identity on a server.
func (l *lab) key(run string) string {
	l.t.Helper()
	s, err := local.Open(l.folder(run))
	require.NoError(l.t, err)
	r, _, err := artifact.ReadRun(l.t.Context(), s)
	require.NoError(l.t, err)
	return "production/" + run + "@" + r.Created.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// requireWhole says that a server holds exactly what the run's tables and manifests say: one
// run and one nested run a model, every point once, the status, both tables.
func (l *lab) requireWhole(server *mlflowServer, experiment, run string) {
	l.t.Helper()
	held := server.held(l.t, experiment, l.key(run))
	require.Len(l.t, held, 4, run)
	for model, runs := range held {
		require.Len(l.t, runs, 1, "%s: runs of %q", run, model)
		require.Equal(l.t, "FINISHED", runs[0].Status, "%s: %q", run, model)
	}
	top := held[""][0]
	require.ElementsMatch(l.t, l.points(run), top.Metrics, run)
	require.EqualValues(l.t, len(l.file(run, artifact.MetricsKey)), top.Files["model_metrics.csv"], run)
	require.EqualValues(l.t, len(l.file(run, artifact.SummaryKey)), top.Files["model_summary.csv"], run)
	for _, model := range []string{"cox_ph", "weibull_aft", "km"} {
		require.Equal(l.t, top.ID, held[model][0].Parent, run)
		require.Contains(l.t, names(held[model][0]), "cindex_mean", run)
	}
}

func names(h trackertest.Held) []string {
	var out []string
	for _, m := range h.Metrics {
		out = append(out, m.Key)
	}
	return out
}

// points are the scores and timings of model_metrics.csv as points, with the times of the
// manifests.
func (l *lab) points(run string) []tracker.Metric {
	l.t.Helper()
	records, err := csv.NewReader(strings.NewReader(l.file(run, artifact.MetricsKey))).ReadAll()
	require.NoError(l.t, err)
	tracked := []string{"cindex", "ibs", "cindex_harrell", "cindex_ipcw", "auc_mean", "ipa", "fit_seconds", "predict_seconds"}
	var out []tracker.Metric
	for _, r := range records[1:] {
		fold, err := strconv.Atoi(r[1])
		require.NoError(l.t, err)
		manifest, err := artifact.DecodeManifest([]byte(l.file(run, artifact.ManifestKey(r[0], fold))))
		require.NoError(l.t, err)
		for i, name := range records[0] {
			if !slices.Contains(tracked, name) || r[i] == "" {
				continue
			}
			value, err := strconv.ParseFloat(r[i], 64)
			require.NoError(l.t, err)
			out = append(out, tracker.Metric{Key: r[0] + "_" + name, Value: value, Timestamp: manifest.FinishedAt, Step: int64(fold)})
		}
	}
	return out
}

// trackReport is what `starter track --json` prints.
type trackReport struct{ Runs, Metrics, Files, Missing int }

// track runs a `starter track` command on a run's folder.
func (l *lab) track(command, run, server, experiment string) trackReport {
	l.t.Helper()
	r := harness.Starter(l.t, harness.Env{}, "track", command, l.folder(run), "--uri", server, "--experiment", experiment, "--json")
	require.Zero(l.t, r.Exit, r.Stderr)
	var out trackReport
	require.NoError(l.t, json.Unmarshal([]byte(r.Stdout), &out), r.Stdout)
	return out
}
