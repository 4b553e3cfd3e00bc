package artifact_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

func record(t *testing.T, s store.Store, st artifact.Start) int {
	t.Helper()
	lost, err := artifact.RecordStart(t.Context(), s, st)
	require.NoError(t, err)
	return lost
}

// Attempts that vanish add up within one execution and one fold; clean stops, progress
// and a new execution do not count.
func TestStartsCountVanishedAttempts(t *testing.T) {
	s := memory()
	task := artifact.Task{Model: "forest", Fold: 1}
	start := func(attempt int) artifact.Start {
		return artifact.Start{Task: task, Execution: "run-1", Attempt: attempt}
	}
	require.Equal(t, 0, record(t, s, start(1)))
	require.Equal(t, 0, record(t, s, start(1)), "the same attempt again")
	require.Equal(t, 1, record(t, s, start(2)))
	require.Equal(t, 2, record(t, s, start(3)))
	require.NoError(t, artifact.ClearStart(t.Context(), s, start(3)))
	require.Equal(t, 2, record(t, s, start(4)))
	other := start(1)
	other.Execution = "run-10"
	require.Equal(t, 0, record(t, s, other))
	require.Equal(t, 0, record(t, s, artifact.Start{Task: artifact.Task{Model: "forest", Fold: 10}, Execution: "run-1", Attempt: 1}))
	require.NoError(t, artifact.ClearStarts(t.Context(), s, task))
	require.Equal(t, 0, record(t, s, start(5)))
}

// Checkpoints and starts of a task go together, and only its own.
func TestClearCheckpoints(t *testing.T) {
	s := memory()
	task := artifact.Task{Model: "forest", Fold: 1}
	record(t, s, artifact.Start{Task: task, Execution: "run-1", Attempt: 1})
	overwrite(t, s, artifact.CheckpointKey("forest", 1, "0123456789abcdef0123", "rounds"), []byte("x"))
	overwrite(t, s, artifact.CheckpointKey("forest", 10, "0123456789abcdef0123", "rounds"), []byte("x"))
	require.NoError(t, artifact.ClearCheckpoints(t.Context(), s, task))
	infos, err := s.List(t.Context(), artifact.CheckpointsPrefix)
	require.NoError(t, err)
	require.Len(t, infos, 1)
	require.Equal(t, "checkpoints/forest/fold10/0123456789abcdef/rounds.bin", infos[0].Key)
}

// A sweep leaves nothing but what unfinished tasks have, and reports a failing store.
func TestSweepCheckpoints(t *testing.T) {
	s := memory()
	unfinished := artifact.Task{Model: "forest", Fold: 1}
	kept := artifact.CheckpointKey("forest", 1, "0123456789abcdef0123", "rounds")
	overwrite(t, s, kept, []byte("x"))
	overwrite(t, s, artifact.CheckpointKey("forest", 10, "0123456789abcdef0123", "rounds"), []byte("x"))
	record(t, s, artifact.Start{Task: artifact.Task{Model: "cox", Fold: 1}, Execution: "run-1", Attempt: 1})
	require.NoError(t, artifact.SweepCheckpoints(t.Context(), s, []artifact.Task{unfinished}))
	infos, err := s.List(t.Context(), artifact.CheckpointsPrefix)
	require.NoError(t, err)
	require.Len(t, infos, 1)
	require.Equal(t, kept, infos[0].Key)

	for _, failing := range []storetest.Op{storetest.List, storetest.Delete} {
		faulty := &storetest.Faulty{Store: s, Before: func(op storetest.Op, _ string) error {
			if op == failing {
				return store.ErrUnavailable
			}
			return nil
		}}
		require.ErrorIs(t, artifact.SweepCheckpoints(t.Context(), faulty, nil), store.ErrUnavailable)
	}
}

