package explain_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/explain"
	"everfold/survival/resample"
)

func shuffle(column string, repeat int, rows []int) {
	resample.Source(7, "permute/"+column, uint64(repeat)).Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
}

func reverse(_ string, _ int, rows []int) { slices.Reverse(rows) }

func people() *survival.Frame {
	return &survival.Frame{Rows: 4, Columns: []survival.Feature{
		{Name: "age", Values: []float64{1, 2, 3, 4}},
		{Name: "noise", Values: []float64{5, 5, math.NaN(), 7}},
		{Name: "sex", Kind: survival.CategoricalFeature, Codes: []int32{0, 1, 1, -1}, Levels: []string{"f", "m"}},
	}}
}

// sumOfRows is a loss that reads age with the row number, and sex.
func sumOfRows(_ context.Context, x *survival.Frame) ([]float64, error) {
	sum := 0.0
	for i, v := range x.Columns[0].Values {
		sum += v * float64(i)
	}
	return []float64{sum, float64(x.Columns[2].Codes[0])}, nil
}

// By hand: reversed, age gives 4·0 + 3·1 + 2·2 + 1·3 = 10 in place of 20; the first code of
// sex becomes that of the last row. The column that the loss does not read rises by 0.
func TestPermuteByHand(t *testing.T) {
	x := people()
	got, err := explain.Permute(context.Background(), x, sumOfRows, explain.Permutation{Repeats: 2, Draw: reverse})
	require.NoError(t, err)
	require.Equal(t, []explain.Importance{
		{Column: "age", Rise: []float64{-10, 0}, SD: []float64{0, 0}},
		{Column: "noise", Rise: []float64{0, 0}, SD: []float64{0, 0}},
		{Column: "sex", Rise: []float64{0, -1}, SD: []float64{0, 0}},
	}, got)
	require.Equal(t, people().Columns[0], x.Columns[0], "the frame is left as it was")
}

// A column's importance does not depend on which other columns are permuted, or when.
func TestPermuteColumnsAreIndependent(t *testing.T) {
	opt := explain.Permutation{Repeats: 3, Draw: shuffle}
	all, err := explain.Permute(context.Background(), people(), sumOfRows, opt)
	require.NoError(t, err)
	opt.Columns = []string{"sex", "age"}
	some, err := explain.Permute(context.Background(), people(), sumOfRows, opt)
	require.NoError(t, err)
	require.Equal(t, []explain.Importance{all[2], all[0]}, some)
	require.NotZero(t, all[0].SD[0])
}

// One repeat has no deviation, and an undefined loss gives NaN.
func TestPermuteUndefined(t *testing.T) {
	undefined := func(context.Context, *survival.Frame) ([]float64, error) { return []float64{math.NaN(), 1}, nil }
	got, err := explain.Permute(context.Background(), people(), undefined, explain.Permutation{Repeats: 1, Draw: shuffle})
	require.NoError(t, err)
	require.True(t, math.IsNaN(got[0].Rise[0]) && math.IsNaN(got[0].SD[1]))
	require.Zero(t, got[0].Rise[1])
}

// The grid has quantiles that occur, or the most frequent levels; gaps are left out.
func TestGrid(t *testing.T) {
	text := func(f survival.Feature, points int) (out []string) {
		for _, v := range explain.Grid(f, points) {
			out = append(out, v.String())
		}
		return out
	}
	numbers := survival.Feature{Name: "x", Values: []float64{9, math.NaN(), 1, 2, 2, 2, 2, 5, 8.5, 3}}
	require.Equal(t, []string{"1", "2", "5", "9"}, text(numbers, 5))
	require.Equal(t, []string{"2"}, text(numbers, 1))
	require.Equal(t, []string{"1", "2", "3", "5", "8.5", "9"}, text(numbers, 100))
	require.Empty(t, text(survival.Feature{Values: []float64{math.NaN()}}, 3))
	levels := survival.Feature{Kind: survival.CategoricalFeature, Codes: []int32{2, 2, 1, 0, -1, 1, 3}, Levels: []string{"a", "b", "c", "d", "e"}}
	require.Equal(t, []string{"b", "c"}, text(levels, 2))
	require.Equal(t, []string{"a", "b", "c", "d"}, text(levels, 9))
}

