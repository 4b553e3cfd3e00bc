package artifact_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/local"
	"everfold/store/storetest"
)

// today is when these tests prune.
var today = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// stored makes a finished run of the type sample that was last started so many days ago, with
// C-indices that differ by shift.
func stored(t testing.TB, root store.Store, name string, daysAgo int, shift float64) store.Store {
	t.Helper()
	s := store.Prefixed(root, "sample/"+name)
	run := began(t, s, name, daysAgo)
	for _, task := range run.Tasks() {
		r := result(task)
		*r.Manifest.Scores.CIndex += shift
		_, _, err := artifact.WriteFold(t.Context(), s, claim(run, task.Model, task.Fold), r)
		require.NoError(t, err)
	}
	finish(t, s, run)
	return s
}

// began makes a run without folds.
func began(t testing.TB, s store.Store, name string, daysAgo int) *artifact.Run {
	t.Helper()
	run := newRun(t, s, with(t, "run: churn", "run: "+name))
	run.Updated = today.AddDate(0, 0, -daysAgo)
	saveRun(t, s, run)
	return run
}

// finish is what the end of a run writes.
func finish(t testing.TB, s store.Store, run *artifact.Run) {
	t.Helper()
	publish(t, s, run, nil)
	_, err := artifact.Summarize(t.Context(), s, artifact.SummarizeOptions{SpecDigest: run.SpecDigest})
	require.NoError(t, err)
	_, _, err = artifact.WriteFinal(t.Context(), s, finalClaim(run, "forest"), artifact.ModelInfo{Rows: 12}, body("model"))
	require.NoError(t, err)
}

func pruning(keep int, maxAge string) artifact.PruneOptions {
	o := artifact.PruneOptions{Type: config.Sample, Now: today, Retention: config.Retention{Keep: keep}}
	if maxAge != "" {
		o.Retention.MaxAge, _ = config.ParseAge(maxAge)
	}
	return o
}

func prune(t testing.TB, root store.Store, o artifact.PruneOptions) *artifact.PruneReport {
	t.Helper()
	report, err := artifact.Prune(t.Context(), root, o)
	require.NoError(t, err)
	return report
}

// left are the names of the runs in a store.
func left(t testing.TB, root store.Store) string {
	t.Helper()
	runs, err := artifact.List(t.Context(), root)
	require.NoError(t, err)
	var names []string
	for _, r := range runs {
		names = append(names, r.Run)
	}
	return strings.Join(names, " ")
}

// night is the name of a run so many days ago.
func night(daysAgo int) string { return fmt.Sprintf("n-%02d", 30-daysAgo) }

// Keep counts finished runs, newest first; MaxAge removes what was started longer ago,
// whatever the count.
func TestPruneByCountAndAge(t *testing.T) {
	for _, c := range []struct {
		o    artifact.PruneOptions
		want string
	}{
		{pruning(3, ""), "n-27 n-28 n-29"},
		{pruning(0, "2d"), "n-28 n-29"}, // two days old is not more than two days ago
		{pruning(4, "36h"), "n-29"},
		{pruning(100, "100d"), "n-25 n-26 n-27 n-28 n-29"},
	} {
		root := memory()
		for days := 1; days <= 5; days++ {
			stored(t, root, night(days), days, 0)
		}
		report := prune(t, root, c.o)
		require.Equal(t, c.want, left(t, root))
		require.Equal(t, 5-len(strings.Fields(c.want)), report.Removed)
		infos, err := root.List(t.Context(), "")
		require.NoError(t, err)
		for _, info := range infos {
			require.Contains(t, c.want, strings.Split(info.Key, "/")[1], "nothing of a removed run is left")
		}
	}
}

// A run that failed pushes no good one out, and goes with the finished ones around it.
func TestPruneCountsFinishedRuns(t *testing.T) {
	root := memory()
	for days := 1; days <= 6; days++ {
		if days == 2 || days == 4 {
			began(t, store.Prefixed(root, "sample/"+night(days)), night(days), days)
			continue
		}
		stored(t, root, night(days), days, 0)
	}
	prune(t, root, pruning(2, ""))
	require.Equal(t, "n-27 n-28 n-29", left(t, root))
}

// A run in which some model failed is finished, and counts; one without any ranked model
// does not.
func TestPruneOfPartialRuns(t *testing.T) {
	root := memory()
	for days := 1; days <= 3; days++ {
		s := store.Prefixed(root, "sample/"+night(days))
		run := began(t, s, night(days), days)
		for _, task := range run.Tasks() {
			if task.Model != "forest" && (days > 1 || task.Fold == 0) {
				writeFold(t, s, claim(run, task.Model, task.Fold))
			}
		}
		publish(t, s, run, nil)
		_, err := artifact.RebuildSummary(t.Context(), s)
		require.NoError(t, err)
		_, _, err = artifact.WriteFinal(t.Context(), s, finalClaim(run, "cox"), artifact.ModelInfo{Rows: 12}, body("model"))
		require.NoError(t, err)
	}
	report := prune(t, root, pruning(1, ""))
	require.Equal(t, "n-28 n-29", left(t, root))
	require.False(t, report.Runs[0].Finished)
	require.True(t, report.Runs[1].Finished)
}

