package cost

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
)

// production is the spec of the production job with every model type.
func production(t *testing.T) *config.Spec {
	t.Helper()
	spec, err := config.ParseYAML([]byte(`
run: demo
type: production
data: {uri: /x.csv, time: t, event: e}
models:
  - {type: cox_ph}
  - {type: coxnet}
  - {type: weibull_aft}
  - {type: gbsa}
  - {type: rsf, mtry: all}
  - {type: orsf}
  - {type: stack, of: [rsf, cox_ph]}
`), "spec.yaml")
	require.NoError(t, err)
	return spec
}

func model(t *testing.T, spec *config.Spec, name string) config.Model {
	t.Helper()
	m, err := spec.Model(name)
	require.NoError(t, err)
	return m
}

var fold = Rows{Train: 229_611, Test: 57_402}

// Work orders the models of the production job as their measured seconds do: a stack of a
// forest, forests, the cross-validated path, boosting, the others, the baseline.
func TestLongestFirst(t *testing.T) {
	spec := production(t)
	names := []string{"stack", "orsf", "rsf", "coxnet", "gbsa", "weibull_aft", "cox_ph", "km"}
	for i, name := range names[1:] {
		before := Work(spec, model(t, spec, names[i]), fold)
		require.Greater(t, before, Work(spec, model(t, spec, name), fold), "%s before %s", names[i], name)
	}
}

// Work grows with what a fit grows with: linearly in rows, but n·log n of forests, in trees,
// alphas and inner folds; settings may be defaults or decoded.
func TestWorkGrows(t *testing.T) {
	spec := production(t)
	double := Rows{Train: 2 * fold.Train, Test: 2 * fold.Test}
	for _, name := range []string{"cox_ph", "coxnet", "weibull_aft", "gbsa", "km"} {
		m := model(t, spec, name)
		require.InDelta(t, 2, Work(spec, m, double)/Work(spec, m, fold), 1e-9, name)
	}
	rsf := model(t, spec, "rsf")
	require.InDelta(t, 2.11, Work(spec, rsf, double)/Work(spec, rsf, fold), 0.01)
	with := func(m config.Model, key string, value any) float64 {
		settings := map[string]any{key: value}
		for k, v := range m.Settings {
			if k != key {
				settings[k] = v
			}
		}
		m.Settings = settings
		return Work(spec, m, fold)
	}
	whole := Work(spec, rsf, fold)
	require.InDelta(t, whole/3, with(rsf, "trees", 100), 1e-9)
	require.InDelta(t, whole/3, with(rsf, "trees", json.Number("100")), 1e-9)
	require.InDelta(t, whole/2, with(rsf, "subsample", 0.5), 1e-9)
	require.Less(t, with(rsf, "mtry", "sqrt"), whole)
	coxnet := model(t, spec, "coxnet")
	require.InDelta(t, Work(spec, coxnet, fold)/6, with(coxnet, "select", "last"), 1e-9)
	require.InDelta(t, 6*(whole+Work(spec, model(t, spec, "cox_ph"), fold)), Work(spec, model(t, spec, "stack"), fold), 1e-6)
}

// Fits of the model in this run decide, else those of its type elsewhere, else the built-in
// figure; measured at other rows and trees they count by their work.
func TestEvidence(t *testing.T) {
	spec := production(t)
	rsf := model(t, spec, "rsf")
	var e Evidence
	seconds, basis := e.Seconds(spec, rsf, fold)
	builtIn := seconds - overhead(fold)
	require.Equal(t, BuiltIn, basis)
	require.InDelta(t, Work(spec, rsf, fold), builtIn, 1e-9)

	small, few := Rows{Train: 1000, Test: 250}, rsf
	few.Settings = map[string]any{"trees": 10, "mtry": "all"}
	e.AddOther(spec, few, small, 3*Work(spec, few, small))
	seconds, basis = e.Seconds(spec, rsf, fold)
	require.Equal(t, OtherRuns, basis)
	require.InDelta(t, 3*builtIn, seconds-overhead(fold), 1e-6)

	e.AddOwn(spec, rsf, fold, 10)
	e.AddOwn(spec, rsf, fold, 20)
	seconds, basis = e.Seconds(spec, rsf, fold)
	require.Equal(t, ThisRun, basis)
	require.InDelta(t, 15, seconds-overhead(fold), 1e-9)
	_, basis = e.Seconds(spec, model(t, spec, "orsf"), fold)
	require.Equal(t, BuiltIn, basis)
}

// A plan costs its folds to train by the manifests of those that are complete, folds to
// rescore little, reused ones nothing; the final fits are those planned, or that of the
// costliest model; a manifest of other inputs counts as another run's.
func TestEstimate(t *testing.T) {
	spec := production(t)
	run := &artifact.Run{Spec: spec, Data: artifact.DataInfo{Rows: 287_013}}
	for k := range 3 {
		run.Folds = append(run.Folds, artifact.FoldInfo{Index: k, TrainRows: fold.Train, TestRows: fold.Test})
	}
	done := &artifact.Manifest{Model: "cox_ph", TrainRows: fold.Train, TestRows: fold.Test, FitSeconds: 3, PredictSeconds: 1}
	task := func(k int) artifact.Task { return artifact.Task{Model: "cox_ph", Fold: k} }
	plan := &artifact.Plan{Folds: []artifact.FoldPlan{
		{Task: task(0), Action: artifact.Reuse, Manifest: done},
		{Task: task(1), Action: artifact.Train},
		{Task: task(2), Action: artifact.Rescore},
	}, Finals: []artifact.FinalPlan{{Model: "cox_ph", Action: artifact.Train}, {Model: "rsf", Action: artifact.Reuse}}}
	var e Evidence
	require.False(t, e.Complete(plan))
	e.Observe(run, plan)
	require.True(t, e.Complete(plan))
	got := e.Estimate(run, plan)
	require.Equal(t, ThisRun, got.Basis)
	require.InDelta(t, 4+2*overhead(fold), got.Folds, 1e-9)
	all := Rows{Train: run.Data.Rows, Test: run.Data.Rows}
	require.InDelta(t, 4*287_013/229_611.0+overhead(all), got.Finals, 1e-9)
	require.InDelta(t, got.Folds+got.Finals, got.Total(), 1e-9)
	require.InDelta(t, 4+overhead(fold), got.Models["cox_ph"], 1e-9)

	plan.Finals = nil
	stack, _ := e.Seconds(spec, model(t, spec, "stack"), all)
	require.InDelta(t, stack, e.Estimate(run, plan).Finals, 1e-9)

	plan.Folds[0].Changed = true
	var fresh Evidence
	fresh.Observe(run, plan)
	require.False(t, fresh.Complete(plan))
	require.Equal(t, OtherRuns, fresh.Estimate(run, plan).Basis)
	require.NoError(t, func() error { fresh.ObserveOther(run, &artifact.Manifest{Model: "gone"}); return nil }())
}

// A basis is a word in JSON, and a clause in text.
func TestBasisText(t *testing.T) {
	for _, b := range []Basis{ThisRun, OtherRuns, BuiltIn} {
		text, err := b.MarshalText()
		require.NoError(t, err)
		var back Basis
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, b, back)
		require.NotEmpty(t, b.String())
	}
	require.ErrorContains(t, new(Basis).UnmarshalText([]byte("guess")), "builtin")
}
