package activities

import (
	"math"
	"strings"
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

// A run with a stack fits its bases with the settings that they have in the spec, within the
// fold's training rows, and its report names their weights; its risk is Σ (1 − S) over the
// fold's grid, as far as float32 curves tell. The order of the bases changes nothing.
func TestStackRun(t *testing.T) {
	const bases = "{type: cox_ph}, {name: forest, type: rsf, trees: 10}"
	l := newLab(t)
	done := l.train(l.spec("models=["+bases+", {type: stack, of: [forest, cox_ph, km]}]"), config.Request{})
	task := artifact.Task{Model: "stack", Fold: 1}
	require.Equal(t, Train, done[task])
	risk := readArray[float64](t, l, artifact.RiskKey("stack", 1))
	surv := readArray[float32](t, l, artifact.SurvKey("stack", 1))
	times := len(surv) / len(risk)
	for i, r := range risk {
		sum := 0.0
		for _, v := range surv[i*times : (i+1)*times] {
			sum += 1 - float64(v)
		}
		require.InDelta(t, sum, r, 1e-5, "row %d", i)
	}
	again := l.train(l.spec("models=["+bases+", {type: stack, of: [km, cox_ph, forest]}]"), config.Request{})
	require.Equal(t, Reuse, again[task])
	_, err := l.prepare(l.spec("models=["+strings.Replace(bases, "10", "11", 1)+", {type: stack, of: [km, cox_ph, forest]}]"), config.Request{})
	require.ErrorContains(t, err, "stack", "a base's setting is the stack's")
}
