package fold_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/bench/fold"
)

// Claim: a fold read back is the fold written, and is a fifth of the table, encoded.
func TestRoundTrip(t *testing.T) {
	f, err := fold.Make(t.Context(), fold.Options{Rows: 1000})
	require.NoError(t, err)
	require.Equal(t, []int{800, 200}, []int{f.Train.X.Rows, f.Test.X.Rows})
	require.Len(t, f.Grid, 50)
	dir := t.TempDir()
	require.NoError(t, f.Write(dir))
	back, err := fold.Read(dir)
	require.NoError(t, err)
	require.Equal(t, f.Grid, back.Grid)
	require.Equal(t, f.Test.Y, back.Test.Y)
	require.Len(t, back.Train.X.Columns, len(f.Train.X.Columns))
	for j, c := range back.Train.X.Columns {
		require.Equal(t, f.Train.X.Columns[j].Values, c.Values)
	}
}

// Claim: continuous times are almost all distinct, within a day before the whole ones.
func TestContinuous(t *testing.T) {
	days, err := fold.Make(t.Context(), fold.Options{Rows: 2000})
	require.NoError(t, err)
	spread, err := fold.Make(t.Context(), fold.Options{Rows: 2000, Continuous: true})
	require.NoError(t, err)
	distinct := map[float64]bool{}
	for i, v := range spread.Train.Y.Time {
		distinct[v] = true
		require.InDelta(t, days.Train.Y.Time[i], v, 1/30.4)
		require.Positive(t, v)
	}
	require.Greater(t, len(distinct), 1590)
}

// Claim: files that are missing or of another length are refused by name.
func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := fold.Read(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	shape := filepath.Join(dir, "shape.json")
	require.NoError(t, os.WriteFile(shape, []byte("{"), 0o600))
	_, err = fold.Read(dir)
	require.ErrorContains(t, err, "shape.json")
	require.NoError(t, os.WriteFile(shape, []byte(`{"train":2,"test":1,"columns":1}`), 0o600))
	_, err = fold.Read(dir)
	require.ErrorContains(t, err, "train.f64")
	require.NoError(t, fold.WriteNumbers(filepath.Join(dir, "train.f64"), []float64{1, 2}))
	_, err = fold.Read(dir)
	require.ErrorContains(t, err, "has 16 bytes, not 48")
}