// The newest finished run that verifies stays, however old and however small the count; where
// newer ones are damaged that is an older one, and the report says what is wrong with those.
func TestPruneKeepsTheNewestGoodRun(t *testing.T) {
	root := memory()
	for days := 11; days <= 14; days++ {
		stored(t, root, night(days), days, 0)
	}
	newest := store.Prefixed(root, "sample/"+night(11))
	overwrite(t, newest, artifact.RiskKey("cox", 1), []byte("damaged"))
	require.NoError(t, store.Prefixed(root, "sample/"+night(12)).Delete(t.Context(), artifact.ModelKey("forest")))
	report := prune(t, root, pruning(0, "10d"))
	require.Equal(t, night(13), left(t, root))
	reasons := ""
	for _, v := range report.Runs {
		reasons += v.Run + " " + v.Action + ": " + v.Reason + "\n"
	}
	require.Contains(t, reasons, "n-19 remove: started more than 10d ago; it does not verify: cox fold 1")
	require.Contains(t, reasons, "n-18 remove: started more than 10d ago; it does not verify: final model forest")
	require.Contains(t, reasons, "n-17 keep: the newest finished run that verifies")
}

// With KeepBest the run with the highest C-index stays.
func TestPruneKeepsTheBestRun(t *testing.T) {
	for _, keep := range []bool{true, false} {
		root := memory()
		for days := 1; days <= 4; days++ {
			stored(t, root, night(days), days, map[int]float64{3: 0.1}[days])
		}
		o := pruning(1, "")
		o.Retention.KeepBest = keep
		prune(t, root, o)
		require.Equal(t, map[bool]string{true: "n-27 n-29", false: "n-29"}[keep], left(t, root))
	}
}

// Runs with another C-index are not compared: of each kind the best one stays.
func TestPruneKeepsTheBestOfEachKind(t *testing.T) {
	root := memory()
	for days := 1; days <= 4; days++ {
		s := stored(t, root, night(days), days, map[int]float64{2: 0.05, 3: 0.1, 4: 0.2}[days])
		if days > 2 {
			run, etag, err := artifact.ReadRun(t.Context(), s)
			require.NoError(t, err)
			run.Spec.Metrics.CIndex = "harrell"
			require.NoError(t, artifact.WriteRun(t.Context(), s, run, etag))
		}
	}
	o := pruning(1, "")
	o.Retention.KeepBest = true
	prune(t, root, o)
	require.Equal(t, "n-26 n-28 n-29", left(t, root))
}

// A run whose lock is taken stays; where nobody can be asked, one that was written to lately
// or has a fit that may go on; neither where Quiet is 0.
func TestPruneKeepsRunningRuns(t *testing.T) {
	three := func() store.Store {
		root := memory()
		for days := 1; days <= 3; days++ {
			stored(t, root, night(days), days, 0)
		}
		return root
	}
	o := pruning(1, "")
	o.Locked = func(_ context.Context, id string) (bool, error) { return id == "everfold/sample/n-27", nil }
	root := three()
	prune(t, root, o)
	require.Equal(t, "n-27 n-29", left(t, root))

	now := pruning(1, "")
	now.Now, now.Quiet = time.Now(), time.Hour // what Memory holds was written just now
	root = three()
	report := prune(t, root, now)
	require.Zero(t, report.Removed)
	require.Contains(t, report.Runs[1].Reason, "was written to")
	now.Now = time.Now().Add(2 * time.Hour)
	for run, task := range map[string]artifact.Task{night(3): {Model: "cox", Fold: 1}, night(2): artifact.StepTask("report")} {
		start := artifact.Start{Task: task, Execution: "e", Attempt: 1}
		_, err := artifact.RecordStart(t.Context(), store.Prefixed(root, "sample/"+run), start)
		require.NoError(t, err)
	}
	prune(t, root, now)
	require.Equal(t, "n-27 n-29", left(t, root), "its fit may take a day, what another's step left is no fit's")
	now.Now = time.Now().Add(25 * time.Hour)
	prune(t, root, now)
	require.Equal(t, "n-29", left(t, root))
	now.Quiet = 0
	root = three()
	prune(t, root, now)
	require.Equal(t, "n-29", left(t, root))

	down := errors.New("down")
	o.Locked = func(context.Context, string) (bool, error) { return false, down }
	root = three()
	_, err := artifact.Prune(t.Context(), root, o)
	require.ErrorIs(t, err, down)
	require.Equal(t, "n-27 n-28 n-29", left(t, root), "who cannot ask removes nothing")
}