// A failing store is an error of the call that met it.
func TestStartsReportStoreErrors(t *testing.T) {
	st := artifact.Start{Task: artifact.Task{Model: "m"}, Execution: "e", Attempt: 1}
	for _, op := range []storetest.Op{storetest.Put, storetest.List, storetest.Delete} {
		s := memory()
		record(t, s, st)
		down := &storetest.Faulty{Store: s, Before: func(at storetest.Op, _ string) error {
			if at == op {
				return store.ErrUnavailable
			}
			return nil
		}}
		_, err := artifact.RecordStart(t.Context(), down, st)
		require.Equal(t, op != storetest.Delete, err != nil)
		require.Equal(t, op == storetest.Delete, artifact.ClearStart(t.Context(), down, st) != nil)
	}
	_, err := artifact.RecordStart(t.Context(), memory(), artifact.Start{Execution: "a b"})
	require.ErrorIs(t, err, store.ErrBadKey)
}

// Runs are listed by type, then name, with what is planned and present; damage is told.
func TestList(t *testing.T) {
	root := memory()
	runs, err := artifact.List(t.Context(), root)
	require.NoError(t, err)
	require.Empty(t, runs)

	run := completeRun(t, store.Prefixed(root, "sample/churn"))
	half := store.Prefixed(root, "production/b")
	newRun(t, half, parse(t, baseSpec))
	writeFold(t, half, claim(run, "cox", 0))
	overwrite(t, half, artifact.ManifestKey("dropped", 0), []byte("x"))
	overwrite(t, root, "production/a/run.json", []byte("damaged"))
	overwrite(t, root, "production/logs-only/logs/main.log", []byte("x"))
	overwrite(t, root, "production/note.txt", []byte("x"))
	overwrite(t, root, "elsewhere/run/run.json", []byte("x"))

	runs, err = artifact.List(t.Context(), root)
	require.NoError(t, err)
	require.Len(t, runs, 3)
	require.Equal(t, config.Production, runs[0].Type)
	require.Equal(t, "a", runs[0].Run)
	require.Contains(t, runs[0].Problem, "damaged")
	updated := time.Unix(1_700_000_000, 0).UTC()
	require.Equal(t, artifact.RunInfo{Type: "production", Run: "b", Updated: updated, Planned: 9, Present: 1}, runs[1])
	require.Equal(t, artifact.RunInfo{Type: "sample", Run: "churn", Updated: updated, Planned: 9, Present: 9}, runs[2])
}

// A folder has a manifest as soon as a fold is written; run.json alone is none.
func TestAnyManifest(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	_, has, err := artifact.AnyManifest(t.Context(), s)
	require.NoError(t, err)
	require.False(t, has)
	writeFold(t, s, claim(run, "cox", 0))
	key, has, err := artifact.AnyManifest(t.Context(), s)
	require.NoError(t, err)
	require.True(t, has)
	require.Equal(t, artifact.ManifestKey("cox", 0), key)
}

// The published names of the output tree.
func TestKeys(t *testing.T) {
	for want, got := range map[string]string{
		"production/churn":                 artifact.Folder("production", "churn"),
		"folds/fold3_rows.npy":             artifact.RowsKey(3),
		"folds/fold3_times.npy":            artifact.TimesKey(3),
		"artifacts/rsf/rsf_fold3_risk.npy": artifact.RiskKey("rsf", 3),
		"artifacts/rsf/rsf_fold3_surv.npy": artifact.SurvKey("rsf", 3),
		"artifacts/rsf/rsf_fold3.json":     artifact.ManifestKey("rsf", 3),
		"models/rsf/model.bin":             artifact.ModelKey("rsf"),
		"models/rsf/model.json":            artifact.ModelInfoKey("rsf"),
		"models/rsf/card.md":               artifact.CardKey("rsf"),
		"models/rsf/predict.py":            artifact.PredictKey("rsf"),
	} {
		require.Equal(t, want, got)
		require.NoError(t, store.CheckKey(got))
	}
	model, fold, ok := artifact.ManifestOf("artifacts/a_fold1/a_fold1_fold12.json")
	require.True(t, ok)
	require.Equal(t, "a_fold1", model)
	require.Equal(t, 12, fold)
	for _, other := range []string{"", "run.json", "artifacts/model_metrics.csv", "artifacts/rsf/rsf_fold1_risk.npy",
		"artifacts/rsf/cox_fold1.json", "artifacts/rsf/rsf_fold01.json", "artifacts/rsf/rsf_fold-1.json", "artifacts/rsf/rsf_foldx.json"} {
		_, _, ok := artifact.ManifestOf(other)
		require.False(t, ok, other)
	}
}