// By hand: the mean of age·v over the rows, with every row of a column at the value.
func TestDependenceByHand(t *testing.T) {
	mean := func(_ context.Context, x *survival.Frame) ([]float64, error) {
		sum := 0.0
		for i, v := range x.Columns[0].Values {
			sum += v * float64(x.Columns[2].Codes[i]+1)
		}
		return []float64{sum / 4, 0.5}, nil
	}
	x := people()
	got, err := explain.Dependence(context.Background(), x, "sex", explain.Grid(x.Columns[2], 5), mean)
	require.NoError(t, err)
	require.Equal(t, [][]float64{{2.5, 0.5}, {5, 0.5}}, got)
	got, err = explain.Dependence(context.Background(), x, "age", []explain.Value{{Number: 10}}, mean)
	require.NoError(t, err)
	require.Equal(t, [][]float64{{12.5, 0.5}}, got)
	require.Equal(t, people().Columns[2], x.Columns[2], "the frame is left as it was")
}

// Errors are those of the functions, the context and a missing column; what a caller could
// have known panics.
func TestErrors(t *testing.T) {
	ctx, boom := context.Background(), errors.New("boom")
	fails := func(context.Context, *survival.Frame) ([]float64, error) { return nil, boom }
	opt := explain.Permutation{Repeats: 1, Draw: shuffle}
	_, err := explain.Permute(ctx, people(), fails, opt)
	require.ErrorIs(t, err, boom)
	calls := 0
	later := func(context.Context, *survival.Frame) ([]float64, error) {
		if calls++; calls > 1 {
			return nil, boom
		}
		return []float64{1}, nil
	}
	_, err = explain.Permute(ctx, people(), later, opt)
	require.ErrorContains(t, err, `column "age" permuted`)
	_, err = explain.Dependence(ctx, people(), "age", []explain.Value{{}}, fails)
	require.ErrorIs(t, err, boom)

	var missing *survival.ColumnError
	opt.Columns = []string{"weight"}
	_, err = explain.Permute(ctx, people(), sumOfRows, opt)
	require.ErrorAs(t, err, &missing)
	_, err = explain.Dependence(ctx, people(), "weight", nil, fails)
	require.ErrorAs(t, err, &missing)

	stopped, cancel := context.WithCancelCause(ctx)
	cancel(boom)
	_, err = explain.Permute(stopped, people(), sumOfRows, explain.Permutation{Repeats: 1, Draw: shuffle})
	require.ErrorIs(t, err, boom)
	_, err = explain.Dependence(stopped, people(), "age", []explain.Value{{}}, sumOfRows)
	require.ErrorIs(t, err, boom)

	length := 0
	changing := func(context.Context, *survival.Frame) ([]float64, error) {
		length++
		return make([]float64, length), nil
	}
	for name, f := range map[string]func(){
		"no repeats": func() { _, _ = explain.Permute(ctx, people(), sumOfRows, explain.Permutation{Draw: shuffle}) },
		"no draw":    func() { _, _ = explain.Permute(ctx, people(), sumOfRows, explain.Permutation{Repeats: 1}) },
		"lengths": func() {
			_, _ = explain.Permute(ctx, people(), changing, explain.Permutation{Repeats: 1, Draw: shuffle})
		},
		"points": func() { explain.Grid(people().Columns[0], 0) },
		"kind": func() {
			_, _ = explain.Dependence(ctx, people(), "sex", []explain.Value{{Number: 1}}, sumOfRows)
		},
		"level": func() {
			_, _ = explain.Dependence(ctx, people(), "sex", []explain.Value{{Kind: survival.CategoricalFeature, Code: 2}}, sumOfRows)
		},
	} {
		require.Panics(t, f, name)
	}
}
