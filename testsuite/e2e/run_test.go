package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const veteran = "examples/veteran.yaml"

// Claim: a run on real data ends with exit code 0, a leaderboard, and the output tree of
// the contract; what is complete is reused by the next start, and planned so beforehand.
func TestRun(t *testing.T) {
	l := newLab(t)
	l.worker()
	before := l.starter(0, "plan", veteran)
	require.Contains(t, before.Stdout, "15 folds: 15 to train, 0 to rescore, 0 to reuse")

	first := l.starter(0, "run", veteran)
	require.Equal(t, 15, strings.Count(first.Stdout, ": C-index "), "one line per fold:\n%s", first.Stdout)
	for _, want := range []string{"production/veteran started", "weibull_aft", "15 folds: 15 trained", l.path()} {
		require.Contains(t, first.Stdout, want)
	}
	require.NotContains(t, first.Stdout, "\x1b")
	require.Empty(t, first.Stderr)

	metrics := l.file("artifacts", "model_metrics.csv")
	require.Equal(t, 1+15, strings.Count(metrics, "\n"))
	require.Equal(t, 1+3, strings.Count(l.file("artifacts", "model_summary.csv"), "\n"))
	for _, pattern := range []string{
		"run.json", "data/prepared.parquet", "data/profile.json", "folds/fold4_rows.npy", "folds/fold4_times.npy",
		"artifacts/cox_ph/cox_ph_fold4_risk.npy", "artifacts/km/km_fold0_surv.npy", "artifacts/weibull_aft/weibull_aft_fold2.json",
		"logs/main_*.log", "logs/performance_*.log", "logs/warnings_*.log",
		"report/index.html", "report/scores_cindex.svg", "report/brier.png", "report/calibration_2.svg", "report/risk_groups.svg", "report/timeline.svg",
	} {
		found, err := filepath.Glob(l.path(filepath.FromSlash(pattern)))
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
	}

	require.Contains(t, first.Stdout, "Report   "+l.path("report", "index.html"))
	report := l.file("report", "index.html")
	l.starter(0, "report", "production/veteran")
	require.Equal(t, report, l.file("report", "index.html"), "a report is the same whenever it is made")

	after := l.starter(0, "plan", veteran, "--explain")
	require.Equal(t, 15+1, strings.Count(after.Stdout, "complete"), "folds and the final model")
	again := document[ended](t, l.starter(0, "run", veteran, "--json"))
	require.Equal(t, "completed", again.Outcome)
	require.Equal(t, 15, again.Result.Reused)
	require.Equal(t, "km", again.Result.Leaderboard[2].Model)
	require.Equal(t, metrics, l.file("artifacts", "model_metrics.csv"))

	forced := document[ended](t, l.starter(0, "run", veteran, "--json", "--force", "cox_ph:2"))
	require.Equal(t, 1, forced.Result.Trained)
	more := document[ended](t, l.starter(0, "run", veteran, "--json", "--set", "models=[{type: cox_ph}, {type: weibull_aft}, {name: ridge, type: cox_ph, alpha: 1.0}]"))
	require.Equal(t, 5, more.Result.Trained, "a model that is added is trained alone")
	require.Equal(t, 15, more.Result.Reused)
}

// Claim: list, status, results and summary tell of a finished run, the last three from its
// files alone.
func TestAfterwards(t *testing.T) {
	l := newLab(t)
	worker := l.worker()
	l.starter(0, "run", veteran)
	require.Contains(t, l.starter(0, "status", "production/veteran").Stdout, "production/veteran completed")
	worker.Stop()
	l.server.Kill()

	require.Contains(t, l.starter(0, "list").Stdout, "15 of 15")
	require.Contains(t, l.starter(0, "results", "production/veteran", "--format", "markdown").Stdout, "| 1 | ")
	summary := l.file("artifacts", "model_summary.csv")
	require.Equal(t, summary, l.starter(0, "results", l.path(), "--format", "csv").Stdout)
	require.NoError(t, os.Remove(l.path("artifacts", "model_summary.csv")))
	l.starter(0, "summary", l.path())
	require.Equal(t, summary, l.file("artifacts", "model_summary.csv"))

	require.NoError(t, os.Remove(l.path("artifacts", "model_metrics.csv")))
	require.Contains(t, l.starter(4, "summary", l.path()).Stderr, "no artifacts/model_metrics.csv in")
	require.Contains(t, l.starter(5, "status", "production/veteran").Stderr, "everfold:")
}

// Claim: of two starts of one run the second attaches and both end with it; another spec
// under the same run id is refused meanwhile, and so are requests.
func TestAttach(t *testing.T) {
	l := newLab(t)
	first := l.background("run", veteran)
	first.WaitFor("production/veteran started")
	second := l.background("run", veteran)
	second.WaitFor("is running already by the same spec")
	require.Contains(t, l.starter(2, "run", veteran, "--set", "folds.k=3").Stderr, "running already with another spec")
	require.Contains(t, l.starter(2, "run", veteran, "--force", "cox_ph").Stderr, "--force")
	l.worker()
	require.Zero(t, first.Wait())
	require.Zero(t, second.Wait())
	require.Contains(t, second.Stdout(), "15 folds: 15 trained")
}

// Claim: a changed parameter or data file refuses to start over complete folds, listing
// them, unless asked to; nothing is overwritten.
func TestChanged(t *testing.T) {
	l := newLab(t)
	l.worker()
	l.starter(0, "run", veteran)
	metrics := l.file("artifacts", "model_metrics.csv")
	change := []string{"--set", "models.cox_ph.ties=breslow"}
	refused := l.starter(2, append([]string{"run", veteran}, change...)...)
	require.Contains(t, refused.Stderr, "5 complete folds")
	require.Contains(t, refused.Stderr, "cox_ph fold 4")
	require.Contains(t, l.starter(2, append([]string{"plan", veteran}, change...)...).Stderr, "ties")
	require.Equal(t, metrics, l.file("artifacts", "model_metrics.csv"))
	require.Contains(t, l.starter(2, "run", veteran, "--fresh").Stderr, "--run ID")

	retrained := document[ended](t, l.starter(0, append([]string{"run", veteran, "--retrain-changed", "--json"}, change...)...))
	require.Equal(t, 5, retrained.Result.Trained)
	other := document[ended](t, l.starter(0, "run", veteran, "--fresh", "--run", "veteran-2", "--json"))
	require.Equal(t, 15, other.Result.Trained)
}
