package activities

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/logging"
	"everfold/store"
	"everfold/store/storetest"
)

// whole is a finished run on a copy of the data, which may be lost.
func (l *lab) whole() *config.Spec {
	l.t.Helper()
	data, err := os.ReadFile(veteran)
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(l.source(), data, 0o644))
	s := l.spec("data.uri="+l.source(), "final.models=[cox_ph]")
	l.finished(s, "cox_ph")
	_, err = l.env.ExecuteActivity(WriteReportName, WriteReportInput{Run: Ref(s), SpecDigest: s.Digest()})
	require.NoError(l.t, err)
	return s
}

func (l *lab) source() string { return filepath.Join(l.dir, "source.csv") }

// recover calls Recover on the run's folder; it must go well.
func (l *lab) recover(in RecoverInput) *Recovered {
	l.t.Helper()
	l.fresh()
	ctx := logging.Into(l.t.Context(), slog.New(slog.DiscardHandler))
	out, err := l.a.Recover(ctx, l.run(), in)
	require.NoError(l.t, err)
	return out
}

// results are the run's objects but the report and those that hold times of day.
func (l *lab) results() map[string]string {
	l.t.Helper()
	out := l.tree()
	maps.DeleteFunc(out, func(key, _ string) bool {
		return strings.HasPrefix(key, artifact.ReportPrefix) || key == artifact.PredictionsInfoKey || key == artifact.RunKey
	})
	return out
}

// tree is every object of the run.
func (l *lab) tree() map[string]string {
	l.t.Helper()
	infos, err := l.run().List(l.t.Context(), "")
	require.NoError(l.t, err)
	out := map[string]string{}
	for _, info := range infos {
		out[info.Key] = l.object(info.Key)
	}
	return out
}

func (l *lab) remove(key string) {
	l.t.Helper()
	require.NoError(l.t, l.run().Delete(l.t.Context(), key))
}

// flip changes one byte in the middle of an object.
func (l *lab) flip(key string) {
	l.t.Helper()
	content := []byte(l.object(key))
	content[len(content)/2] ^= 1
	l.put(key, string(content))
}

func (l *lab) truncate(key string) {
	l.t.Helper()
	content := l.object(key)
	l.put(key, content[:len(content)/2])
}

// Recover finds nothing in a run that is whole, and writes nothing.
func TestRecoverLeavesWholeRunsAlone(t *testing.T) {
	l := newLab(t)
	l.whole()
	before := l.tree()
	out := l.recover(RecoverInput{})
	require.Empty(t, out.Damage)
	require.Empty(t, out.Written)
	require.Empty(t, out.Warnings)
	require.False(t, out.Unfinished())
	require.Equal(t, []int{9, 9}, []int{out.Planned, out.Intact})
	require.Equal(t, "cox_ph", out.Predicted)
	require.Len(t, out.Leaderboard, 3)
	require.Equal(t, before, l.tree())
}

// A run whose removal was interrupted is wanted by whoever recovers it, or starts it again: the
// removal is called off, and said so.
func TestRecoverCallsOffRemovals(t *testing.T) {
	l := newLab(t)
	l.whole()
	run, _, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	condemn := func() { l.put(artifact.PrunedKey, `{"run_sha256":"`+run.SHA256+`"}`) }
	gone := func() {
		condemned, err := artifact.Condemned(t.Context(), l.run(), run)
		require.NoError(t, err)
		require.False(t, condemned)
		require.NotContains(t, l.tree(), artifact.PrunedKey)
	}
	condemn()
	out := l.recover(RecoverInput{})
	require.Len(t, out.Damage, 1)
	require.Equal(t, "the removal is called off", out.Damage[0].Done)
	gone()
	require.Empty(t, l.recover(RecoverInput{}).Damage)

	condemn()
	l.train(l.spec(), config.Request{})
	gone()
}

