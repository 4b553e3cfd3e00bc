package tracker

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"everfold/testsuite/harness"
	"everfold/tracker"
	"everfold/tracker/mlflow"
)

// readBack compares what the Python client reads with model_metrics.csv, number by number,
// and the nested runs with model_summary.csv.
const readBack = `
import csv, os, sys, mlflow
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[1])
runs = client.search_runs([experiment.experiment_id])
top = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
assert len(top) == 1, top
top = top[0]
nested = {r.info.run_name: r for r in runs if r.data.tags.get("mlflow.parentRunId") == top.info.run_id}
assert sorted(nested) == ["cox_ph", "km", "weibull_aft"], nested
compared = 0
for row in csv.DictReader(open(os.path.join(sys.argv[2], "artifacts/model_metrics.csv"))):
    for name in ["cindex", "ibs", "cindex_harrell", "cindex_ipcw", "auc_mean", "ipa", "fit_seconds", "predict_seconds"]:
        points = [m for m in client.get_metric_history(top.info.run_id, row["model"] + "_" + name) if m.step == int(row["fold"])]
        if row[name] == "":
            assert points == [], (row, name, points)
            continue
        assert [m.value for m in points] == [float(row[name])], (row, name, points)
        compared += 1
for row in csv.DictReader(open(os.path.join(sys.argv[2], "artifacts/model_summary.csv"))):
    run = nested[row["model"]]
    assert run.data.metrics["cindex_mean"] == float(row["cindex_mean"]), row
    assert run.data.metrics["ibs_mean"] == float(row["ibs_mean"]), row
    assert run.data.tags.get("everfold.rank", "") == row["rank"], row
    assert run.info.status == "FINISHED", run
assert nested["cox_ph"].data.params["ties"] == "efron"
assert top.data.params["folds.k"] == "5" and top.info.status == "FINISHED"
path = mlflow.artifacts.download_artifacts(run_id=top.info.run_id, artifact_path="model_metrics.csv", dst_path=sys.argv[3])
assert open(path, "rb").read() == open(os.path.join(sys.argv[2], "artifacts/model_metrics.csv"), "rb").read()
files = [f.path for f in client.list_artifacts(top.info.run_id, "models/" + sys.argv[4])]
assert "models/%s/model.bin" % sys.argv[4] in files, files
print("compared", compared)
`

// scored compares, to 1e-12, what mlflow.pyfunc predicts for the rows of the run's data with
// its predictions.csv.
const scored = `
import csv, os, sys, mlflow, numpy, pandas
client = mlflow.MlflowClient()
runs = client.search_runs([client.get_experiment_by_name(sys.argv[1]).experiment_id])
top = [r for r in runs if "mlflow.parentRunId" not in r.data.tags][0]
model = mlflow.pyfunc.load_model("runs:/%s/models/%s" % (top.info.run_id, sys.argv[3]))
got = model.predict(pandas.read_csv(sys.argv[4]))
want = pandas.read_csv(os.path.join(sys.argv[2], "predictions/predictions.csv"))
columns = [c for c in want if c.startswith("survival_") or c in ("rmst", "risk")]
assert list(got.columns) == columns, (list(got.columns), columns)
numpy.testing.assert_allclose(got[columns].to_numpy(), want[columns].to_numpy(), rtol=1e-12, atol=1e-12)
other = mlflow.pyfunc.load_model("runs:/%s/models/%s" % (top.info.run_id, sys.argv[3]), model_config={"horizons": [30.0], "rmst": 60.0})
assert list(other.predict(pandas.read_csv(sys.argv[4])[:3]).columns) == ["survival_30", "rmst", "risk"]
print("scored", got.shape, "largest deviation", float(numpy.nanmax(numpy.abs(got[columns].to_numpy() - want[columns].to_numpy()))))
`

const hush = "hush-hush-token"

