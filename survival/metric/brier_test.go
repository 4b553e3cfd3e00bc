package metric

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
)

// largeFold is a fold of production size without randomness: a Weyl sequence.
func largeFold(n int) (survival.Outcome, []float64) {
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	risk := make([]float64, n)
	for i := range n {
		u := math.Mod(float64(i)*0.6180339887498949, 1)
		v := math.Mod(float64(i)*0.7548776662466927, 1)
		y.Time[i] = 1 + math.Floor(3600*u)/30
		y.Event[i] = math.Mod(float64(i)*0.5698402909980532, 1) < 0.55
		risk[i] = v - u/2
	}
	return y, risk
}

func drawGrid(t *rapid.T) []float64 {
	return slices.Sorted(slices.Values(rapid.SliceOfNDistinct(
		rapid.SampledFrom([]float64{1, 2, 3, 3.5, 4, 6, 7, 8.25, 9, 10}), 1, 6, rapid.ID).Draw(t, "grid")))
}

func drawCurves(t *rapid.T, n, m int) []float32 {
	surv := make([]float32, n*m)
	for i := range surv {
		surv[i] = float32(rapid.IntRange(0, 8).Draw(t, "s")) / 8
	}
	return surv
}

func addAll(b *Brier, surv []float32, m int) error {
	row := make([]float64, m)
	for i := 0; i*m < len(surv); i++ {
		for j := range row {
			row[j] = float64(surv[i*m+j])
		}
		if err := b.Add(i, row); err != nil {
			return err
		}
	}
	return nil
}

// needsZero says whether the Brier score at t needs a weight 1/Ĝ with Ĝ = 0.
func needsZero(train, test survival.Outcome, t float64, c Convention) bool {
	for i, u := range test.Time {
		if (u > t && naiveG(train, t, false, c) == 0) || (u <= t && test.Event[i] && naiveEventG(train, u, c) == 0) {
			return true
		}
	}
	return false
}

// The streamed Brier scores equal the definition at every time, and are undefined exactly
// where a weight of 1/0 is needed (under mlr3proba such rows leave instead).
func TestBrierEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 15).Draw(t, "n")
		weighted := rapid.Bool().Draw(t, "weighted")
		train, test := drawOutcome(t, "train", n, weighted, false), drawOutcome(t, "test", n, weighted, false)
		times := drawGrid(t)
		m := len(times)
		surv := drawCurves(t, n, m)
		for _, c := range conventions {
			b, err := NewBrier(train, test, times, c)
			require.NoError(t, err)
			require.NoError(t, addAll(b, surv, m))
			got, err := b.Curve()
			zero := slices.ContainsFunc(times, func(u float64) bool { return needsZero(train, test, u, c) })
			if zero {
				if c != Mlr3proba {
					require.Equal(t, ReasonZeroWeight, reasonOf(err))
				}
				continue
			}
			require.NoError(t, err)
			for j, u := range times {
				s := make([]float64, n)
				for i := range s {
					s[i] = float64(surv[i*m+j])
				}
				require.InDelta(t, naiveBrier(train, test, u, s, c), got[j], 1e-12)
			}
		}
	})
}

// Under mlr3proba rows that outlive a time with Ĝ = 0 leave sum and count; where nobody is
// left the score is undefined.
func TestBrierRowsLeave(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, false}} // Ĝ(2) = 0
	test := survival.Outcome{Time: []float64{1, 3}, Event: []bool{true, false}}
	b, err := NewBrier(train, test, []float64{2}, Mlr3proba)
	require.NoError(t, err)
	require.NoError(t, addAll(b, []float32{0.5, 0.5}, 1))
	curve, err := b.Curve()
	require.NoError(t, err)
	require.Equal(t, []float64{0.25}, curve)

	test.Time[0] = 4
	b, err = NewBrier(train, test, []float64{2}, Mlr3proba)
	require.NoError(t, err)
	require.NoError(t, addAll(b, []float32{0.5, 0.5}, 1))
	_, err = b.Curve()
	require.Equal(t, ReasonZeroWeight, reasonOf(err))
}

// scikit-survival weights by G(T) where riskRegression takes G(T−): with an event and a
// censored row at one time the two differ (scikit-survival issue 428).
func TestBrierLeftLimit(t *testing.T) {
	train := survival.Outcome{Time: []float64{2, 2, 3, 4}, Event: []bool{true, false, true, false}}
	test := survival.Outcome{Time: []float64{2, 5}, Event: []bool{true, false}}
	for c, want := range map[Convention]float64{
		RiskRegression: (0.25/1 + 0.25/(2.0/3)) / 2,
		ScikitSurvival: (0.25/(2.0/3) + 0.25/(2.0/3)) / 2,
		Mlr3proba:      (0.25/0.75 + 0.25/0.75) / 2,
	} {
		b, err := NewBrier(train, test, []float64{2}, c)
		require.NoError(t, err)
		require.NoError(t, addAll(b, []float32{0.5, 0.5}, 1))
		curve, err := b.Curve()
		require.NoError(t, err)
		require.InDelta(t, want, curve[0], 1e-15, c)
	}
}

