package artifact_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/local"
	"everfold/store/storetest"
)

// order is the first two cells of each row of model_metrics.csv.
func order(t testing.TB, s store.Store) string {
	t.Helper()
	rows, err := artifact.ParseMetrics(content(t, s, artifact.MetricsKey))
	require.NoError(t, err)
	var parts []string
	for _, r := range rows {
		parts = append(parts, r.Task.String())
	}
	return strings.Join(parts, ", ")
}

func publish(t testing.TB, s store.Store, run *artifact.Run, cache *artifact.Cache) int {
	t.Helper()
	rows, err := artifact.PublishMetrics(t.Context(), s, run.SpecDigest, cache)
	require.NoError(t, err)
	return rows
}

// Rows come in spec order, then fold, km last, whatever order the folds finished in.
func TestPublishMetricsGrows(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	var cache artifact.Cache
	require.Equal(t, 0, publish(t, s, run, &cache))
	require.Equal(t, header, string(content(t, s, artifact.MetricsKey)))
	for i, task := range []artifact.Task{{Model: "km", Fold: 0}, {Model: "forest", Fold: 2}, {Model: "cox", Fold: 1}, {Model: "forest", Fold: 0}} {
		writeFold(t, s, claim(run, task.Model, task.Fold))
		require.Equal(t, i+1, publish(t, s, run, &cache))
	}
	require.Equal(t, "cox fold 1, forest fold 0, forest fold 2, km fold 0", order(t, s))
}

// With a cache only new manifests are read, and nothing is written that is there already.
func TestPublishMetricsReadsOnlyWhatIsNew(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	var manifests, tables atomic.Int64
	counting := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if _, _, ok := artifact.ManifestOf(key); ok && op == storetest.Get {
			manifests.Add(1)
		}
		if op == storetest.Put {
			tables.Add(1)
		}
		return nil
	}}
	var cache artifact.Cache
	publish(t, counting, run, &cache)
	publish(t, counting, run, &cache)
	require.EqualValues(t, 9, manifests.Load())
	require.EqualValues(t, 1, tables.Load())
}

// Runs that take turns on a worker cost each other nothing: with one cache, what was read of
// one is not read again after the other.
func TestPublishMetricsOfRunsThatTakeTurns(t *testing.T) {
	all := memory()
	var manifests atomic.Int64
	counting := &storetest.Faulty{Store: all, Before: func(op storetest.Op, key string) error {
		if op == storetest.Get && strings.Contains(key, "_fold") {
			manifests.Add(1)
		}
		return nil
	}}
	var cache artifact.Cache
	var runs []*artifact.Run
	var folders []store.Store
	for _, name := range []string{"production/a", "production/b", "production/c"} {
		s := store.Prefixed(counting, name)
		runs, folders = append(runs, completeRun(t, s)), append(folders, s)
	}
	manifests.Store(0)
	for range 3 {
		for i, run := range runs {
			require.Equal(t, 9, publish(t, folders[i], run, &cache))
		}
	}
	require.EqualValues(t, 27, manifests.Load())
}

// Damaged, stale and foreign manifests have no row; another spec's run.json stops.
func TestPublishMetricsHoldsOnlyCompleteFolds(t *testing.T) {
	s := memory()
	old := completeRun(t, s)
	overwrite(t, s, artifact.ManifestKey("cox", 1), []byte("damaged"))
	overwrite(t, s, artifact.ManifestKey("cox", 7), content(t, s, artifact.ManifestKey("cox", 2)))
	overwrite(t, s, "artifacts/cox/notes.json", []byte("{}"))
	require.Equal(t, 8, publish(t, s, old, nil))
	changed := newRun(t, s, with(t, "trees: 10", "trees: 20"))
	require.Equal(t, 5, publish(t, s, changed, nil))
	require.Equal(t, "cox fold 0, cox fold 2, km fold 0, km fold 1, km fold 2", order(t, s))
	_, err := artifact.PublishMetrics(t.Context(), s, old.SpecDigest, nil)
	require.ErrorIs(t, err, artifact.ErrSuperseded)
}

// Racing writers of folds and tables, each publishing after its fold, end with every row.
func TestPublishMetricsRace(t *testing.T) {
	onDisk, err := local.Open(t.TempDir())
	require.NoError(t, err)
	for _, s := range []store.Store{memory(), onDisk} {
		run := newRun(t, s, parse(t, baseSpec))
		var group sync.WaitGroup
		tasks := run.Tasks()
		errs := make([]error, len(tasks))
		for i, task := range tasks {
			group.Go(func() {
				_, _, fitErr := artifact.WriteFold(t.Context(), s, claim(run, task.Model, task.Fold), result(task))
				_, publishErr := artifact.PublishMetrics(t.Context(), s, run.SpecDigest, nil)
				errs[i] = errors.Join(fitErr, publishErr)
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(errs...))
		rows, err := artifact.ParseMetrics(content(t, s, artifact.MetricsKey))
		require.NoError(t, err)
		require.Len(t, rows, len(tasks))
	}
}

// Publishing starts over when the table was replaced meanwhile, and gives up at last.
func TestPublishMetricsConflicts(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	meddling := 3
	busy := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == artifact.MetricsKey && meddling > 0 {
			meddling--
			overwrite(t, s, key, []byte{byte(meddling)})
		}
		return nil
	}}
	require.Equal(t, 9, publish(t, busy, run, nil))
	meddling = 1 << 30
	require.NoError(t, s.Delete(t.Context(), artifact.MetricsKey))
	_, err := artifact.PublishMetrics(t.Context(), busy, run.SpecDigest, nil)
	require.ErrorIs(t, err, store.ErrConflict)
}