// A dry run removes nothing and says the same; names, the run spared and other types are
// left alone.
func TestPruneSelects(t *testing.T) {
	root := memory()
	for days := 1; days <= 3; days++ {
		stored(t, root, night(days), days, 0)
		stored(t, root, "other-"+night(days), days, 0)
	}
	overwrite(t, root, "sample/notes/readme.txt", []byte("not a run"))
	overwrite(t, root, "production/n-01/run.json", []byte("damaged"))
	o := pruning(1, "")
	o.Matches = func(name string) bool { return strings.HasPrefix(name, "n-") }
	o.Spare, o.DryRun = "n-27", true
	dry := prune(t, root, o)
	require.Equal(t, 1, dry.Removed)
	require.Positive(t, dry.Bytes)
	require.Equal(t, "n-01 n-27 n-28 n-29 other-n-27 other-n-28 other-n-29", left(t, root))
	o.DryRun = false
	wet := prune(t, root, o)
	require.Equal(t, dry.Bytes, wet.Bytes)
	require.Equal(t, "n-01 n-27 n-29 other-n-27 other-n-28 other-n-29", left(t, root))
	content(t, root, "sample/notes/readme.txt")
	o.Type = config.Production
	require.Contains(t, prune(t, root, o).Runs[0].Reason, "run.json is damaged")
	require.Contains(t, left(t, root), "n-01")
}

// A removal that stops after any of its steps leaves nothing that passes for a run, or the
// whole of it; the next prune finishes it, and no other run is touched. Where the run was
// started again in between, that start stays whole.
func TestPruneInterrupted(t *testing.T) {
	broken := errors.New("the process was killed")
	for step := int64(1); ; step++ {
		root := memory()
		stored(t, root, "n-1", 9, 0)
		stored(t, root, "n-2", 1, 0)
		var changes atomic.Int64
		killed := &storetest.Faulty{Store: root, Before: func(op storetest.Op, _ string) error {
			if op == storetest.Put || op == storetest.Delete {
				if changes.Add(1) >= step {
					return broken
				}
			}
			return nil
		}}
		_, err := artifact.Prune(t.Context(), killed, pruning(1, ""))
		if err == nil {
			require.Greater(t, step, int64(20), "every step was stopped at once")
			break
		}
		require.ErrorIs(t, err, broken)
		runs, err := artifact.List(t.Context(), root)
		require.NoError(t, err)
		if half := step > 1; half && len(runs) == 2 {
			require.Contains(t, runs[0].Problem, "being removed")
		}
		again := memory() // the same, but the run is started again
		copyAll(t, root, again)
		stored(t, again, "n-1", 0, 0)

		require.Equal(t, 1, prune(t, root, pruning(1, "")).Removed, step)
		infos, err := root.List(t.Context(), "sample/n-1")
		require.NoError(t, err)
		require.Empty(t, infos)
		o := pruning(2, "")
		require.Zero(t, prune(t, again, o).Removed, step)
		runs, err = artifact.List(t.Context(), again)
		require.NoError(t, err)
		require.Len(t, runs, 2)
		require.Empty(t, runs[0].Problem)
		require.Equal(t, runs[0].Planned, runs[0].Present)
	}
}

func copyAll(t testing.TB, from, to store.Store) {
	t.Helper()
	infos, err := from.List(t.Context(), "")
	require.NoError(t, err)
	for _, info := range infos {
		overwrite(t, to, info.Key, content(t, from, info.Key))
	}
}

// A run that is started again between the decision and the removal is kept.
func TestPruneRace(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	o := pruning(1, "")
	o.Locked = func(context.Context, string) (bool, error) { // the last look before the removal
		began(t, store.Prefixed(root, "sample/n-1"), "n-1", 0)
		return false, nil
	}
	report := prune(t, root, o)
	require.Zero(t, report.Removed)
	require.Equal(t, "it was started again meanwhile", report.Runs[1].Reason)
	require.Equal(t, "n-1 n-2", left(t, root))
}

// A run that begins after it was judged is kept: the lock is asked for again before the
// removal, also before one that was interrupted goes on.
func TestPruneAsksAgain(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	o, asked := pruning(1, ""), 0
	o.Locked = func(context.Context, string) (bool, error) { asked++; return asked%2 == 0, nil }
	report := prune(t, root, o)
	require.Zero(t, report.Removed)
	require.Equal(t, "it is running", report.Runs[1].Reason)

	condemn(t, root, "n-1")
	report = prune(t, root, o)
	require.Zero(t, report.Removed)
	require.Equal(t, "n-1 n-2", left(t, root))

	o.Locked = func(context.Context, string) (bool, error) { // recovered, and ended, in between
		return false, artifact.CallOff(t.Context(), store.Prefixed(root, "sample/n-1"))
	}
	report = prune(t, root, o)
	require.Zero(t, report.Removed)
	require.Contains(t, report.Runs[1].Reason, "meanwhile")
	require.Equal(t, "n-1 n-2", left(t, root))
}

