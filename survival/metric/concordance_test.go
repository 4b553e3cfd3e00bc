package metric

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
)

var conventions = []Convention{RiskRegression, ScikitSurvival, Mlr3proba}

// drawOutcome draws heavily tied data.
func drawOutcome(t *rapid.T, label string, n int, weighted, entry bool) survival.Outcome {
	y := survival.Outcome{Time: make([]float64, n), Event: rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, label+" event")}
	for i := range n {
		y.Time[i] = float64(rapid.IntRange(2, 9).Draw(t, label+" time"))
	}
	if weighted {
		y.Weight = rapid.SliceOfN(rapid.Float64Range(0.25, 3), n, n).Draw(t, label+" weight")
	}
	if entry {
		y.Entry = make([]float64, n)
		for i := range n {
			y.Entry[i] = float64(rapid.IntRange(0, int(y.Time[i])-1).Draw(t, label+" entry"))
		}
	}
	return y
}

// drawRisk draws risks with exact ties and differences around the 1e-8 tolerance.
func drawRisk(t *rapid.T, n int) []float64 {
	risk := make([]float64, n)
	for i := range risk {
		risk[i] = float64(rapid.IntRange(-1, 2).Draw(t, "level")) + 0.6e-8*float64(rapid.IntRange(0, 4).Draw(t, "shift"))
	}
	return risk
}

func requirePairs(t require.TestingT, want, got Pairs) {
	tolerance := 1e-10 * (1 + math.Abs(want.Concordant) + math.Abs(want.Discordant) + math.Abs(want.TiedRisk))
	require.InDelta(t, want.Concordant, got.Concordant, tolerance)
	require.InDelta(t, want.Discordant, got.Discordant, tolerance)
	require.InDelta(t, want.TiedRisk, got.TiedRisk, tolerance)
	require.InDelta(t, want.TiedTime, got.TiedTime, tolerance)
}

// The Fenwick sweep equals the double loop: ties in time and risk, weights, entry times,
// the non-transitive tolerance of scikit-survival.
func TestHarrellEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 25).Draw(t, "n")
		y := drawOutcome(t, "y", n, rapid.Bool().Draw(t, "weighted"), rapid.Bool().Draw(t, "truncated"))
		risk := drawRisk(t, n)
		for _, c := range conventions {
			requirePairs(t, naivePairs(y, risk, c, func(int) float64 { return 1 }), Harrell(y, risk, c))
		}
	})
}

// Uno's sums equal the double loop over Ĝ⁻², truncated at tau, and are undefined exactly
// where an event with a later row has Ĝ = 0.
func TestUnoEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		weighted := rapid.Bool().Draw(t, "weighted")
		train, test := drawOutcome(t, "train", n, weighted, false), drawOutcome(t, "test", n, weighted, false)
		risk := drawRisk(t, n)
		tau := rapid.SampledFrom([]float64{4, 7.5, math.Inf(1)}).Draw(t, "tau")
		for _, c := range conventions {
			zero := false
			want := naivePairs(test, risk, c, func(i int) float64 { return naiveOmega(train, test.Time[i], tau, c, &zero) })
			got, err := Uno(train, test, risk, tau, c)
			if zero {
				require.Equal(t, ReasonZeroWeight, reasonOf(err))
				continue
			}
			require.NoError(t, err)
			requirePairs(t, want, got)
		}
	})
}

func naiveOmega(train survival.Outcome, time, tau float64, c Convention, zero *bool) float64 {
	if time >= tau {
		return 0
	}
	first := math.Inf(1)
	for _, u := range train.Time {
		first = min(first, u)
	}
	if c == Mlr3proba && time < first {
		return -1
	}
	g := naiveEventG(train, time, c)
	if g == 0 {
		*zero = true
		return 0
	}
	return 1 / (g * g)
}

// With a tolerance, ties are not transitive: 0 and 1e-8 tie, 1e-8 and 2e-8 tie, 0 and
// 2e-8 do not. Joining neighbours into groups would tie all three.
func TestToleranceIsNotTransitive(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, true}}
	risk := []float64{2e-8, 1e-8, 0}
	require.Equal(t, Pairs{Concordant: 1, TiedRisk: 2}, Harrell(y, risk, ScikitSurvival))
	require.Equal(t, Pairs{Concordant: 3}, Harrell(y, risk, RiskRegression))
}

// A case weight of 2 is a duplicated row, but for the pair of the copies themselves.
func TestWeightsAreDuplicates(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, false}, Weight: []float64{1, 1, 2}}
	copied := survival.Outcome{Time: []float64{1, 2, 3, 3}, Event: []bool{true, true, false, false}}
	require.Equal(t, Harrell(copied, []float64{3, 1, 2, 2}, RiskRegression), Harrell(y, []float64{3, 1, 2}, RiskRegression))
}

// Data without a comparable pair have no C, in any convention.
func TestNoComparablePair(t *testing.T) {
	for _, y := range []survival.Outcome{
		{}, {Time: []float64{1}, Event: []bool{true}},
		{Time: []float64{1, 2}, Event: []bool{false, false}}, {Time: []float64{1, 1}, Event: []bool{true, true}},
	} {
		for _, c := range conventions {
			_, err := Harrell(y, make([]float64, y.Len()), c).Index()
			var u *Undefined
			require.True(t, errors.As(err, &u))
			require.Equal(t, "undefined: no comparable pair", err.Error())
		}
	}
}

// Uno's weights need Ĝ, which left truncation denies.
func TestUnoTruncated(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	late := y
	late.Entry = []float64{0, 1}
	for _, pair := range [][2]survival.Outcome{{y, late}, {late, y}} {
		_, err := Uno(pair[0], pair[1], []float64{1, 0}, math.Inf(1), RiskRegression)
		require.Equal(t, ReasonTruncated, reasonOf(err))
	}
}

// Wrong lengths and unknown conventions panic; a name from outside is an error that lists
// those allowed.
func TestConcordancePanics(t *testing.T) {
	y := survival.Outcome{Time: []float64{1}, Event: []bool{true}}
	require.PanicsWithValue(t, "metric: risk and outcome differ in length", func() { Harrell(y, nil, RiskRegression) })
	require.Panics(t, func() { Harrell(y, []float64{1}, "other") })
	_, err := ParseConvention("other")
	require.ErrorContains(t, err, "allowed are riskregression, scikit-survival and mlr3proba")
	c, err := ParseConvention("mlr3proba")
	require.NoError(t, err)
	require.Equal(t, Mlr3proba, c)
}

func ExampleHarrell() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, false, true}}
	c, err := Harrell(y, []float64{0.9, 0.3, 0.5, 0.1}, RiskRegression).Index()
	fmt.Println(c, err) // of 5 pairs only (2, 3) is in the wrong order
	// Output: 0.8 <nil>
}

func ExampleUno() {
	train := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, false, true, true}}
	test := survival.Outcome{Time: []float64{1, 3, 4}, Event: []bool{true, true, true}}
	pairs, err := Uno(train, test, []float64{2, 0, 1}, 4, RiskRegression)
	fmt.Printf("%.2f %.2f %v\n", pairs.Concordant, pairs.Discordant, err) // Ĝ(3−) = 2/3
	// Output: 2.00 2.25 <nil>
}

func BenchmarkHarrell(b *testing.B) {
	y, risk := largeFold(57_402)
	for b.Loop() {
		Harrell(y, risk, RiskRegression)
	}
}
