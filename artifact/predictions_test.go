package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

var twoRows = []artifact.Prediction{
	{ID: `a "b", c`, Survival: []float64{0.5, math.NaN()}, RMST: math.NaN(), Risk: -1.25, Rank: 2, InTraining: true},
	{ID: "é", Survival: []float64{0.25, 0}, RMST: 3.5, Risk: 2, Rank: 1, Extrapolated: true},
}

// tables writes rows as both tables.
func tables(csv, table io.Writer) error {
	w, err := artifact.NewPredictionTables(csv, table, []float64{3, 0.5})
	if err != nil {
		return err
	}
	for _, p := range twoRows {
		if err := w.Write(p); err != nil {
			return err
		}
	}
	return w.Close()
}

// Both tables hold the same rows; NaN is an empty cell or null, and columns are in one order.
func TestPredictionTables(t *testing.T) {
	var csv, table, again bytes.Buffer
	require.NoError(t, tables(&csv, &table))
	require.Equal(t, "id,survival_3,survival_0.5,rmst,risk,risk_rank,in_training,extrapolated\n"+
		"\"a \"\"b\"\", c\",0.5,,,-1.25,2,true,false\né,0.25,0,3.5,2,1,false,true\n", csv.String())
	require.NoError(t, tables(io.Discard, &again))
	require.Equal(t, table.Bytes(), again.Bytes())

	type row struct {
		ID           string   `parquet:"id"`
		First        *float64 `parquet:"survival_3,optional"`
		Second       *float64 `parquet:"survival_0.5,optional"`
		RMST         *float64 `parquet:"rmst,optional"`
		Risk         float64  `parquet:"risk"`
		Rank         int64    `parquet:"risk_rank"`
		InTraining   bool     `parquet:"in_training"`
		Extrapolated bool     `parquet:"extrapolated"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(table.Bytes()), int64(table.Len()))
	require.NoError(t, err)
	require.Len(t, rows, 2)
	half, quarter, zero, mean := 0.5, 0.25, 0.0, 3.5
	require.Equal(t, row{ID: `a "b", c`, First: &half, Risk: -1.25, Rank: 2, InTraining: true}, rows[0])
	require.Equal(t, row{ID: "é", First: &quarter, Second: &zero, RMST: &mean, Risk: 2, Rank: 1, Extrapolated: true}, rows[1])
	file, err := parquet.OpenFile(bytes.NewReader(table.Bytes()), int64(table.Len()))
	require.NoError(t, err)
	var names []string
	for _, c := range file.Root().Columns() {
		names = append(names, c.Name())
	}
	require.Equal(t, []string{"id", "survival_3", "survival_0.5", "rmst", "risk", "risk_rank", "in_training", "extrapolated"}, names)
}

func outOfFold(out io.Writer) error {
	w, err := artifact.NewOutOfFoldTable(out, []float64{3})
	if err != nil {
		return err
	}
	if err := w.Write("x", artifact.Task{Model: "cox", Fold: 2}, 0.5, []float64{math.NaN()}); err != nil {
		return err
	}
	return w.Close()
}

// threeTables writes all of them.
func threeTables(csv, table, oof io.Writer) error {
	return errors.Join(tables(csv, table), outOfFold(oof))
}

// Predictions are in place where their inputs are equal and every table verifies; writing
// them again replaces them.
func TestWritePredictions(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	in := artifact.Inputs{"model": "cox"}
	write := func(specDigest string) error {
		return artifact.WritePredictions(t.Context(), s, specDigest, &artifact.PredictionsInfo{Inputs: in, Rows: 2},
			threeTables)
	}
	found, err := artifact.ReadPredictions(t.Context(), s, in)
	require.NoError(t, err)
	require.Nil(t, found)
	require.ErrorIs(t, write("another"), artifact.ErrSuperseded)
	require.NoError(t, write(run.SpecDigest))
	require.Equal(t, "id,fold,model,risk,survival_3\nx,2,cox,0.5,\n", string(content(t, s, artifact.OutOfFoldKey)))
	found, err = artifact.ReadPredictions(t.Context(), s, in)
	require.NoError(t, err)
	require.Equal(t, 2, found.Rows)
	found, err = artifact.ReadPredictions(t.Context(), s, artifact.Inputs{"model": "forest"})
	require.NoError(t, err)
	require.Nil(t, found)
	for _, key := range []string{artifact.ParquetKey, artifact.PredictionsInfoKey} {
		overwrite(t, s, key, []byte("not it"))
		found, err = artifact.ReadPredictions(t.Context(), s, in)
		require.NoError(t, err)
		require.Nil(t, found, key)
		require.NoError(t, write(run.SpecDigest))
	}
}

// What fails on the way leaves the tables of before.
func TestWritePredictionsFails(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	broken := errors.New("broken")
	err := artifact.WritePredictions(t.Context(), s, run.SpecDigest, &artifact.PredictionsInfo{},
		func(csv, _, _ io.Writer) error {
			_, err := csv.Write(make([]byte, 1<<20))
			return errors.Join(err, broken)
		})
	require.ErrorIs(t, err, broken)
	err = artifact.WritePredictions(t.Context(), s, run.SpecDigest, &artifact.PredictionsInfo{},
		func(csv, table, _ io.Writer) error { return errors.Join(tables(csv, table), broken) })
	require.ErrorIs(t, err, broken)
	_, _, err = store.ReadAll(t.Context(), s, artifact.PredictionsInfoKey, 1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A panic on the way ends the writes, which change nothing.
func TestWritePredictionsPanics(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	ended := make(chan error, 3)
	watched := &watchedPuts{Store: s, ended: ended}
	require.PanicsWithValue(t, "broken", func() {
		_ = artifact.WritePredictions(t.Context(), watched, run.SpecDigest, &artifact.PredictionsInfo{},
			func(_, _, _ io.Writer) error { panic("broken") })
	})
	require.Error(t, <-ended)
	require.Error(t, <-ended)
	require.Error(t, <-ended)
	_, _, err := store.ReadAll(t.Context(), s, artifact.PredictionsKey, 1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// watchedPuts tells how each Put has ended.
type watchedPuts struct {
	store.Store
	ended chan error
}

func (w *watchedPuts) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	info, err := w.Store.Put(ctx, key, body, cond)
	w.ended <- err
	return info, err
}

// After a lost race, predictions of the same inputs are success and those of others are none.
func TestWritePredictionsRace(t *testing.T) {
	for _, other := range []string{"cox", "forest"} {
		s := memory()
		run := newRun(t, s, parse(t, baseSpec))
		write := func(s store.Store, model string) error {
			return artifact.WritePredictions(t.Context(), s, run.SpecDigest, &artifact.PredictionsInfo{Inputs: artifact.Inputs{"model": model}},
				threeTables)
		}
		raced := false
		faulty := &storetest.Faulty{Store: s, Before: func(op storetest.Op, key string) error {
			if op == storetest.Put && key == artifact.PredictionsInfoKey && !raced {
				raced = true
				require.NoError(t, write(s, other))
			}
			return nil
		}}
		err := write(faulty, "cox")
		require.True(t, raced)
		if other == "cox" {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, store.ErrConflict)
		}
	}
}

// selection.csv reads back; no file and no row are none, anything else is damage.
func TestReadSelection(t *testing.T) {
	s := memory()
	none, err := artifact.ReadSelection(t.Context(), s)
	require.NoError(t, err)
	require.Nil(t, none)
	v := 0.7
	want := artifact.Selection{Metric: "cindex", Model: "cox", Models: 2, Apparent: &v, Corrected: &v, Chosen: 3, Replicates: 9, Rows: 12}
	require.NoError(t, artifact.WriteComparison(t.Context(), s, nil, []artifact.Selection{want}))
	got, err := artifact.ReadSelection(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, &want, got)
	good := content(t, s, artifact.SelectionKey)
	for _, bad := range [][]byte{nil, []byte("a,b\n"), bytes.Replace(good, []byte("0.7"), []byte("much"), 1)} {
		overwrite(t, s, artifact.SelectionKey, bad)
		_, err = artifact.ReadSelection(t.Context(), s)
		require.ErrorIs(t, err, artifact.ErrDamaged)
	}
}