// Claim: a run by unmodified programs, whose worker's environment names the server, shows
// itself there: MLflow's own client reads back exactly the numbers of both tables, the
// nested runs with settings and ranks, and the files; mlflow.pyfunc scores rows as the run
// itself did. The token reaches the server, and is
// neither in the history nor in the store nor in any log; nor is the address.
func TestTracked(t *testing.T) {
	server, l := shared(t), newLab(t)
	p := newProxy(t, server.url)
	const experiment = "read-back"
	worker := harness.StartProgram(t, harness.Env{Address: l.server.Address, Set: []string{
		"MLFLOW_TRACKING_URI=" + p.url, "MLFLOW_TRACKING_TOKEN=" + hush,
	}}, harness.WorkerBinary(t))
	worker.WaitFor("worker is serving")
	run := l.start("tracked", fmt.Sprintf(`{"experiment":%q}`, experiment))
	result := l.end(run)
	require.Equal(t, fits, result.Tracker.Folds)
	require.Empty(t, result.Warnings)
	require.True(t, strings.HasPrefix(result.Tracker.URL, "$MLFLOW_TRACKING_URI/#/experiments/"), result.Tracker.URL)
	t.Logf("%.1f s, %s", l.took(run).Seconds(), result.Tracker)
	l.requireWhole(server, experiment, "tracked")
	require.Zero(t, l.track("status", "tracked", server.url, experiment).Missing)
	require.Zero(t, l.track("sync", "tracked", server.url, experiment).Missing)
	t.Log(runPython(t, server.url, readBack, experiment, l.folder("tracked"), t.TempDir(), result.Finals[0].Model))
	data := filepath.Join(harness.Root(t), "examples", "data", "veteran.csv")
	t.Log(runPython(t, server.url, scored, experiment, l.folder("tracked"), result.Finals[0].Model, data))

	history := l.server.Client().GetWorkflowHistory(t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		require.NotContains(t, event.String(), hush)
		require.NotContains(t, event.String(), p.url)
	}
	for _, word := range []string{hush, p.url} {
		require.Empty(t, harness.FilesWith(t, l.store(), word))
	}
	require.NotContains(t, worker.Stderr(), hush)
}

// Claim: 2,000 folds of eight numbers are synchronized in 18 requests or so, once; one fold
// more sends that fold alone. The times are printed, not asserted.
func TestManyFolds(t *testing.T) {
	server := shared(t)
	d := &tracker.Desired{Key: "production/many@1", Experiment: "many", Started: 1_764_360_000_000, Run: tracker.Node{Name: "many", Status: tracker.Running}}
	add := func(model string, fold int64) {
		for i := range 8 {
			d.Run.Metrics = append(d.Run.Metrics, tracker.Metric{
				Key: fmt.Sprintf("%s_score%d", model, i), Value: 1 / float64(fold+int64(i)+3), Timestamp: d.Started + fold, Step: fold,
			})
		}
	}
	for m := range 20 {
		model := fmt.Sprintf("model_%d", m)
		d.Models = append(d.Models, tracker.Node{Model: model, Name: model, Status: tracker.Running})
		for fold := range int64(100) {
			add(model, fold)
		}
	}
	open := func() tracker.Tracker {
		c, err := mlflow.New(mlflow.Options{URI: server.url})
		require.NoError(t, err)
		return c
	}
	timed := func(what string, of tracker.Tracker, o tracker.Options) *tracker.Report {
		began := time.Now()
		r, err := of.Sync(t.Context(), d, o)
		require.NoError(t, err)
		t.Logf("%s: %.2f s", what, time.Since(began).Seconds())
		return r
	}
	one := open()
	require.Equal(t, 16_000, timed("2,000 folds", one, tracker.Options{}).Metrics)
	add("model_7", 100)
	require.Equal(t, 8, timed("one fold more", one, tracker.Options{Trust: true}).Total())
	require.Zero(t, timed("nothing more, everything read back", open(), tracker.Options{}).Total())
	add("model_8", 100)
	require.Equal(t, 8, timed("one fold more, by another worker", open(), tracker.Options{Trust: true}).Total())
}
