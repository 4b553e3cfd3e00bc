package metric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
	"everfold/survival/cox"
)

func fitCox(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error) {
	return cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{})
}

// By hand: where all rows are predicted alike the curve is the Cox baseline without
// covariates, 1 − exp(−Σ d/n): horizon 2 of the event times 1, 2, 3, 4 gives
// 1 − exp(−1/4 − 1/3), and all four summaries are its distance from the prediction.
func TestCalibrateByHand(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	c, err := Calibrate(context.Background(), y, []float64{0.5, 0.5, 0.5, 0.5}, 2, fitCox)
	require.NoError(t, err)
	observed := 1 - math.Exp(-7.0/12)
	for _, got := range []float64{c.ICI, c.E50, c.E90, c.EMax} {
		require.InDelta(t, 0.5-observed, got, 1e-15)
	}
	require.InDeltaSlice(t, []float64{observed, observed, observed, observed}, c.Observed, 1e-15)

	// The last row enters at 1.5, so that 1 and 2 find three at risk; the first weighs 2.
	y.Entry, y.Weight = []float64{0, 0, 0, 1.5}, []float64{2, 1, 1, 1}
	c, err = Calibrate(context.Background(), y, []float64{0.5, 0.5, 0.5, 0.5}, 2, fitCox)
	require.NoError(t, err)
	require.InDelta(t, 1-math.Exp(-2.0/4-1.0/3), c.Observed[0], 1e-15)
}

// The true probabilities of exponential times are calibrated; their squares are not, and
// the curve leads back to them.
func TestCalibrateTellsWrongProbabilities(t *testing.T) {
	ctx := context.Background()
	const n, horizon = 600, 0.7
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	right, wrong := make([]float64, n), make([]float64, n)
	for i := range n {
		hazard := math.Exp(2*math.Mod(float64(i)*0.7548776662466927, 1) - 1)
		y.Time[i] = -math.Log(1-math.Mod(float64(i+1)*0.6180339887498949, 1)) / hazard
		y.Event[i] = true
		right[i] = 1 - math.Exp(-horizon*hazard)
		wrong[i] = right[i] * right[i]
	}
	good, err := Calibrate(ctx, y, right, horizon, fitCox)
	require.NoError(t, err)
	require.Less(t, good.EMax, 0.05)
	bad, err := Calibrate(ctx, y, wrong, horizon, fitCox)
	require.NoError(t, err)
	require.Greater(t, bad.ICI, 0.1)
	curve, err := bad.Curve(ctx, []float64{0.25})
	require.NoError(t, err)
	require.InDelta(t, 0.5, curve[0], 0.05)
	_, err = bad.Curve(ctx, []float64{2})
	require.EqualError(t, err, "row 0: the predicted probability is outside [0, 1]")
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err = bad.Curve(ctx, []float64{0.5})
	require.ErrorIs(t, err, context.Canceled)
}

// Predictions of exactly 0 and 1 have a place on the curve, not an infinite one.
func TestCalibrateTakesCertainty(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4, 5, 6}, Event: []bool{true, true, false, true, true, false}}
	c, err := Calibrate(context.Background(), y, []float64{0, 1, 0.5, 0.4, 0.2, 1}, 3, fitCox)
	require.NoError(t, err)
	for _, v := range append(c.Observed, c.ICI, c.E50, c.E90, c.EMax) {
		require.True(t, v >= 0 && v <= 1)
	}
}

// A weight of 2 is a row twice, in quantiles, too, and a weight of 1 a row, however many there are.
func TestQuantilesWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-5, 5), 1, 20).Draw(t, "values")
		y := survival.Outcome{Weight: make([]float64, len(values))}
		var copies []float64
		for i, v := range values {
			k := rapid.IntRange(1, 3).Draw(t, "copies")
			y.Weight[i] = float64(k) / 2
			for range k {
				copies = append(copies, v)
			}
		}
		want := quantiles(copies, survival.Outcome{}, 0.1, 0.5, 0.9)
		require.Equal(t, want, quantiles(values, y, 0.1, 0.5, 0.9))
	})
	shares := []float64{0, 0.05, 0.1, 0.25, 0.5, 0.5, 0.9, 1}
	for n := 1; n < 3000; n += 1 + n/3 {
		for _, distinct := range []int{1, 3, 40, 1 << 20} {
			values, y := make([]float64, n), survival.Outcome{Weight: make([]float64, n)}
			for i := range values {
				values[i], y.Weight[i] = math.Sin(float64(i*7919%distinct)), 1
			}
			require.Equal(t, quantiles(values, y, shares...), quantiles(values, survival.Outcome{}, shares...), "%d values, %d distinct", n, distinct)
		}
	}
	require.Equal(t, []float64{1, 2.5, 4}, quantiles([]float64{4, 1, 3, 2}, survival.Outcome{}, 0.1, 0.5, 0.9))
}

// What the data leave undefined has its reason; other failures of the smoother are errors.
func TestCalibrateUndefined(t *testing.T) {
	ctx := context.Background()
	y := survival.Outcome{Time: []float64{2, 3, 4}, Event: []bool{true, false, true}}
	p := []float64{0.3, 0.4, 0.5}
	broken := errors.New("broken")
	fails := func(err error) Smoother {
		return func(context.Context, *survival.Design, survival.Outcome) (survival.Model, error) { return nil, err }
	}
	for _, c := range []struct {
		horizon float64
		fit     Smoother
		want    string
	}{
		{1, fitCox, "undefined: no event by the horizon"},
		{5, fitCox, "undefined: no row is observed up to the horizon"},
		{3, fitCox, "undefined: the calibration curve has no finite fit"}, // the lower, the earlier
		{3, fails(survival.ErrNotConverged), "undefined: the calibration curve has no finite fit"},
		{3, fails(broken), "fit calibration curve: broken"},
	} {
		_, err := Calibrate(ctx, y, p, c.horizon, c.fit)
		require.EqualError(t, err, c.want)
	}
	_, err := Calibrate(ctx, y, []float64{0, 1, 1.1}, 3, fitCox)
	require.EqualError(t, err, "row 2: the predicted probability is outside [0, 1]")
	require.Panics(t, func() { _, _ = Calibrate(ctx, y, p[:2], 3, fitCox) })
	require.Panics(t, func() { _, _ = Calibrate(ctx, y, p, math.Inf(1), fitCox) })
}

// Every row is predicted an even chance by time 2; two of four had the event.
func ExampleCalibrate() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	smoother := func(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error) {
		return cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{})
	}
	c, err := Calibrate(context.Background(), y, []float64{0.5, 0.5, 0.5, 0.5}, 2, smoother)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("ICI %.3f, observed %.3f\n", c.ICI, c.Observed[0])
	// Output: ICI 0.058, observed 0.442
}
