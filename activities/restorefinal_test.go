package activities

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
)

// wholeFinal is a finished run that predicts other rows, with its report.
func (l *lab) wholeFinal() RecoverInput {
	l.t.Helper()
	s := l.finalSpec(fresh4)
	l.finished(s, "cox_ph")
	_, err := l.env.ExecuteActivity(WriteReportName, WriteReportInput{Run: Ref(s), SpecDigest: s.Digest()})
	require.NoError(l.t, err)
	return RecoverInput{Spec: s}
}

// The rows to predict are prepared again from their file where they are lost or damaged, with the
// bytes that they had; with the file gone or changed, the predictions in place stay, and only their
// loss is a loss. Nothing else needs them.
func TestRecoverRowsToPredict(t *testing.T) {
	l := newLab(t)
	l.wholeFinal()
	undisturbed := l.results()
	require.Empty(t, l.recover(RecoverInput{}).Damage)
	for _, damage := range []func(string){l.remove, l.flip, l.truncate} {
		damage(artifact.FinalRowsKey)
		l.remove(artifact.PredictionsKey)
		out := l.recover(RecoverInput{})
		require.Equal(t, "prepared again from "+l.newRows(), out.Damage[0].Done)
		require.Equal(t, artifact.FinalRowsKey, out.Damage[0].File)
		require.Nil(t, out.Unpredicted)
		require.Equal(t, undisturbed, l.results())
		require.Empty(t, l.recover(RecoverInput{}).Written)
	}
	for _, c := range []struct {
		source string
		damage func(string)
		want   string
		gone   bool
	}{
		{"", l.remove, "no such file", true},
		{strings.Replace(fresh4, "61,new-2", "62,new-2", 1), l.flip, "has changed", false},
	} {
		require.NoError(t, os.RemoveAll(l.newRows()))
		if c.source != "" {
			require.NoError(t, os.WriteFile(l.newRows(), []byte(c.source), 0o644))
		}
		for key, content := range undisturbed {
			l.put(key, content)
		}
		require.Empty(t, l.recover(RecoverInput{}).Damage)
		c.damage(artifact.FinalRowsKey)
		out := l.recover(RecoverInput{})
		require.Len(t, out.Damage, 1)
		require.Contains(t, out.Damage[0].Cannot, c.want)
		require.Equal(t, []any{"cox_ph", (*BlockedError)(nil)}, []any{out.Predicted, out.Unpredicted})

		l.remove(artifact.PredictionsKey)
		l.remove(artifact.ManifestKey("km", 1))
		out = l.recover(RecoverInput{})
		require.Nil(t, out.Blocked, "fits do not need them")
		require.Nil(t, out.Unpredicted, "none are wanted while fits are left")
		out = l.recover(RecoverInput{Predict: Now})
		require.Contains(t, out.Unpredicted.Reason, c.want)
		require.Equal(t, c.gone, out.Unpredicted.Missing)
	}
}

// A run.json that is restored names the rows that the run keeps, though their file has changed, or
// those of the file; and is restored without where both are lost.
func TestRecoverRestoresRowsToPredict(t *testing.T) {
	l := newLab(t)
	in := l.wholeFinal()
	undisturbed := l.results()
	require.NoError(t, os.WriteFile(l.newRows(), []byte(strings.Replace(fresh4, "61,new-2", "62,new-2", 1)), 0o644))
	l.remove(artifact.RunKey)
	require.Len(t, l.recover(in).Damage, 1)
	require.Equal(t, undisturbed, l.results())

	require.NoError(t, os.WriteFile(l.newRows(), []byte(fresh4), 0o644))
	l.remove(artifact.RunKey)
	l.truncate(artifact.FinalRowsKey)
	require.Equal(t, "prepared again from "+l.newRows(), l.recover(in).Damage[1].Done)
	require.Equal(t, undisturbed, l.results())

	require.NoError(t, os.Remove(l.newRows()))
	l.remove(artifact.RunKey)
	l.remove(artifact.FinalRowsKey)
	out := l.recover(in)
	require.Contains(t, out.Damage[1].Cannot, "no such file")
	require.Nil(t, out.Unpredicted)
	require.Equal(t, "cox_ph", out.Predicted)
	l.remove(artifact.PredictionsKey)
	require.Equal(t, &BlockedError{Reason: finalUnread, Missing: true}, l.recover(in).Unpredicted)
}