// Whatever needs no fit is found by name and made anew, with the bytes that it had; what is
// said beforehand is what is done, and saying it changes nothing. The second time there is
// nothing to do.
func TestRecoverMendsWithoutFits(t *testing.T) {
	rows, times := artifact.RowsKey(1), artifact.TimesKey(2)
	damages := map[string]func(*lab){
		artifact.MetricsKey:         func(l *lab) { l.remove(artifact.MetricsKey) },
		artifact.SummaryKey:         func(l *lab) { l.put(artifact.SummaryKey, "not a table") },
		artifact.ComparisonKey:      func(l *lab) { l.remove(artifact.ComparisonKey) },
		artifact.PHTestsKey:         func(l *lab) { l.truncate(artifact.PHTestsKey) },
		artifact.CardKey("cox_ph"):  func(l *lab) { l.remove(artifact.CardKey("cox_ph")) },
		artifact.PreparedKey:        func(l *lab) { l.flip(artifact.PreparedKey) },
		rows:                        func(l *lab) { l.remove(rows) },
		times:                       func(l *lab) { l.flip(times) },
		artifact.PredictionsInfoKey: func(l *lab) { l.truncate(artifact.PredictionsInfoKey) },
		artifact.OutOfFoldKey:       func(l *lab) { l.flip(artifact.OutOfFoldKey) },
		artifact.ParquetKey:         func(l *lab) { l.remove(artifact.ParquetKey) },
		artifact.ReportKey:          func(l *lab) { l.remove(artifact.ReportKey) },
	}
	l := newLab(t)
	l.whole()
	undisturbed := l.results()
	for _, key := range slices.Sorted(maps.Keys(damages)) {
		damages[key](l)
		damaged := l.tree()
		root := l.root
		l.root = store.Overlay(root)
		said := l.recover(RecoverInput{Dry: true})
		l.root = root
		require.Equal(t, damaged, l.tree(), key)

		out := l.recover(RecoverInput{})
		require.False(t, out.Unfinished(), key)
		require.Equal(t, said.Damage, out.Damage, key)
		require.Contains(t, strings.Join(out.Written, " "), key)
		if key != artifact.CardKey("cox_ph") { // which is no damage, but follows the scores
			require.NotEmpty(t, out.Damage, key)
			require.NotEmpty(t, out.Damage[0].Done, key)
			require.Contains(t, out.Damage[0].File+out.Damage[0].Found, key)
		}
		require.Equal(t, undisturbed, l.results(), key)
		require.Empty(t, l.recover(RecoverInput{}).Written, key)
	}
}

// What only fits can mend is left, each fold and model with the check that failed; tables are
// then those of the folds that verify, and predictions that verify stay.
func TestRecoverLeavesFits(t *testing.T) {
	l := newLab(t)
	s := l.whole()
	manifest, lost := artifact.ManifestKey("cox_ph", 0), artifact.ManifestKey("km", 2)
	l.truncate(manifest)
	l.flip(artifact.SurvKey("weibull_aft", 1))
	l.remove(lost)
	predictions := l.object(artifact.PredictionsKey)
	for _, when := range []When{WhenWhole, Now} {
		out := l.recover(RecoverInput{Predict: when})
		require.True(t, out.Unfinished())
		require.Nil(t, out.Blocked)
		require.Equal(t, 6, out.Intact)
		var tasks []string
		for _, f := range out.Folds {
			tasks = append(tasks, f.Task.String())
		}
		require.Equal(t, []string{"cox_ph fold 0", "weibull_aft fold 1", "km fold 2"}, tasks)
		require.Contains(t, out.Folds[0].Reason, manifest)
		require.Equal(t, Damage{File: artifact.SurvKey("weibull_aft", 1), Of: "weibull_aft fold 1", Found: out.Damage[1].Found}, out.Damage[1])
		require.Contains(t, out.Damage[1].Found, "content does not match its digest: sha256 ")
		require.Contains(t, out.Folds[1].Reason, artifact.SurvKey("weibull_aft", 1))
		require.Equal(t, "no manifest", out.Folds[2].Reason)
		require.Len(t, l.table(artifact.MetricsKey), 6)
		require.Equal(t, predictions, l.object(artifact.PredictionsKey))
	}
	require.Equal(t, 3, count(l.train(s, config.Request{}), Train))
	l.summarize(s)
	l.remove(artifact.ModelKey("cox_ph"))
	l.remove(artifact.PredictionsInfoKey)
	out := l.recover(RecoverInput{Predict: Now})
	require.Empty(t, out.Folds)
	require.Len(t, out.Finals, 1)
	require.Contains(t, out.Finals[0].Reason, artifact.ModelKey("cox_ph"))
	require.Equal(t, []string{artifact.ModelKey("cox_ph"), "cox_ph final fit"}, []string{out.Damage[0].File, out.Damage[0].Of})
	require.Empty(t, out.Predicted)
}

// From what there is, predictions are made where that is asked for: of the folds that verify.
func TestRecoverPredictsFromWhatThereIs(t *testing.T) {
	l := newLab(t)
	l.whole()
	l.remove(artifact.ManifestKey("weibull_aft", 0))
	l.remove(artifact.PredictionsKey)
	require.Empty(t, l.recover(RecoverInput{}).Predicted)
	require.Empty(t, l.recover(RecoverInput{Predict: Never}).Predicted)
	out := l.recover(RecoverInput{Predict: Now})
	require.Equal(t, "cox_ph", out.Predicted)
	require.Contains(t, out.Written, artifact.PredictionsKey)
	held := map[string]bool{}
	for _, row := range l.table(artifact.OutOfFoldKey) {
		held[row["model"]+" "+row["fold"]] = true
	}
	require.Len(t, held, 8)
	require.False(t, held["weibull_aft 0"])
}

