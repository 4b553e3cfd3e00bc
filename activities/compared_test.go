package activities

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
)

// scored trains a run of the lab under another name and reads its scores.
func (l *lab) scored(run string, set ...string) *ScoredRun {
	l.t.Helper()
	s := l.spec(append(set, "run="+run)...)
	l.train(s, config.Request{})
	r, err := NewScoredRun(l.t.Context(), store.Prefixed(l.root, "production/"+run))
	require.NoError(l.t, err)
	return r
}

// Two runs are compared model by model: means, difference, corrected standard error and
// interval are those of the formula on the fold scores; p is adjusted by metric.
func TestCompareRuns(t *testing.T) {
	l := newLab(t)
	a, b := l.scored("a"), l.scored("b", "models.cox_ph.alpha=50")
	shared, rows, err := CompareRuns(a, b)
	require.NoError(t, err)
	require.Len(t, shared, 3)
	require.Len(t, rows, 2*2)

	d := rows[0]
	require.Equal(t, []string{"cindex", "cox_ph", "cox_ph"}, []string{d.Metric, d.A, d.B})
	var diffs []float64
	test, train, meanA := 0.0, 0.0, 0.0
	for _, f := range shared {
		x, y := a.folds[artifact.Task{Model: "cox_ph", Fold: f.Index}], b.folds[artifact.Task{Model: "cox_ph", Fold: f.Index}]
		diffs = append(diffs, *y.Scores.CIndex-*x.Scores.CIndex)
		meanA += *x.Scores.CIndex / 3
		test, train = test+float64(x.TestRows), train+float64(x.TrainRows)
	}
	mean := (diffs[0] + diffs[1] + diffs[2]) / 3
	variance := 0.0
	for _, v := range diffs {
		variance += (v - mean) * (v - mean) / 2
	}
	require.InDelta(t, meanA, *d.MeanA, 1e-15)
	require.InDelta(t, mean, *d.Difference, 1e-15)
	require.InDelta(t, mean, *d.MeanB-*d.MeanA, 1e-15)
	require.InDelta(t, math.Sqrt((1.0/3+test/train)*variance), *d.SE, 1e-15)
	require.InDelta(t, *d.Low+*d.High, 2*mean, 1e-14)
	require.Equal(t, 2, d.DF)
	require.LessOrEqual(t, *d.P, *d.PHolm)

	require.Equal(t, "weibull_aft", rows[1].A)
	require.Equal(t, reasonSameFits, rows[1].Reason)
	require.Zero(t, *rows[1].Difference)
	require.Nil(t, rows[1].P)
	require.Equal(t, []artifact.SettingDifference{{Key: "models.cox_ph.alpha", A: []byte("0"), B: []byte("50")}},
		artifact.SpecDifferences(a.Run.Spec, b.Run.Spec))
}

// The best of each run are compared, too: in their model's row where it is one model, else in
// a row of their own; none where a run has no ranked model.
func TestCompareBest(t *testing.T) {
	l := newLab(t)
	a := l.scored("a", "models=[{type: cox_ph}]")
	b := l.scored("b", "models=[{type: weibull_aft}, {type: cox_ph, name: ridge, alpha: 1}]")
	require.Equal(t, "cox_ph", a.Best())
	_, rows, err := CompareRuns(a, b)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"cox_ph", b.Best()}, []string{rows[0].A, rows[0].B})
	require.True(t, rows[0].Best)
	require.Equal(t, []string{"weibull_aft", "ridge"}, b.OnlyIn(a))

	_, rows, err = CompareRuns(a, l.scored("c", "models=[{type: cox_ph, alpha: 1}]"))
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.True(t, rows[0].Best)

	s := l.spec("run=d")
	_, err = l.prepare(s, config.Request{})
	require.NoError(t, err)
	empty, err := NewScoredRun(t.Context(), store.Prefixed(l.root, "production/d"))
	require.NoError(t, err)
	require.Empty(t, empty.Best())
	_, rows, err = CompareRuns(a, empty)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, reasonNoFolds, rows[0].Reason)
	require.Nil(t, rows[0].Difference)
}

// A run with more repeats shares the folds of the other; whatever makes scores incomparable is
// refused by name: data, rows of folds, metric settings, time grids, no common fold.
func TestNotComparable(t *testing.T) {
	l := newLab(t)
	a := l.scored("a")
	more := l.scored("more", "folds.repeats=2")
	shared, _, err := CompareRuns(a, more)
	require.NoError(t, err)
	require.Len(t, shared, 3)
	require.Equal(t, []int{3, 4, 5}, more.OnlyFolds(shared))
	require.Empty(t, a.OnlyFolds(shared))

	for i, c := range []struct{ set, want string }{
		{"data.ignore=[karno]", "the data differ: 137 rows"},
		{"data.ignore=[karno]", `(data.ignore: [] and ["karno"])`},
		{"folds.seed=7", "folds 0, 1, 2 have other rows (folds.seed: 42 and 7)"},
		{"metrics.cindex=harrell", "metrics.cindex is ipcw and harrell"},
		{"metrics.convention=scikit-survival", "metrics.convention is riskregression and scikit-survival"},
		{"metrics.tau=100", "tau is"},
		{"metrics.grid=10", "folds 0, 1, 2 have another time grid"},
	} {
		_, _, err := CompareRuns(a, l.scored("b"+strconv.Itoa(i), c.set))
		var refused *artifact.NotComparableError
		require.ErrorAs(t, err, &refused, c.want)
		require.ErrorContains(t, err, c.want)
	}
	none := *a.Run
	none.Folds = nil
	_, _, err = CompareRuns(a, &ScoredRun{Run: &none})
	require.ErrorContains(t, err, "no fold has the same number in both")
}
