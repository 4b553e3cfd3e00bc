package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
)

// A fold computed in process has the scores that FitFold stores for it, on a budget of cores or
// without; unknown models and folds are refused, and so are relative paths.
func TestInProcessScoresAsFitFold(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	stored, err := l.fit(s, "cox_ph", 1, "")
	require.NoError(t, err)

	r, err := NewInProcess(t.Context(), openFile, s)
	require.NoError(t, err)
	got, err := r.Score(t.Context(), artifact.Task{Model: "cox_ph", Fold: 1}, 1)
	require.NoError(t, err)
	require.Equal(t, *stored.CIndex, *got.CIndex)
	require.Equal(t, *stored.IBS, *got.IBS)
	require.True(t, got.Converged)
	require.NoError(t, r.Final(t.Context(), "cox_ph", 1))
	require.Error(t, r.Final(t.Context(), "rsf", 1))

	r.Cores = NewCores(2, 2)
	shared, err := r.Score(t.Context(), artifact.Task{Model: "cox_ph", Fold: 1}, 1)
	require.NoError(t, err)
	require.Equal(t, got.Scores, shared.Scores)
	require.NoError(t, r.Final(t.Context(), "cox_ph", 1))
	require.Empty(t, r.Cores.seats, "all fits have ended")

	_, err = r.Score(t.Context(), artifact.Task{Model: "cox_ph", Fold: 9}, 1)
	require.ErrorContains(t, err, "no such fold")
	_, err = r.Score(t.Context(), artifact.Task{Model: "rsf", Fold: 1}, 1)
	require.Error(t, err)
	_, err = NewInProcess(t.Context(), openFile, l.spec("data.uri=veteran.csv"))
	require.ErrorContains(t, err, "relative")
}
