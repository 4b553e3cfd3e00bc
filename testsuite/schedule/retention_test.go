package schedule

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/sinks"
)

// Claim: over a sequence of nights a schedule keeps the newest runs, the best one, and the
// one that is running, and nothing else of its own; runs of other names stay.
func TestNightlyRetention(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	worker := l.worker()
	for seed := 1; seed <= 3; seed++ {
		l.seeded(fmt.Sprintf("night-2020-01-0%d", seed), seed)
	}
	l.seeded("by-hand", 1)
	best := ""
	for _, run := range l.runs()[1:] {
		if best == "" || l.best(run) >= l.best(best) {
			best = run
		}
	}
	score := l.best(best)
	l.create("--cron", "0 2 * * *", "--keep", "2", "--set", "folds.seed=4")
	l.onDemand()
	l.starter(0, "schedule", "backfill", "production/night", "--from", "2020-02-01", "--to", "2020-02-04")
	l.until("four nights are complete", func(s shown) bool { return s.ended("completed") == 4 })
	want := []string{"by-hand", "night-2020-02-03", "night-2020-02-04"}
	if score > l.best("night-2020-02-04") {
		want = slices.Insert(want, 1, best)
	}
	require.Equal(t, want, l.runs())

	worker.Stop()
	l.worker(withoutTrain)
	l.starter(0, "run", "night.yaml", "--run", "night-2020-02-03", "--set", "folds.seed=4", "--force", "cox_ph", "--detach")
	require.Contains(t, l.starter(0, "prune", "--keep", "1", "--name", "night-*", "--keep-best=false").Stdout, "it is running")
	require.Contains(t, l.runs(), "night-2020-02-03")
	l.starter(0, "cancel", "production/night-2020-02-03")
}

// Claim: where the newest run is damaged, retention keeps an older one that verifies, however
// old; without a server nothing fresh is removed unless forced.
func TestPruneKeepsAGoodRun(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker()
	for seed := 1; seed <= 3; seed++ {
		l.seeded(fmt.Sprintf("night-%d", seed), seed)
	}
	risk := filepath.Join(l.dir, "outputs", "production", "night-3", "artifacts", "cox_ph", "cox_ph_fold0_risk.npy")
	require.NoError(t, os.WriteFile(risk, []byte("damaged"), 0o600))
	args := []string{"prune", "--max-age", "1ms", "--keep-best=false"}
	require.Contains(t, l.starter(0, append(args, "--dry-run")...).Stdout, "would remove 2 runs")
	r := l.starter(0, append(args, "--json")...)
	var report struct {
		Runs []struct{ Run, Action, Reason string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &report))
	require.Equal(t, "remove", report.Runs[0].Action)
	require.Contains(t, report.Runs[0].Reason, "does not verify: cox_ph fold 0")
	require.Equal(t, "the newest finished run that verifies", report.Runs[1].Reason)
	require.Equal(t, []string{"night-2"}, l.runs())
	l.starter(0, "predict", "production/night-2", "--data", "veteran.csv", "--out", "scored.csv")
}

// Claim: where the best C-index falls by more than alert_drop against the run before, that is
// told once; the run is complete all the same, and going on with it is no news.
func TestScoreDropIsToldOnce(t *testing.T) {
	t.Parallel()
	const secret = "hush4711hush"
	hook := sinks.NewWebhook(t, secret)
	l := newLab(t, "notify: ['${EVERFOLD_NOTIFY_HOOK}']\n")
	l.workerWith("EVERFOLD_NOTIFY_HOOK=" + hook.URL())
	scores := map[int]float64{}
	for seed := 1; seed <= 3; seed++ {
		l.seeded(fmt.Sprintf("seed-%d", seed), seed)
		scores[seed] = l.best(fmt.Sprintf("seed-%d", seed))
	}
	high, low := 1, 1
	for seed, score := range scores {
		if score > scores[high] {
			high = seed
		}
		if score < scores[low] {
			low = seed
		}
	}
	require.Greater(t, scores[high], scores[low])
	told := len(hook.Messages())
	l.seeded("night-2020-01-31", high)
	require.Len(t, hook.Messages(), told+1, "completed")
	l.create("--cron", "0 2 * * *", "--alert-drop", fmt.Sprint((scores[high]-scores[low])/2), "--set", fmt.Sprintf("folds.seed=%d", low))
	l.onDemand()
	for try := 1; try <= 2; try++ {
		l.starter(0, "schedule", "backfill", "production/night", "--from", "2020-02-01", "--to", "2020-02-01")
		l.until("it is complete", func(s shown) bool { return s.ended("completed") == try })
	}
	require.Len(t, hook.Messages(), told+3)
	var p struct{ Title, Message string }
	require.NoError(t, json.Unmarshal([]byte(hook.Messages()[told+2]), &p))
	require.Equal(t, "everfold production/night-2020-02-01: score_drop", p.Title)
	require.Contains(t, p.Message, "that of production/night-2020-01-31 was")
	require.Contains(t, p.Message, fmt.Sprintf("%.4f (cox_ph)", scores[low]))
	require.NotContains(t, l.starter(0, "schedule", "show", "production/night", "--json").Stdout, secret)
}