// run.json that is lost or damaged is restored from the spec that the folds agree with, from
// the source or the prepared table, whichever there is; not from another spec, and not where
// nothing could tell.
func TestRecoverRestoresRun(t *testing.T) {
	l := newLab(t)
	s := l.whole()
	undisturbed, prepared := l.results(), l.object(artifact.PreparedKey)
	same := func() {
		require.NotEmpty(t, l.object(artifact.RunKey))
		require.Equal(t, undisturbed, l.results())
	}
	var unknown *UnknownRunError
	l.flip(artifact.RunKey)
	_, err := l.a.Recover(t.Context(), l.run(), RecoverInput{})
	require.ErrorAs(t, err, &unknown)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.ErrorContains(t, err, "of 9 manifests of folds, 9 verify with every file")

	var refused *SpecError
	for _, set := range []string{"models.cox_ph.ties=breslow", "metrics.cindex=harrell"} {
		_, err = l.a.Recover(t.Context(), l.run(), RecoverInput{Spec: l.spec("data.uri="+l.source(), set)})
		require.ErrorAs(t, err, &refused, set)
	}
	require.Contains(t, l.recover(RecoverInput{Spec: s}).Damage[0].Done, "restored from the spec")
	same()
	require.Empty(t, l.recover(RecoverInput{Spec: s}).Written)
	_, err = l.a.Recover(t.Context(), l.run(), RecoverInput{Spec: l.spec("metrics.cindex=harrell")})
	require.ErrorAs(t, err, &refused)

	require.NoError(t, os.Remove(l.source()))
	l.remove(artifact.RunKey)
	l.recover(RecoverInput{Spec: s})
	same()

	l.remove(artifact.RunKey)
	l.flip(artifact.PreparedKey)
	_, err = l.a.Recover(t.Context(), l.run(), RecoverInput{Spec: s})
	require.ErrorAs(t, err, &unknown)
	require.ErrorContains(t, err, "source.csv")

	l.put(artifact.PreparedKey, prepared)
	for key := range l.tree() {
		if _, _, fold := artifact.ManifestOf(key); fold {
			l.remove(key)
		}
	}
	_, err = l.a.Recover(t.Context(), l.run(), RecoverInput{Spec: s})
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "no fold is intact")
}

// With the source gone or changed, a prepared table that does not verify keeps models from
// being fitted, and nothing else.
func TestRecoverWithoutSource(t *testing.T) {
	l := newLab(t)
	s := l.whole()
	undisturbed := l.tree()
	data, err := os.ReadFile(l.source())
	require.NoError(t, err)
	changed := append([]byte(nil), data...)
	changed = append(changed, data[strings.LastIndexByte(strings.TrimSpace(string(data)), '\n')+1:]...)
	for _, c := range []struct {
		source []byte
		want   string
		damage func(string)
		gone   bool
	}{
		{nil, "no such file", l.flip, false},
		{nil, "no such file", l.remove, true},
		{changed, "has changed", l.truncate, false},
	} {
		require.NoError(t, os.RemoveAll(l.source()))
		if c.source != nil {
			require.NoError(t, os.WriteFile(l.source(), c.source, 0o644))
		}
		l.put(artifact.PreparedKey, undisturbed[artifact.PreparedKey])
		c.damage(artifact.PreparedKey)
		l.remove(artifact.ManifestKey("km", 1))
		l.remove(artifact.SummaryKey)
		out := l.recover(RecoverInput{})
		require.NotNil(t, out.Blocked)
		require.Contains(t, out.Blocked.Reason, c.want)
		require.Equal(t, c.gone, out.Blocked.Missing)
		require.Equal(t, c.gone, out.Damage[0].Missing)
		require.Contains(t, out.Damage[0].Cannot, c.want)
		require.Contains(t, out.Written, artifact.SummaryKey)
		require.Contains(t, out.Warnings[0], artifact.SelectionKey)
		require.Len(t, l.table(artifact.MetricsKey), 8)
		_, err := l.env.ExecuteActivity(PrepareDataName, PrepareInput{Spec: s, Recover: true})
		requireType(t, err, ErrArtifactCorrupt, false)
	}
	// Where the folds' files are damaged too, the table alone gives them back.
	l.put(artifact.PreparedKey, undisturbed[artifact.PreparedKey])
	l.remove(artifact.RowsKey(0))
	require.Nil(t, l.recover(RecoverInput{}).Blocked)
	require.Equal(t, undisturbed[artifact.RowsKey(0)], l.object(artifact.RowsKey(0)))
}

