package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/bench/fold"
	"everfold/survival/metric"
)

// Claim: solo fits and predicts a fold, and scores those predictions as the judge does.
func TestRun(t *testing.T) {
	f, err := fold.Make(t.Context(), fold.Options{Rows: 2000})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, f.Write(dir))
	result, err := run(t.Context(), dir, dir, []byte(`{"type":"cox_ph","threads":2,"settings":{}}`))
	require.NoError(t, err)
	require.Positive(t, result.Seconds)
	require.Nil(t, result.Value)

	c, err := run(t.Context(), dir, dir, []byte(`{"type":"concordance"}`))
	require.NoError(t, err)
	require.InDelta(t, 0.70, *c.Value, 0.03)
	brier, err := run(t.Context(), dir, dir, []byte(`{"type":"brier"}`))
	require.NoError(t, err)
	surv, err := fold.ReadNumbers[float32](filepath.Join(dir, fold.CurveFile), f.Test.X.Rows*len(f.Grid))
	require.NoError(t, err)
	want, err := f.IntegratedBrier(surv, metric.ScikitSurvival)
	require.NoError(t, err)
	require.Equal(t, want, *brier.Value)
}

// Claim: what cannot be done is an error that says why.
func TestRunErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := run(t.Context(), dir, dir, []byte("{"))
	require.ErrorContains(t, err, "task")
	_, err = run(t.Context(), dir, dir, []byte(`{"type":"cox_ph"}`))
	require.ErrorContains(t, err, "shape.json")
	f, err := fold.Make(t.Context(), fold.Options{Rows: 200})
	require.NoError(t, err)
	require.NoError(t, f.Write(dir))
	_, err = run(t.Context(), dir, dir, []byte(`{"type":"none"}`))
	require.ErrorContains(t, err, `no model type "none"`)
	_, err = run(t.Context(), dir, dir, []byte(`{"type":"concordance"}`))
	require.ErrorContains(t, err, fold.RiskFile)
	_, err = run(t.Context(), dir, dir, []byte(`{"type":"gbsa","settings":{"trees":-1}}`))
	require.ErrorContains(t, err, "trees")
}
