package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/bench/page"
	"everfold/bench/process"
)

// Claim: times that several fits share count once as busy time of the window, and gaps as idle.
func TestSpan(t *testing.T) {
	m := &measured{Fits: []fit{{"a", 0, 100, 10}, {"b", 0, 101, 2}, {"a", 1, 112, 5}, {"a", -1, 116, 4}}}
	m.span()
	require.InDelta(t, 21, m.Busy, 1e-9)
	require.InDelta(t, 2, m.Idle, 1e-9)
	require.InDelta(t, 20, m.Window, 1e-9)
	require.Equal(t, "a, fold 0", m.longest().name())
}

func write(t *testing.T, folder, key string, content any) {
	t.Helper()
	path := filepath.Join(folder, key)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	text, ok := content.(string)
	if !ok {
		encoded, err := json.Marshal(content)
		require.NoError(t, err)
		text = string(encoded)
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// Claim: a run's fits come from its manifests and final models, folds first, in the order in which
// they began; digests are of every file but the metrics, which hold seconds. A folder without
// folds, or with a damaged file, is an error.
func TestRead(t *testing.T) {
	folder := t.TempDir()
	_, err := read(folder)
	require.ErrorContains(t, err, "no complete fold")
	write(t, folder, "artifacts/a/a_fold0.json", artifact.Manifest{Model: "a", Fold: 0, FinishedAt: 9000, FitSeconds: 2, PredictSeconds: 1,
		Files: []artifact.File{{Key: "artifacts/a/a_fold0_risk.npy", SHA256: "x"}}})
	write(t, folder, "artifacts/b/b_fold0.json", artifact.Manifest{Model: "b", Fold: 0, FinishedAt: 9000, FitSeconds: 5})
	write(t, folder, "models/a/model.json", artifact.ModelInfo{Model: "a", FinishedAt: 3000, FitSeconds: 1, File: artifact.File{Key: "models/a/model.bin", SHA256: "y"}})
	write(t, folder, artifact.MetricsKey, "seconds")
	write(t, folder, artifact.SummaryKey, "model\n")
	_, err = read(folder)
	require.ErrorIs(t, err, os.ErrNotExist, "no predictions")
	write(t, folder, artifact.PredictionsInfoKey, artifact.PredictionsInfo{Files: []artifact.File{{Key: "p", SHA256: "z"}}})
	m, err := read(folder)
	require.NoError(t, err)
	require.Equal(t, []fit{{"b", 0, 4, 5}, {"a", 0, 6, 3}, {"a", -1, 2, 1}}, m.Fits)
	require.Len(t, m.Digests, 4)
	require.Contains(t, m.Digests, artifact.SummaryKey)
	write(t, folder, "models/a/model.json", "{")
	_, err = read(folder)
	require.ErrorContains(t, err, "model.json")
}

// Claim: what a kill loses is the time since a fit's newest state, or its start; a fit goes on when
// the log first says so after the kill, whatever a killed worker left of its last line.
func TestLosses(t *testing.T) {
	folder := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for key, before := range map[string]time.Duration{"rsf/fold3/start.x": 50 * time.Second, "rsf/fold3/abc/trees.bin": 4 * time.Second, "gbsa/final/start.y": time.Second} {
		write(t, folder, artifact.CheckpointsPrefix+key, "")
		require.NoError(t, os.Chtimes(filepath.Join(folder, artifact.CheckpointsPrefix+key), at, at.Add(-before)))
	}
	lost, err := losses(folder, at)
	require.NoError(t, err)
	require.Equal(t, []loss{{"gbsa final", 1}, {"rsf fold3", 4}}, lost)
	_, err = losses(filepath.Join(folder, "none"), at)
	require.Error(t, err)

	write(t, folder, "logs/main_1.log", "{\"time\":\"2026-01-02T03:04:01Z\",\"msg\":\"going on from a checkpoint\"}\n{\"ti")
	first, err := firstResumption(folder, at)
	require.NoError(t, err)
	require.Zero(t, first)
	write(t, folder, "logs/main_2.log", "{\"time\":\"2026-01-02T03:04:37Z\",\"msg\":\"going on from a checkpoint\"}\n")
	first, err = firstResumption(folder, at)
	require.NoError(t, err)
	require.Equal(t, 32*time.Second, first.Sub(at))
}

// Claim: the table shows the run, each program, the fits alone and what a kill lost; its results
// file has all of it, so that it can be published again.
func TestTable(t *testing.T) {
	r := &report{Machine: page.Machine{Date: "2026-01-02", Processor: "Abacus", Cores: 2, Go: "go1.26", Load: "0.1"}, Rows: 300,
		Run:  &measured{Wall: 102, Window: 100, Busy: 190, Processes: []process.Usage{{Name: "worker", MemoryMB: 300, CPU: 151.5}}, Fits: []fit{{"rsf", 3, 0, 50}}},
		Bare: &bare{Wall: 100, CPU: 150, MemoryMB: 200}, Samples: &samples{Fits: 200, Parts: []share{{Name: "files", Seconds: 3, Alone: 1}, {Name: "the report", Product: true, Seconds: 1}}}, Kill: &killed{Model: "rsf", Fold: 3, Lost: []loss{{"rsf fold3", 4}}, Files: 7, Differ: []string{"x"}}}
	r.compare()
	require.InDelta(t, 2, r.WallOverhead, 1e-9)
	require.InDelta(t, 1, r.CPUOverhead, 1e-9)
	require.InDelta(t, 1000.0/190, r.SlotOverhead, 1e-9)
	table := r.table()
	for _, want := range []string{"2026-01-02, 300 rows. Abacus, 2 cores, go1.26", "| `worker` | 300 MB at most, 151.5 processor seconds |",
		"+2.0 % of wall time, +1.0 % of processor time", "| by samples, beyond fits and scores | 1.5 % of their processor time |",
		"| – files | 3.0 s, 1.0 s of it without server and store, too: 1.00 % |", "| – the report | 1.0 s: 0.50 % |", "| – without table, predictions and report | 1.0 % |", "| work lost, rsf fold3 | 4.0 s |", "| 1 of 7 |", "rsf, fold 3: 50.0 s"} {
		require.Contains(t, table, want)
	}
	require.Equal(t, "rsf, final fit", fit{Model: "rsf", Fold: -1}.name())

	results, into := filepath.Join(t.TempDir(), "r.json"), filepath.Join(t.TempDir(), "page.md")
	require.ErrorIs(t, republish(results, into), os.ErrNotExist)
	require.NoError(t, page.Save(results, &report{}))
	require.ErrorContains(t, republish(results, into), "has no run")
	require.NoError(t, page.Save(results, r))
	require.NoError(t, os.WriteFile(into, []byte("<!-- production: begin -->\n<!-- production: end -->\n"), 0o600))
	require.NoError(t, republish(results, into))
	published, err := os.ReadFile(into)
	require.NoError(t, err)
	require.Equal(t, "<!-- production: begin -->\n"+table+"<!-- production: end -->\n", string(published))
}

// stackOf is a sample as perf script prints it.
func stackOf(program string, frames ...string) string {
	return program + "   1/2 \n\t7f " + strings.Join(frames, "\n\t7f ") + "\n\n"
}

// Claim: a sample counts for the first part that its stack belongs to, one of whatever has to do with
// models for the fits, and one of another program not at all; beyond are all parts, in percent.
func TestClassify(t *testing.T) {
	text := stackOf("worker", "everfold/survival/tree.tally8", "everfold/activities.(*job).compute", "everfold/activities.(*Activities).FitFold") +
		stackOf("worker", "everfold/survival/tree.tally8", "sync.(*WaitGroup).Go.func1") +
		stackOf("worker", "memmove", "everfold/survival/ensemble.(*growth).keep", "everfold/activities.(*job).compute") +
		stackOf("worker", "everfold/survival/boost.(*Model).Risk", "everfold/activities.(*predictor).wave.func1") +
		stackOf("worker", "write", "everfold/store/local.(*Store).Put", "everfold/activities.(*Activities).FitFold") +
		stackOf("worker", "runtime.gcBgMarkWorker") + stackOf("worker") +
		stackOf("perf", "everfold/survival/tree.tally8") + stackOf("starter", "x") + "temporal   1/2\n\t7f y\n"
	s, err := classify(strings.NewReader(text), "worker")
	require.NoError(t, err)
	require.InDelta(t, 2.0/hertz, s.Fits, 1e-12)
	found := map[string]int{}
	for _, p := range s.Parts {
		if p.Seconds > 0 {
			found[p.Name] = int(p.Seconds*hertz + 0.5)
		}
	}
	require.Equal(t, map[string]int{"checkpoints": 1, "predictions, of all rows and out of fold": 1, "files of folds and models": 1,
		"garbage collection": 1, "scheduling and all else in the worker": 1, "the starter": 1, "the Temporal server": 1}, found)
	all, own := s.beyond()
	require.InDelta(t, 350, all, 1e-9)
	require.InDelta(t, 300, own, 1e-9)
	_, err = classify(strings.NewReader(strings.Repeat("x", 2<<20)), "worker")
	require.Error(t, err)
	require.Equal(t, []string{"perf", "record", "--quiet", "-g", "-F", "99", "-o", "d/perf.data", "--", "starter", "run"}, sampling("d", []string{"starter", "run"}))
}