// At the end of a run both tables stand, and what is missing is named unless excused.
func TestSummarize(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	opt := artifact.SummarizeOptions{SpecDigest: run.SpecDigest}
	summary, err := artifact.Summarize(t.Context(), s, opt)
	require.NoError(t, err)
	require.Empty(t, summary.Incomplete)
	require.Len(t, summary.Metrics, 9)
	require.Equal(t, "forest:1:1:0 cox:2:2:0 km:0:0:0", outline(summary.Standings))
	require.Equal(t, string(artifact.FormatSummary(summary.Standings)), string(content(t, s, artifact.SummaryKey)))

	for fold := range 3 {
		require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey("forest", fold)))
	}
	opt.Excused = []artifact.Task{{Model: "forest", Fold: 0}, {Model: "forest", Fold: 1}}
	summary, err = artifact.Summarize(t.Context(), s, opt)
	require.NoError(t, err)
	require.Equal(t, []artifact.Incomplete{{Task: artifact.Task{Model: "forest", Fold: 2}, Reason: "no manifest"}}, summary.Incomplete)
	require.Equal(t, "cox:1:1:0 forest:0:0:3 km:0:0:0", outline(summary.Standings), "a model without any fold is listed")

	opt.SpecDigest = "other"
	_, err = artifact.Summarize(t.Context(), s, opt)
	require.ErrorIs(t, err, artifact.ErrSuperseded)
}

// A fold scored under other settings is not complete until it is rescored.
func TestSummarizeWantsRescoring(t *testing.T) {
	s := memory()
	completeRun(t, s)
	run := newRun(t, s, with(t, "folds:", "metrics: {cindex: harrell}\nfolds:"))
	summary, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	require.Len(t, summary.Incomplete, 9)
	require.Equal(t, "metric settings changed", summary.Incomplete[0].Reason)
}

// The summary rebuilt from the metrics file alone is the one that Summarize wrote.
func TestRebuildSummary(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey("cox", 1)))
	_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	want := string(content(t, s, artifact.SummaryKey))
	alone, err := artifact.SummaryFromMetrics(content(t, s, artifact.MetricsKey), nil)
	require.NoError(t, err)
	require.Equal(t, want, string(alone))

	for _, gone := range []string{artifact.SummaryKey, artifact.RunKey} {
		require.NoError(t, s.Delete(t.Context(), gone))
		_, err = artifact.RebuildSummary(t.Context(), s)
		require.NoError(t, err)
		require.Equal(t, want, string(content(t, s, artifact.SummaryKey)))
	}
	overwrite(t, s, artifact.RunKey, []byte("damaged"))
	_, err = artifact.RebuildSummary(t.Context(), s)
	require.NoError(t, err)
	overwrite(t, s, artifact.MetricsKey, []byte("model\n"))
	_, err = artifact.RebuildSummary(t.Context(), s)
	require.ErrorContains(t, err, "model_metrics.csv: line 1")
	require.NoError(t, s.Delete(t.Context(), artifact.MetricsKey))
	_, err = artifact.RebuildSummary(t.Context(), s)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// The end is the same bytes whether a run was interrupted, damaged and resumed or not.
func TestResumedRunHasTheSameTables(t *testing.T) {
	whole, torn := memory(), memory()
	run := completeRun(t, whole)
	completeRun(t, torn)
	require.NoError(t, torn.Delete(t.Context(), artifact.ManifestKey("km", 2)))
	overwrite(t, torn, artifact.SurvKey("cox", 0), []byte("x"))
	overwrite(t, torn, artifact.MetricsKey, []byte("half a tab"))
	p := plan(t, torn, run, artifact.PlanOptions{Request: config.Request{}})
	for _, f := range p.Folds {
		if f.Action == artifact.Train {
			writeFold(t, torn, claim(run, f.Model, f.Fold))
		}
	}
	for _, s := range []store.Store{whole, torn} {
		_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
		require.NoError(t, err)
	}
	for _, key := range []string{artifact.MetricsKey, artifact.SummaryKey} {
		require.Equal(t, string(content(t, whole, key)), string(content(t, torn, key)))
	}
}
