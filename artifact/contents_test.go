package artifact_test

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

func contents(t *testing.T, s store.Store) *artifact.Contents {
	t.Helper()
	c, err := artifact.ReadContents(t.Context(), s)
	require.NoError(t, err)
	return c
}

// What a run's folder holds is told as it is; what is planned and not there is named, and is no
// problem.
func TestContents(t *testing.T) {
	s := storetest.Memory()
	run := completeRun(t, s)
	c := contents(t, s)
	require.Equal(t, run.SpecDigest, c.Run.SpecDigest)
	require.Len(t, c.Folds, 9)
	require.Empty(t, c.Missing)
	require.Empty(t, c.Problems)
	require.Equal(t, "forest", c.Standings[0].Model)
	require.Nil(t, c.Selection)
	require.Nil(t, c.Predictions)

	require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey("cox", 1)))
	put(t, s, artifact.ManifestKey("forest", 2), "{}")
	c = contents(t, s)
	require.Len(t, c.Folds, 7)
	require.Equal(t, []artifact.Task{{Model: "cox", Fold: 1}, {Model: "forest", Fold: 2}}, []artifact.Task{c.Missing[0].Task, c.Missing[1].Task})
	require.Equal(t, "no manifest", c.Missing[0].Reason)
	require.Empty(t, c.Problems)
}

// The rows of a fold whose file is lost or changed are damage, as everything else there is.
func TestContentsTestRows(t *testing.T) {
	s := storetest.Memory()
	run := completeRun(t, s)
	c := contents(t, s)
	rows, err := c.TestRows(t.Context(), 0)
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	put(t, s, run.Folds[0].Rows.Key, "changed")
	_, err = c.TestRows(t.Context(), 0)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.NoError(t, s.Delete(t.Context(), run.Folds[0].Rows.Key))
	_, err = c.TestRows(t.Context(), 0)
	require.ErrorIs(t, err, artifact.ErrDamaged)
}

// Without run.json the manifests speak for themselves, without them model_metrics.csv does;
// without any there is no run.
func TestContentsWithoutRun(t *testing.T) {
	s := storetest.Memory()
	run := completeRun(t, s)
	_, err := artifact.PublishMetrics(t.Context(), s, run.SpecDigest, nil)
	require.NoError(t, err)
	want := contents(t, s).Standings
	put(t, s, artifact.RunKey, "{}")
	c := contents(t, s)
	require.Nil(t, c.Run)
	require.Len(t, c.Folds, 9)
	require.Equal(t, artifact.RunKey, c.Problems[0].What)
	_, err = c.TestRows(t.Context(), 0)
	require.ErrorIs(t, err, store.ErrNotFound)

	require.NoError(t, s.Delete(t.Context(), artifact.RunKey))
	for _, m := range c.Folds {
		require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey(m.Model, m.Fold)))
	}
	c = contents(t, s)
	require.Empty(t, c.Folds)
	require.Equal(t, want, c.Standings)

	require.NoError(t, s.Delete(t.Context(), artifact.MetricsKey))
	_, err = artifact.ReadContents(t.Context(), s)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A store that does not answer is an error, whichever object it is asked for: a report is not
// to leave out what may be there.
func TestContentsOfAStoreThatFails(t *testing.T) {
	s := storetest.Memory()
	completeRun(t, s)
	put(t, s, artifact.LogsPrefix+"main_x.log", "{}\n")
	down := errors.Join(store.ErrUnavailable)
	for _, key := range []string{artifact.RunKey, artifact.MetricsKey, artifact.ManifestKey("cox", 0), artifact.SelectionKey, artifact.ComparisonKey,
		artifact.ModelInfoKey("cox"), artifact.PredictionsInfoKey, artifact.ProfileKey, artifact.LogsPrefix} {
		f := &storetest.Faulty{Store: s, Before: func(_ storetest.Op, asked string) error {
			if asked == key {
				return down
			}
			return nil
		}}
		_, err := artifact.ReadContents(t.Context(), f)
		require.ErrorIs(t, err, store.ErrUnavailable, key)
	}
	f := &storetest.Faulty{Store: s}
	c, err := artifact.ReadContents(t.Context(), f)
	require.NoError(t, err)
	f.Before = func(storetest.Op, string) error { return down }
	require.ErrorIs(t, c.Logs(t.Context(), "main", func(io.Reader) error { return nil }), store.ErrUnavailable)
	f.Before = func(storetest.Op, string) error { return store.ErrNotFound }
	require.NoError(t, c.Logs(t.Context(), "main", func(io.Reader) error { return errors.New("not there") }))
	require.ErrorIs(t, c.OutOfFold(t.Context(), nil), store.ErrNotFound, "no predictions")
}

// A report is written pictures first, the page last; equal files are not written again, and
// pictures of an earlier report go. What fails is repeated.
func TestWriteReport(t *testing.T) {
	var log []string
	s := &storetest.Faulty{Store: storetest.Memory(), After: func(op storetest.Op, key string) error {
		if op == storetest.Put || op == storetest.Delete {
			log = append(log, string(op)+" "+strings.TrimPrefix(key, artifact.ReportPrefix))
		}
		return nil
	}}
	files := []artifact.ReportFile{{Name: path.Base(artifact.ReportKey), Content: []byte("page")}, {Name: "a.svg", Content: []byte("a")}, {Name: "b.png", Content: []byte("b")}}
	write := func(files ...artifact.ReportFile) []string {
		log = nil
		require.NoError(t, artifact.WriteReport(t.Context(), s, files))
		return log
	}
	require.Equal(t, []string{"put a.svg", "put b.png", "put index.html"}, write(files...))
	require.Empty(t, write(files...))
	put(t, s, artifact.ReportPrefix+"notes.txt", "somebody's own")
	changed := slices.Clone(files[:2])
	changed[0].Content = []byte("another, longer page")
	require.Equal(t, []string{"put index.html", "delete b.png"}, write(changed...))
	require.Equal(t, "somebody's own", string(content(t, s, artifact.ReportPrefix+"notes.txt")))

	for _, op := range []storetest.Op{storetest.List, storetest.Get, storetest.Put} {
		s.Before = func(now storetest.Op, _ string) error {
			if now == op {
				return store.ErrUnavailable
			}
			return nil
		}
		changed[1].Content = append(changed[1].Content, 'x')
		require.ErrorIs(t, artifact.WriteReport(t.Context(), s, changed), store.ErrUnavailable, op)
	}
}

func put(t *testing.T, s store.Store, key, text string) {
	t.Helper()
	_, err := store.PutBytes(t.Context(), s, key, []byte(text), store.Condition{})
	require.NoError(t, err)
}