// Values that are no probabilities are refused by row, before and after the row's time.
func TestBrierRefusesBadCurves(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 3}, Event: []bool{true, true}}
	for _, bad := range [][]float64{{-0.1, 0}, {1.5, 0}, {math.NaN(), 0}, {1, math.NaN()}} {
		b, err := NewBrier(y, y, []float64{1, 2.5}, RiskRegression)
		require.NoError(t, err)
		require.ErrorContains(t, b.Add(0, bad), "test row 0: survival at grid time")
	}
}

// The IBS is the trapezoid over the grid, from its first time; one time is its own score.
func TestIntegrate(t *testing.T) {
	require.InDelta(t, (1*(0.1+0.3)/2+2*(0.3+0.2)/2)/3, Integrate([]float64{1, 2, 4}, []float64{0.1, 0.3, 0.2}), 1e-15)
	require.Equal(t, 0.25, Integrate([]float64{7}, []float64{0.25}))
	require.Panics(t, func() { Integrate([]float64{1, 2}, []float64{0}) })
	require.Panics(t, func() { Integrate(nil, nil) })
	require.Panics(t, func() { Integrate([]float64{1, 1}, []float64{0, 0}) })
}

// IPA is relative to the reference and undefined against a perfect one.
func TestIPA(t *testing.T) {
	got, err := IPA(0.15, 0.2)
	require.NoError(t, err)
	require.InDelta(t, 0.25, got, 1e-15)
	_, err = IPA(0.1, 0)
	require.Equal(t, ReasonZeroNull, reasonOf(err))
}

// Grids that are empty or do not ascend and curves of the wrong length panic; left
// truncation is a reason.
func TestBrierPanics(t *testing.T) {
	y := survival.Outcome{Time: []float64{2}, Event: []bool{true}}
	require.Panics(t, func() { _, _ = NewBrier(y, y, nil, RiskRegression) })
	require.Panics(t, func() { _, _ = NewBrier(y, y, []float64{2, 1}, RiskRegression) })
	b, err := NewBrier(y, y, []float64{1}, RiskRegression)
	require.NoError(t, err)
	require.Panics(t, func() { _ = b.Add(0, []float64{1, 1}) })
	y.Entry = []float64{1}
	_, err = NewBrier(y, y, []float64{1}, RiskRegression)
	require.Equal(t, ReasonTruncated, reasonOf(err))
}

func ExampleBrier() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	times := []float64{1.5, 2.5}
	b, err := NewBrier(y, y, times, RiskRegression)
	if err != nil {
		panic(err)
	}
	for row := range y.Time {
		if err := b.Add(row, []float64{0.75, 0.5}); err != nil {
			panic(err)
		}
	}
	curve, err := b.Curve()
	fmt.Println(curve, Integrate(times, curve), err)
	// Output: [0.1875 0.25] 0.21875 <nil>
}

// Ĝ is estimated from the training rows alone; training and test rows together (as in a
// scikit-survival user guide) give another score.
func TestBrierTrainsOnTrainOnly(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, false, false}}
	test := survival.Outcome{Time: []float64{1, 1, 2, 5}, Event: []bool{false, false, true, true}}
	both := survival.Outcome{Time: append(slices.Clone(train.Time), test.Time...), Event: append(slices.Clone(train.Event), test.Event...)}
	score := func(train survival.Outcome) float64 {
		b, err := NewBrier(train, test, []float64{3}, RiskRegression)
		require.NoError(t, err)
		require.NoError(t, addAll(b, []float32{0.5, 0.5, 0.5, 0.5}, 1))
		curve, err := b.Curve()
		require.NoError(t, err)
		return curve[0]
	}
	require.InDelta(t, (0.25/1+0.25/0.5)/4, score(train), 1e-15)
	require.InDelta(t, (0.35+0.525)/4, score(both), 1e-15)
}

// Under mlr3proba, training times 1e-9 apart are one time: both censored rows have left at
// the earlier of them. The other conventions keep them apart.
func TestNearEqualTrainingTimes(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2, 2 + 1e-9, 3}, Event: []bool{true, false, false, true}}
	test := survival.Outcome{Time: []float64{5}, Event: []bool{false}}
	for c, g := range map[Convention]float64{RiskRegression: 2.0 / 3, ScikitSurvival: 2.0 / 3, Mlr3proba: 1.0 / 3} {
		b, err := NewBrier(train, test, []float64{2}, c)
		require.NoError(t, err)
		require.NoError(t, addAll(b, []float32{0.5}, 1))
		curve, err := b.Curve()
		require.NoError(t, err)
		require.InDelta(t, 0.25/g, curve[0], 1e-15, c)
	}
}
