package metric

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// By hand: without censoring ℓ(t) is the mean of −log of the probability given to what
// happened; a wrong certainty costs −log 10⁻⁷, a right one next to nothing.
func TestLogLossByHand(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 3}, Event: []bool{true, true}}
	l, err := NewLogLoss(y, y, []float64{2, 3}, RiskRegression)
	require.NoError(t, err)
	require.NoError(t, l.Add(0, []float64{0.25, 0})) // dead at 2: −log 0.75
	require.NoError(t, l.Add(1, []float64{0.5, 1}))  // alive at 2: −log 0.5; dead at 3
	curve, err := l.Curve()
	require.NoError(t, err)
	require.InDelta(t, (math.Log(4.0/3)+math.Ln2)/2, curve[0], 1e-15)
	require.InDelta(t, (-math.Log(1e-7)-math.Log1p(-1e-7))/2, curve[1], 1e-8)

	// A censored row of weight 2 leaves Ĝ = 1/3 at 2: the survivor counts three times.
	y = survival.Outcome{Time: []float64{1, 3}, Event: []bool{false, true}, Weight: []float64{2, 1}}
	l, err = NewLogLoss(y, y, []float64{2}, RiskRegression)
	require.NoError(t, err)
	require.NoError(t, l.Add(0, []float64{0.1}))
	require.NoError(t, l.Add(1, []float64{0.5}))
	curve, err = l.Curve()
	require.NoError(t, err)
	require.InDelta(t, 3*math.Ln2/3, curve[0], 1e-15)
}

// Weights that are needed but undefined, left truncation and values outside [0,1] are
// refused as by the Brier score.
func TestLogLossRefuses(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, false}}
	test := survival.Outcome{Time: []float64{3}, Event: []bool{true}}
	l, err := NewLogLoss(train, test, []float64{2.5}, RiskRegression)
	require.NoError(t, err)
	require.EqualError(t, l.Add(0, []float64{math.NaN()}), "test row 0: survival at grid time 0 is outside [0, 1]")
	require.NoError(t, l.Add(0, []float64{0.5}))
	_, err = l.Curve()
	require.EqualError(t, err, "undefined: censoring survival is zero where a weight is needed")
	require.Panics(t, func() { _ = l.Add(0, nil) })

	test.Entry = []float64{1}
	_, err = NewLogLoss(train, test, []float64{1}, RiskRegression)
	require.EqualError(t, err, "undefined: not defined with left truncation")
	require.Panics(t, func() { _, _ = NewLogLoss(train, test, nil, RiskRegression) })
}

// A coin for every row costs log 2 at every time.
func ExampleLogLoss() {
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, true}}
	times := []float64{1, 2}
	l, err := NewLogLoss(y, y, times, RiskRegression)
	if err != nil {
		fmt.Println(err)
		return
	}
	for row := range y.Time {
		if err := l.Add(row, []float64{0.5, 0.5}); err != nil {
			fmt.Println(err)
			return
		}
	}
	curve, err := l.Curve()
	fmt.Printf("%.4f %v\n", Integrate(times, curve), err)
	// Output: 0.6931 <nil>
}