// Rows that are kept are those of the file that the spec names, or they are not predicted: with
// run.json lost, a spec with another final.data has its own rows predicted, the same rows under another name
// stay, and where its file cannot be read nothing is predicted and the reason names both files.
func TestRecoverPredictsNoOtherRows(t *testing.T) {
	l := newLab(t)
	in := l.wholeFinal()
	other := filepath.Join(l.dir, "other.csv")
	in.Spec = l.finalSpec(fresh4, "final.data="+other)
	changed := strings.Replace(fresh4, "61,new-2", "62,new-3", 1)
	ids := func() (ids []string) {
		for _, r := range l.records(artifact.PredictionsKey) {
			ids = append(ids, r["id"])
		}
		return ids
	}

	l.remove(artifact.RunKey)
	out := l.recover(in)
	want := "its rows are of " + l.newRows() + ", and final.data is " + other
	require.Equal(t, []string{artifact.FinalRowsKey, want}, []string{out.Damage[1].File, out.Damage[1].Found})
	require.Contains(t, out.Damage[1].Cannot, "no such file")
	l.remove(artifact.PredictionsKey)
	out = l.recover(RecoverInput{})
	require.Equal(t, &BlockedError{Reason: finalUnread, Missing: true}, out.Unpredicted)

	require.NoError(t, os.WriteFile(other, []byte(fresh4), 0o644))
	l.remove(artifact.RunKey)
	out = l.recover(in)
	require.Len(t, out.Damage, 2, "run.json and the predictions: the rows are the same")
	require.Equal(t, []string{"p0", "new-1", "p136", "new-2"}, ids())

	in.Spec = l.finalSpec(fresh4, "final.data="+l.newRows())
	require.NoError(t, os.WriteFile(l.newRows(), []byte(changed), 0o644))
	l.remove(artifact.RunKey)
	out = l.recover(in)
	require.Equal(t, "prepared again from "+l.newRows(), out.Damage[1].Done)
	require.Equal(t, []string{"p0", "new-1", "p136", "new-3"}, ids())
}

// Rows of another file under a run.json that was changed, too, are not predicted.
func TestRowsOfAnotherFileAreDamage(t *testing.T) {
	l := newLab(t)
	l.wholeFinal()
	s := l.finalSpec(fresh4, "final.data="+filepath.Join(l.dir, "other.csv"))
	run, etag, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	run.Spec = s
	require.NoError(t, artifact.WriteRun(t.Context(), l.run(), run, etag))
	l.remove(artifact.PredictionsInfoKey)
	_, err = l.predict(s, "cox_ph")
	requireType(t, err, ErrArtifactCorrupt, true)
	require.ErrorContains(t, err, "its rows are of "+l.newRows())

	run.Spec = l.finalSpec(fresh4)
	run.Data.Final.Digest = strings.Repeat("0", 64)
	_, etag, err = artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	require.NoError(t, artifact.WriteRun(t.Context(), l.run(), run, etag))
	_, err = l.predict(run.Spec, "cox_ph")
	requireType(t, err, ErrArtifactCorrupt, true)
	require.ErrorContains(t, err, "those checked for the run 000000000000")
}

// A run.json is restored from the prepared table where the source has changed since; it tells when
// the run began as its manifests and logs do, not when it was restored.
func TestRecoverRestoresRunOfChangedSource(t *testing.T) {
	l := newLab(t)
	s := l.whole()
	undisturbed := l.results()
	before, _, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	content, err := os.ReadFile(l.source())
	require.NoError(t, err)
	changed := append(content, content[strings.LastIndexByte(strings.TrimSpace(string(content)), '\n')+1:]...)
	require.NoError(t, os.WriteFile(l.source(), changed, 0o644))
	l.remove(artifact.RunKey)
	l.recover(RecoverInput{Spec: s})
	require.Equal(t, undisturbed, l.results())
	run, _, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	m, _, err := artifact.ReadManifest(t.Context(), l.run(), "cox_ph", 0)
	require.NoError(t, err)
	require.False(t, run.Created.After(time.UnixMilli(m.FinishedAt)))
	require.WithinDuration(t, before.Created, run.Created, time.UnixMilli(m.FinishedAt).Sub(before.Created)+time.Second)

	l.remove(artifact.RunKey)
	l.put(artifact.LogsPrefix+"main_20200102_030405_host.log", "")
	l.recover(RecoverInput{Spec: s})
	run, _, err = artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	require.Equal(t, time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), run.Created)
}