// condemn is a removal that was killed after its first step.
func condemn(t *testing.T, root store.Store, name string) {
	t.Helper()
	run, _, err := artifact.ReadRun(t.Context(), store.Prefixed(root, "sample/"+name))
	require.NoError(t, err)
	overwrite(t, root, "sample/"+name+"/"+artifact.PrunedKey, fmt.Appendf(nil, `{"run_sha256":%q}`, run.SHA256))
}

// A tombstone says nothing of a run whose run.json is damaged: a removal leaves it whole until
// it is gone, so the damage is another's, and the folds may be wanted.
func TestPruneLeavesDamagedRuns(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	condemn(t, root, "n-1")
	overwrite(t, root, "sample/n-1/"+artifact.RunKey, []byte("{"))
	report := prune(t, root, pruning(1, ""))
	require.Zero(t, report.Removed)
	require.Contains(t, report.Runs[1].Reason, "run.json is damaged")
}

// What was done before a removal failed is told; the other runs stay.
func TestPruneFails(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 8, 0)
	stored(t, root, "n-3", 7, 0)
	stored(t, root, "n-4", 1, 0)
	broken := errors.New("the disk is gone")
	faulty := &storetest.Faulty{Store: root, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && strings.Contains(key, "n-2/") {
			return broken
		}
		return nil
	}}
	report, err := artifact.Prune(t.Context(), faulty, pruning(1, ""))
	require.ErrorIs(t, err, broken)
	require.Equal(t, []int{1, 3}, []int{report.Removed, report.Kept})
	require.Equal(t, "n-1 n-2 n-4", left(t, root))
}

// Two prunes at once remove a run together, and neither fails for it.
func TestPruneTwice(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	o := pruning(1, "")
	asked := 0
	o.Locked = func(context.Context, string) (bool, error) {
		if asked++; asked == 2 { // the last look before the removal
			require.Equal(t, 1, prune(t, root, pruning(1, "")).Removed)
		}
		return false, nil
	}
	report := prune(t, root, o)
	require.Zero(t, report.Removed)
	require.Equal(t, "somebody else is removing it", report.Runs[1].Reason)
	require.Equal(t, "n-2", left(t, root))
}

// In a directory nothing is left of a removed run, its folder included.
func TestPruneLocal(t *testing.T) {
	root, err := local.Open(t.TempDir())
	require.NoError(t, err)
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	prune(t, root, pruning(1, ""))
	require.Equal(t, "n-2", left(t, root))
	infos, err := root.List(t.Context(), "sample/n-1")
	require.NoError(t, err)
	require.Empty(t, infos)
}

// The best of a run is compared with that of the last finished run before it, by name, and
// only if their C-index is the same one.
func TestBestOf(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0.2)
	stored(t, root, "n-2", 8, 0.1)
	began(t, store.Prefixed(root, "sample/n-3"), "n-3", 7)
	stored(t, root, "n-4", 6, 0)
	stored(t, root, "n-5", 5, 0.3)
	stored(t, root, "m-3", 5, 0.4)
	mine := func(name string) bool { return strings.HasPrefix(name, "n-") }
	now, former, err := artifact.BestOf(t.Context(), root, config.Sample, "n-4", mine)
	require.NoError(t, err)
	require.Equal(t, "n-2", former.Run)
	require.Equal(t, "forest", former.Model)
	require.InDelta(t, 0.1, former.Score-now.Score, 1e-12)
	now, former, err = artifact.BestOf(t.Context(), root, config.Sample, "n-1", mine)
	require.NoError(t, err)
	require.NotNil(t, now)
	require.Nil(t, former, "the first of its kind")
	now, _, err = artifact.BestOf(t.Context(), root, config.Sample, "n-3", mine)
	require.NoError(t, err)
	require.Nil(t, now, "it is not finished")

	s := store.Prefixed(root, "sample/n-4")
	run, etag, err := artifact.ReadRun(t.Context(), s)
	require.NoError(t, err)
	run.Spec.Metrics.CIndex = "harrell"
	require.NoError(t, artifact.WriteRun(t.Context(), s, run, etag))
	_, former, err = artifact.BestOf(t.Context(), root, config.Sample, "n-4", mine)
	require.NoError(t, err)
	require.Nil(t, former)
	down := &storetest.Faulty{Store: root, Before: func(storetest.Op, string) error { return store.ErrUnavailable }}
	_, _, err = artifact.BestOf(t.Context(), down, config.Sample, "n-4", mine)
	require.ErrorIs(t, err, store.ErrUnavailable)
}
