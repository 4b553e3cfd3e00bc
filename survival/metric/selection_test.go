package metric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/resample"
)

// meanScore scores a model by the mean of its rows' values.
func meanScore(values [][]float64) func(model int, rows []int) (float64, error) {
	return func(model int, rows []int) (float64, error) {
		sum := 0.0
		for _, i := range rows {
			sum += values[model][i]
		}
		return sum / float64(len(rows)), nil
	}
}

func listed(samples ...[]int) func(replicate int, rows []int) {
	return func(replicate int, rows []int) { copy(rows, samples[replicate]) }
}

// By hand: model 0 is best on all rows with ½. The sample {0, 0} chooses it and row 1 gives
// it 0; {1, 1} chooses model 1 and row 0 gives it 0; {0, 1} leaves no row out.
func TestCorrectBestOfByHand(t *testing.T) {
	s := Selection{
		Models: 2, Rows: 2, Replicates: 3,
		Score: meanScore([][]float64{{1, 0}, {0, 0.5}}),
		Draw:  listed([]int{0, 0}, []int{1, 1}, []int{0, 1}),
	}
	got, err := CorrectBestOf(context.Background(), s)
	require.NoError(t, err)
	require.Equal(t, BestOf{Best: 0, Apparent: 0.5, Corrected: 0, Optimism: 0.5, Used: 2, Chosen: []int{1, 1}}, got)

	s.LowerIsBetter = true
	got, err = CorrectBestOf(context.Background(), s)
	require.NoError(t, err)
	require.Equal(t, BestOf{Best: 1, Apparent: 0.25, Corrected: 0.75, Optimism: 0.5, Low: 0.5, High: 1, Used: 2, Chosen: []int{1, 1}}, got)
}

// The loop written out in R, with the C of its concordance(), gives the same choices and
// the same corrected C.
func TestEqualsBestOfInR(t *testing.T) {
	var file struct {
		Selections []struct {
			Set                            string
			Replicates, Best               int
			Apparent, Corrected, Low, High float64
			Chosen                         []int
		}
	}
	readOracle(t, "comparison.json", &file)
	require.Len(t, file.Selections, 5)
	a := agree(t, "optimism of the best of M", "formula in R on the same draws", "apparent, corrected, interval")
	for _, c := range file.Selections {
		f := loadFold(t, c.Set, false).unweighted()
		got, err := CorrectBestOf(context.Background(), oracleSelection(f, c.Replicates))
		require.NoError(t, err)
		require.Equal(t, c.Best, got.Best, c.Set)
		require.Equal(t, c.Chosen, got.Chosen, c.Set)
		a.NearAll(c.Set, []float64{got.Apparent, got.Corrected, got.Optimism, got.Low, got.High},
			[]float64{c.Apparent, c.Corrected, c.Apparent - c.Corrected, c.Low, c.High})
	}
}

// oracleSelection has the models and draws of survival/oracle/metric_comparison.R.
func oracleSelection(f metricFold, replicates int) Selection {
	n, m := f.test.Len(), len(f.times)
	risks := make([][]float64, 4)
	for i, r := range f.risk {
		s := float64(f.surv[i*m+5])
		for k, v := range []float64{r, -s, math.Floor(r), r + float64(3*s)} {
			risks[k] = append(risks[k], v)
		}
	}
	return Selection{
		Models: len(risks), Rows: n, Replicates: replicates,
		Score: concordanceOf(f.test, risks),
		Draw: func(b int, rows []int) {
			for k := range rows {
				rows[k] = (7*k*k + k*(13*b+5) + 3*b*b) % n
			}
		},
	}
}

func concordanceOf(y survival.Outcome, risks [][]float64) func(model int, rows []int) (float64, error) {
	return func(model int, rows []int) (float64, error) {
		risk := make([]float64, len(rows))
		for k, i := range rows {
			risk[k] = risks[model][i]
		}
		return Harrell(y.Take(rows), risk, RiskRegression).Index()
	}
}

// Of twenty models that know nothing the best looks good on the rows that chose it; the
// corrected score, over many such choices, does not. Equal streams give equal numbers.
func TestCorrectBestOfOfNoise(t *testing.T) {
	const worlds = 40
	var apparent, corrected float64
	for world := range uint64(worlds) {
		got, err := CorrectBestOf(context.Background(), noiseSelection(world))
		require.NoError(t, err)
		require.Equal(t, 60, got.Used)
		apparent += got.Apparent / worlds
		corrected += got.Corrected / worlds
		if world == 0 {
			again, err := CorrectBestOf(context.Background(), noiseSelection(world))
			require.NoError(t, err)
			require.Equal(t, got, again)
		}
	}
	require.Greater(t, apparent, 0.55) // 0.5 + 1.87 standard errors of 0.032: the largest of 20
	require.InDelta(t, 0.5, corrected, 0.01)
}

