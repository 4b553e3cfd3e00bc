package activities

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/local"
)

// lab is a worker without a server: real activities, a real store, real data.
type lab struct {
	t     *testing.T
	dir   string
	a     *Activities
	root  store.Store
	env   *sdktest.TestActivityEnvironment
	stops chan struct{}
}

const veteran = "../examples/data/veteran.csv"

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	root, err := local.Open(filepath.Join(dir, "out"))
	require.NoError(t, err)
	l := &lab{t: t, dir: dir, root: root, stops: make(chan struct{})}
	l.a = &Activities{
		OpenStore: func(context.Context, config.Store) (store.Store, error) { return l.root, nil },
		OpenData:  openFile,
		RunLogger: func(RunRef) *slog.Logger { return slog.New(slog.DiscardHandler) },
		Cores:     NewCores(1, 1), Build: "test", Worker: "lab",
	}
	l.fresh()
	return l
}

// fresh is a new worker process: its caches are empty.
func (l *lab) fresh() {
	var suite sdktest.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	l.env = suite.NewTestActivityEnvironment()
	l.env.SetWorkerStopChannel(l.stops)
	l.a.tables = tableCache{}
	l.a.cache = artifact.Cache{}
	Register(l.env, l.a)
}

func openFile(_ context.Context, uri string, _ config.Store) (io.ReadCloser, int64, error) {
	f, err := os.Open(uri)
	if err != nil {
		return nil, 0, err
	}
	return f, -1, nil
}

// spec is a small run on veteran; set is applied on top, as --set would.
func (l *lab) spec(set ...string) *config.Spec {
	l.t.Helper()
	data, err := filepath.Abs(veteran)
	require.NoError(l.t, err)
	base := []string{"data.uri=" + data, "store.uri=" + filepath.Join(l.dir, "out")}
	text := `{run: lab, type: production, data: {uri: x.csv, time: time, event: status, categorical: [trt, celltype, prior]},
 folds: {k: 3}, models: [{type: cox_ph}, {type: weibull_aft}]}`
	s, err := config.ParseYAML([]byte(text), "lab.yaml", config.WithSet(append(base, set...)...))
	require.NoError(l.t, err)
	return s
}

func (l *lab) run() store.Store { return store.Prefixed(l.root, "production/lab") }

func (l *lab) prepare(s *config.Spec, request config.Request) (*PrepareResult, error) {
	l.t.Helper()
	value, err := l.env.ExecuteActivity(PrepareDataName, PrepareInput{Spec: s, Request: request})
	if err != nil {
		return nil, err
	}
	var out PrepareResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

func (l *lab) fit(s *config.Spec, model string, fold int, force string) (*FitFoldResult, error) {
	l.t.Helper()
	in := FitFoldInput{Run: Ref(s), SpecDigest: s.Digest(), Model: model, Fold: fold, Force: force}
	value, err := l.env.ExecuteActivity(FitFoldName, in)
	if err != nil {
		return nil, err
	}
	var out FitFoldResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

// train makes every planned fold complete and returns what was done about each.
func (l *lab) train(s *config.Spec, request config.Request) map[artifact.Task]Action {
	l.t.Helper()
	done, err := l.tryTrain(s, request)
	require.NoError(l.t, err)
	return done
}

// tryTrain is train that may fail.
func (l *lab) tryTrain(s *config.Spec, request config.Request) (map[artifact.Task]Action, error) {
	l.t.Helper()
	plan, err := l.prepare(s, request)
	if err != nil {
		return nil, err
	}
	done := map[artifact.Task]Action{}
	for _, m := range plan.Models {
		for _, f := range m.Folds {
			task := artifact.Task{Model: m.Model, Fold: f.Fold}
			if f.Action == Reuse {
				done[task] = Reuse
				continue
			}
			out, err := l.fit(s, m.Model, f.Fold, f.Force)
			if err != nil {
				return nil, err
			}
			done[task] = out.Action
		}
	}
	return done, nil
}

func (l *lab) summarize(s *config.Spec) *SummarizeResult {
	l.t.Helper()
	out, err := l.trySummarize(s)
	require.NoError(l.t, err)
	return out
}

// trySummarize is summarize that may fail.
func (l *lab) trySummarize(s *config.Spec) (*SummarizeResult, error) {
	l.t.Helper()
	value, err := l.env.ExecuteActivity(SummarizeName, SummarizeInput{Run: Ref(s), SpecDigest: s.Digest()})
	if err != nil {
		return nil, err
	}
	var out SummarizeResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

// bytes is the content of every object of the run whose key ends in suffix.
func (l *lab) bytes(suffix string) map[string]string {
	l.t.Helper()
	infos, err := l.run().List(l.t.Context(), "")
	require.NoError(l.t, err)
	out := map[string]string{}
	for _, info := range infos {
		if filepath.Ext(info.Key) != suffix {
			continue
		}
		content, _, err := store.ReadAll(l.t.Context(), l.run(), info.Key, 1<<26)
		require.NoError(l.t, err)
		out[info.Key] = string(content)
	}
	return out
}

// requireType says of which application error type err is, and whether it is retried.
func requireType(t *testing.T, err error, typ string, retried bool) *temporal.ApplicationError {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, typ, app.Type(), app.Message())
	require.Equal(t, !retried, app.NonRetryable())
	return app
}

func count(done map[artifact.Task]Action, action Action) int {
	n := 0
	for _, a := range done {
		if a == action {
			n++
		}
	}
	return n
}
