package metric

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// By hand: an event fills its bucket; a row censored at c spreads over [0, c); the ends 0
// and 1 belong to the first and the last bucket.
func TestDCalibrateByHand(t *testing.T) {
	y := survival.Outcome{
		Time:   []float64{1, 2, 3, 4, 5, 6},
		Event:  []bool{true, true, false, false, true, false},
		Weight: []float64{1, 1, 1, 2, 1, 1},
	}
	got, err := DCalibrate(y, []float64{0.5, 1, 0.75, 0.25, 0, 0}, 2)
	require.NoError(t, err)
	// Low half: ½/¾ of row 2, rows 3, 4 and 5. High half: rows 0, 1 and ¼/¾ of row 2.
	require.InDeltaSlice(t, []float64{2.0/3 + 2 + 1 + 1, 1 + 1 + 1.0/3}, got.Counts, 1e-15)
	chi := 2 * (7.0 / 6 * 7 / 6) / 3.5
	require.InDelta(t, chi, got.Statistic, 1e-14)
	require.InDelta(t, math.Erfc(math.Sqrt(chi/2)), got.P, 1e-12) // one degree of freedom
}

// A hundred rows censored at S = 0.05 weigh a hundred. In mlr3proba the lower buckets of
// the first one are seq.int(0), which is 1 and 0: it adds the first bucket's share again,
// and finds 300.
func TestDCalibrateKeepsMass(t *testing.T) {
	const rows, c = 100, 0.05
	y := survival.Outcome{Time: make([]float64, rows), Event: make([]bool, rows)}
	s, mlr3proba := make([]float64, rows), 0.0
	for i := range s {
		y.Time[i], s[i] = 1, c
		mlr3proba += 1 + 0.1/c
	}
	got, err := DCalibrate(y, s, 10)
	require.NoError(t, err)
	require.Equal(t, []float64{rows, 0, 0, 0, 0, 0, 0, 0, 0, 0}, got.Counts)
	require.InDelta(t, 300, mlr3proba, 1e-9)
}

// Curves that are right give a uniform S(T) and a large p; curves that promise too much a
// small one.
func TestDCalibrateTellsWrongCurves(t *testing.T) {
	const n = 400
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	right, wrong := make([]float64, n), make([]float64, n)
	for i := range n {
		y.Time[i], y.Event[i] = float64(i+1), true
		right[i] = 1 - (float64(i)+0.5)/n
		wrong[i] = math.Sqrt(right[i])
	}
	got, err := DCalibrate(y, right, 10)
	require.NoError(t, err)
	require.Equal(t, 0.0, got.Statistic)
	require.Equal(t, 1.0, got.P)
	got, err = DCalibrate(y, wrong, 10)
	require.NoError(t, err)
	require.Less(t, got.P, 1e-10)
}

// What the caller or the data got wrong is refused.
func TestDCalibrateRefuses(t *testing.T) {
	y := survival.Outcome{Time: []float64{1}, Event: []bool{true}}
	require.Panics(t, func() { _, _ = DCalibrate(y, nil, 10) })
	require.Panics(t, func() { _, _ = DCalibrate(y, []float64{0.5}, 1) })
	_, err := DCalibrate(y, []float64{math.NaN()}, 10)
	require.EqualError(t, err, "test row 0: survival at its own time is outside [0, 1]")
	_, err = DCalibrate(survival.Outcome{}, nil, 10)
	require.EqualError(t, err, "undefined: there are no rows")
	y.Entry = []float64{0.5}
	_, err = DCalibrate(y, []float64{0.5}, 10)
	require.EqualError(t, err, "undefined: not defined with left truncation")
}

func ExampleDCalibrate() {
	y := survival.Outcome{Time: []float64{3, 5, 8, 9}, Event: []bool{true, true, false, true}}
	s := []float64{0.9, 0.6, 0.4, 0.1} // S of each row at its own time
	got, err := DCalibrate(y, s, 2)
	fmt.Println(got.Counts, got.Statistic, got.P, err)
	// Output: [2 2] 0 1 <nil>
}