// noiseSelection scores twenty models by the mean of 80 uniform numbers.
func noiseSelection(world uint64) Selection {
	values := make([][]float64, 20)
	for m := range values {
		rng := resample.Source(world, "noise", uint64(m))
		for range 80 {
			values[m] = append(values[m], rng.Float64())
		}
	}
	return Selection{Models: 20, Rows: 80, Replicates: 60, Score: meanScore(values), Draw: bootstrap(world)}
}

func bootstrap(seed uint64) func(replicate int, rows []int) {
	return func(replicate int, rows []int) {
		resample.Bootstrap(resample.Source(seed, "best-of", uint64(replicate)), len(rows), rows)
	}
}

// A model without a score is passed over; where none is left the result is undefined, and
// other failures come back.
func TestCorrectBestOfUndefined(t *testing.T) {
	ctx := context.Background()
	undefined := &Undefined{ReasonNoPair}
	s := Selection{Models: 2, Rows: 2, Replicates: 1, Draw: listed([]int{0, 0})}
	s.Score = func(model int, rows []int) (float64, error) {
		if model == 0 {
			return 0, undefined
		}
		return 1, nil
	}
	got, err := CorrectBestOf(ctx, s)
	require.NoError(t, err)
	require.Equal(t, 1, got.Best)
	require.Equal(t, []int{0, 1}, got.Chosen)

	s.Score = func(int, []int) (float64, error) { return 0, undefined }
	_, err = CorrectBestOf(ctx, s)
	require.EqualError(t, err, "undefined: no model has a score")
	s.Score = func(_ int, rows []int) (float64, error) {
		if rows[0] == 1 { // the row left out
			return 0, undefined
		}
		return 1, nil
	}
	_, err = CorrectBestOf(ctx, s)
	require.EqualError(t, err, "undefined: no bootstrap replicate has a score")
	s.Score = func(int, []int) (float64, error) { return 0, errors.New("broken") }
	_, err = CorrectBestOf(ctx, s)
	require.EqualError(t, err, "score of model 0: broken")
	s.Score = func(model int, rows []int) (float64, error) {
		if rows[0] == 1 {
			return 0, errors.New("broken")
		}
		return 1, nil
	}
	_, err = CorrectBestOf(ctx, s)
	require.EqualError(t, err, "score of model 0: broken", "on the rows left out")
}

// Cancellation ends the loop; an incomplete description and a NaN score are bugs.
func TestCorrectBestOfStops(t *testing.T) {
	s := Selection{Models: 1, Rows: 2, Replicates: 1, Score: meanScore([][]float64{{1, 2}}), Draw: bootstrap(1)}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := CorrectBestOf(ctx, s)
	require.ErrorIs(t, err, context.Canceled)
	s.Score = func(int, []int) (float64, error) { return math.NaN(), nil }
	require.Panics(t, func() { _, _ = CorrectBestOf(context.Background(), s) })
	s.Draw = nil
	require.Panics(t, func() { _, _ = CorrectBestOf(context.Background(), s) })
}

// Three models rank six rows out of fold; the best of them is model 2, by its C.
func ExampleCorrectBestOf() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4, 5, 6}, Event: []bool{true, true, true, true, true, true}}
	risks := [][]float64{{1, 2, 3, 4, 5, 6}, {6, 1, 5, 2, 4, 3}, {6, 5, 4, 2, 3, 1}}
	best, err := CorrectBestOf(context.Background(), Selection{
		Models: len(risks), Rows: y.Len(), Replicates: 100,
		Score: func(model int, rows []int) (float64, error) {
			risk := make([]float64, len(rows))
			for k, i := range rows {
				risk[k] = risks[model][i]
			}
			return Harrell(y.Take(rows), risk, RiskRegression).Index()
		},
		Draw: func(replicate int, rows []int) {
			resample.Bootstrap(resample.Source(1, "best-of", uint64(replicate)), len(rows), rows)
		},
	})
	fmt.Printf("model %d: %.3f, corrected %.3f, %v\n", best.Best, best.Apparent, best.Corrected, err)
	// Output: model 2: 0.933, corrected 0.754, <nil>
}