// A run of a release with other algorithms keeps its tables; fits would mix the two.
func TestRecoverOfAnotherRelease(t *testing.T) {
	l := newLab(t)
	l.whole()
	run, etag, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	run.Versions.Models["rsf"] += 7
	require.NoError(t, artifact.WriteRun(t.Context(), l.run(), run, etag))
	out := l.recover(RecoverInput{})
	require.False(t, out.Unfinished())
	require.Empty(t, out.Warnings)
	l.remove(artifact.ManifestKey("cox_ph", 1))
	l.remove(artifact.PredictionsKey)
	require.Contains(t, l.recover(RecoverInput{Predict: Now}).Warnings[0], "other algorithms")
	out = l.recover(RecoverInput{})
	require.Contains(t, out.Blocked.Reason, "other algorithms")
	require.Equal(t, 8, out.Intact)
}

// PrepareData of a recovery plans from what the run's folder holds, the source gone or not; it
// restores run.json, and refuses another spec than that of run.json.
func TestPrepareAgain(t *testing.T) {
	l := newLab(t)
	s := l.whole()
	require.NoError(t, os.Remove(l.source()))
	l.remove(artifact.ManifestKey("cox_ph", 1))
	prepare := func(s *config.Spec) (*PrepareResult, error) {
		value, err := l.env.ExecuteActivity(PrepareDataName, PrepareInput{Spec: s, Recover: true})
		if err != nil {
			return nil, err
		}
		var out PrepareResult
		require.NoError(t, value.Get(&out))
		return &out, nil
	}
	out, err := prepare(s)
	require.NoError(t, err)
	require.Equal(t, s.Digest(), out.SpecDigest)
	require.Equal(t, []int{137, 128}, []int{out.Rows, out.Events})
	require.Equal(t, Train, out.Models[0].Folds[1].Action)
	require.Equal(t, Reuse, out.Models[1].Folds[1].Action)
	l.remove(artifact.RunKey)
	_, err = prepare(s)
	require.NoError(t, err)
	require.NotEmpty(t, l.object(artifact.RunKey))
	_, err = prepare(l.spec("metrics.cindex=harrell"))
	requireType(t, err, ErrInvalidSpec, false)
}

// A folder that was moved names the store that it is in now, if that is asked for.
func TestRecoverMoved(t *testing.T) {
	l := newLab(t)
	l.whole()
	out := l.recover(RecoverInput{Moved: &config.Store{URI: "/elsewhere"}})
	require.Contains(t, out.Written, artifact.RunKey)
	require.Contains(t, out.Damage[0].Found, "/elsewhere")
	run, _, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	require.Equal(t, "/elsewhere", run.Spec.Store.URI)
	require.Equal(t, run.Spec.Digest(), run.SpecDigest)
}

// A start in what an interrupted removal has left may be cut off at any write, before it or with its
// answer lost: what is there is a run, or the next prune removes it to the last file. It stays
// while the start is at work.
func TestPruneAfterAStartThatWasCutOff(t *testing.T) {
	l := newLab(t)
	l.root = storetest.Memory()
	s := l.spec("folds.k=2")
	l.prepare(s, config.Request{})
	l.remove(artifact.RunKey)
	l.put(artifact.PrunedKey, `{}`)
	base, undisturbed := l.root, &power{}
	l.root = undisturbed.of(copied(t, base))
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	require.NotContains(t, l.tree(), artifact.PrunedKey)
	for at := 1; at <= undisturbed.writes; at++ {
		for _, after := range []bool{false, true} {
			left := copied(t, base)
			l.root = (&power{at: at, after: after}).of(left)
			_, _ = l.prepare(s, config.Request{}) // what is written after run.json may be missing
			l.root = left
			_, whole := l.tree()[artifact.RunKey]
			prune := artifact.PruneOptions{Type: s.Type, Retention: config.Retention{Keep: 1}, Now: time.Now(), Quiet: time.Hour}
			report, err := artifact.Prune(t.Context(), left, prune)
			require.NoError(t, err)
			require.Zero(t, report.Removed, at)
			prune.Now = time.Now().Add(2 * time.Hour)
			report, err = artifact.Prune(t.Context(), left, prune)
			require.NoError(t, err)
			require.Equal(t, whole, report.Removed == 0, at)
			require.Equal(t, whole, len(l.tree()) > 0, at)
		}
	}
}
