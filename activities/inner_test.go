package activities

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/survival"
)

// The inner split that a model is given names the groups of the fold's training rows, keeps
// the run's stratification, and encodes all training rows by a preprocessing that was fitted
// on the given ones alone.
func TestInnerSplit(t *testing.T) {
	table := &dataset.Table{
		Outcome:   survival.Outcome{Time: []float64{1, 2, 3, 4, 5, 6}, Event: make([]bool, 6)},
		Group:     []int{4, 4, 3, 2, 1, 0},
		SourceRow: []int64{0, 1, 2, 3, 4, 5},
		Columns:   []dataset.Column{{Name: "x", Kind: dataset.Numeric, Values: []float64{100, 1, 3, 0, 5, 7}}},
	}
	s, err := config.ParseYAML([]byte("{run: r, type: production, data: {uri: /x.csv, time: t, event: e}, models: [{type: coxnet}]}"), "r.yaml")
	require.NoError(t, err)
	j := &job{spec: s, model: s.Models[0], table: table, fold: artifact.FoldData{Train: []int{1, 2, 3, 5}, Test: []int{0, 4}}}
	in := j.inner(table.Frame())
	require.True(t, in.Stratify)
	require.Equal(t, []int{4, 3, 2, 0}, in.Group)

	x, err := in.Design(t.Context(), []int{0, 1}) // values 1 and 3: mean 2, standard deviation 1
	require.NoError(t, err)
	require.Equal(t, []float64{-1, 1, -2, 5}, x.Columns[0].Values)
	s.Preprocess.Impute = "error"
	table.Columns[0].Values[3] = math.NaN()
	_, err = in.Design(t.Context(), []int{1, 2})
	require.Error(t, err, "a gap that nothing fills")

	s.Folds.Stratify = "none"
	table.Group = nil
	in = j.inner(table.Frame())
	require.False(t, in.Stratify)
	require.Nil(t, in.Group)
}

// A run with coxnet fits and scores it, at the α that inner folds select and at the last.
func TestCoxnetRun(t *testing.T) {
	l := newLab(t)
	done := l.train(l.spec("models=[{type: coxnet, alphas: 20}, {name: last, type: coxnet, alphas: 20, select: last}]"), config.Request{})
	require.Equal(t, Train, done[artifact.Task{Model: "coxnet", Fold: 1}])
	require.NotEqual(t, readArray[float64](t, l, artifact.RiskKey("coxnet", 1)), readArray[float64](t, l, artifact.RiskKey("last", 1)))
}
