package artifact_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

const baseSpec = `
run: churn
type: sample
data: {uri: /data/churn.csv, time: months, event: ended}
folds: {k: 3}
models:
  - {name: cox, type: cox_ph}
  - {name: forest, type: rsf, trees: 10}
`

func parse(t testing.TB, text string) *config.Spec {
	t.Helper()
	spec, err := config.ParseYAML([]byte(text), "")
	require.NoError(t, err)
	return spec
}

// with is the base spec with one piece of text replaced.
func with(t testing.TB, old, new string) *config.Spec {
	t.Helper()
	require.Contains(t, baseSpec, old)
	return parse(t, strings.Replace(baseSpec, old, new, 1))
}

const tableRows = 12

// newRun stores fold files and run.json of a run on 12 rows in 3 folds with 3 grid times.
func newRun(t testing.TB, s store.Store, spec *config.Spec) *artifact.Run {
	t.Helper()
	run := &artifact.Run{
		Spec:     spec,
		Data:     artifact.DataInfo{Digest: store.SHA256([]byte("data")), Rows: tableRows, Events: 6},
		Grid:     artifact.Grid{Times: []float64{1, 2, 3.5}},
		Versions: artifact.Versions{Preprocess: 1, Metric: 1, Models: map[string]int{"km": 1, "cox_ph": 1, "rsf": 1, "gbsa": 1, "stack": 1}},
		Build:    "test",
		Created:  time.Unix(1_700_000_000, 0).UTC(),
		Updated:  time.Unix(1_700_000_000, 0).UTC(),
	}
	for fold := range spec.FoldCount() {
		info, err := artifact.WriteFoldData(t.Context(), s, foldData(fold, spec.FoldCount()), tableRows)
		require.NoError(t, err)
		run.Folds = append(run.Folds, info)
	}
	saveRun(t, s, run)
	return run
}

func saveRun(t testing.TB, s store.Store, run *artifact.Run) {
	t.Helper()
	_, etag, err := artifact.ReadRun(t.Context(), s)
	if err != nil {
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	require.NoError(t, artifact.WriteRun(t.Context(), s, run, etag))
}

func foldData(fold, folds int) artifact.FoldData {
	f := artifact.FoldData{Index: fold, TrainEvents: 4, TestEvents: 2, Times: []float64{1, 2, 3.5}}
	for row := range tableRows {
		if row%folds == fold {
			f.Test = append(f.Test, row)
		} else {
			f.Train = append(f.Train, row)
		}
	}
	return f
}

// result is what a fit of the task would hand over: always the same.
func result(task artifact.Task) artifact.Result {
	c := 0.5 + 0.01*float64(len(task.Model)) + 0.001*float64(task.Fold)
	ibs := 0.2 - 0.01*float64(len(task.Model))
	r := artifact.Result{Risk: make([]float64, 4), Surv: make([]float32, 12), Manifest: artifact.Manifest{
		Scores:     artifact.Scores{CIndex: &c, CIndexIPCW: &c, CIndexHarrell: &c, IBS: &ibs},
		Reasons:    map[string]string{"auc_mean": "no case at a grid time", "ipa": "not computed"},
		FitSeconds: 1.5, PredictSeconds: 0.25, FinishedAt: 1_700_000_000_123, Converged: true, Attempt: 1, Build: "test",
	}}
	for i := range r.Risk {
		r.Risk[i] = c * float64(i)
	}
	for i := range r.Surv {
		r.Surv[i] = 1 / float32(i+2+task.Fold)
	}
	return r
}

func claim(run *artifact.Run, model string, fold int) artifact.Claim {
	return artifact.Claim{Task: artifact.Task{Model: model, Fold: fold}, SpecDigest: run.SpecDigest}
}

func writeFold(t testing.TB, s store.Store, c artifact.Claim) *artifact.Manifest {
	t.Helper()
	m, outcome, err := artifact.WriteFold(t.Context(), s, c, result(c.Task))
	require.NoError(t, err)
	require.Equal(t, artifact.Written, outcome)
	return m
}

// completeRun has every fold of every model.
func completeRun(t testing.TB, s store.Store) *artifact.Run {
	t.Helper()
	run := newRun(t, s, parse(t, baseSpec))
	for _, task := range run.Tasks() {
		writeFold(t, s, claim(run, task.Model, task.Fold))
	}
	return run
}

func plan(t testing.TB, s store.Store, run *artifact.Run, opt artifact.PlanOptions) *artifact.Plan {
	t.Helper()
	p, err := artifact.BuildPlan(t.Context(), s, run, opt)
	require.NoError(t, err)
	return p
}

// actions is a plan as text: "cox:0=train …" for everything that is not reused.
func actions(p *artifact.Plan) string {
	var parts []string
	for _, f := range p.Folds {
		if f.Action != artifact.Reuse {
			parts = append(parts, fmt.Sprintf("%s:%d=%s", f.Model, f.Fold, f.Action))
		}
	}
	return strings.Join(parts, " ")
}

func content(t testing.TB, s store.Store, key string) []byte {
	t.Helper()
	text, _, err := store.ReadAll(t.Context(), s, key, 1<<20)
	require.NoError(t, err)
	return text
}

func overwrite(t testing.TB, s store.Store, key string, text []byte) {
	t.Helper()
	_, err := store.PutBytes(context.Background(), s, key, text, store.Condition{})
	require.NoError(t, err)
}

func memory() store.Store { return storetest.Memory() }

func cancelled(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}
