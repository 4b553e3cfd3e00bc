package metric

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
)

// R's concordance() has the same standard errors, with case weights and left truncation;
// with timewt n/G2, which takes Ĝ(T−) from the scored rows, the same Uno C and standard error.
func TestStandardErrorEqualsR(t *testing.T) {
	var file struct {
		Cases []struct {
			Set             string
			Weighted, Entry bool
			CIndex, SE, Uno float64
			UnoSE           float64 `json:"uno_se"`
		}
	}
	readOracle(t, "concordance.json", &file)
	a := agree(t, "standard error of C, Harrell's and Uno's", "R `concordance`", "infinitesimal jackknife")
	for _, c := range file.Cases {
		f := loadFold(t, c.Set, false)
		if !c.Weighted {
			f.test.Weight = nil
		}
		if !c.Entry {
			f.test.Entry = nil
		}
		got, err := HarrellEstimate(f.test, f.risk, RiskRegression)
		require.NoError(t, err)
		a.NearAll(c.Set, []float64{got.Index, got.SE}, []float64{c.CIndex, c.SE})
		if c.Entry {
			continue
		}
		got, err = UnoEstimate(f.test, f.test, f.risk, math.Inf(1), RiskRegression)
		require.NoError(t, err)
		a.NearAll(c.Set, []float64{got.Index, got.SE}, []float64{c.Uno, c.UnoSE})
	}
}

// The standard error is that of numerical derivatives of C by each case weight.
func TestStandardErrorEqualsDerivatives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "n")
		truncated := rapid.Bool().Draw(t, "truncated")
		train, test := drawOutcome(t, "train", n, true, false), drawOutcome(t, "test", n, true, truncated)
		risk := drawRisk(t, n)
		for _, c := range conventions {
			checkDerivatives(t, test, func(y survival.Outcome) (Estimate, error) { return HarrellEstimate(y, risk, c) })
			if !truncated {
				checkDerivatives(t, test, func(y survival.Outcome) (Estimate, error) { return UnoEstimate(train, y, risk, 8, c) })
			}
		}
	})
}

func checkDerivatives(t *rapid.T, y survival.Outcome, estimate func(survival.Outcome) (Estimate, error)) {
	at, err := estimate(y)
	if err != nil || math.Abs(at.Index) > 10 { // mlr3proba's weight of −1 can leave next to no pairs
		return
	}
	sum := 0.0
	const h = 1e-5
	for i, w := range y.Weight {
		shifted := func(by float64) float64 {
			moved := y.Take(allRows(y.Len()))
			moved.Weight[i] = w * (1 + by)
			e, err := estimate(moved)
			require.NoError(t, err)
			return e.Index
		}
		d := (shifted(h) - shifted(-h)) / (2 * h)
		sum += d * d
	}
	require.InDelta(t, math.Sqrt(sum), at.SE, 1e-5*(1+at.SE*at.SE))
}

func allRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// What leaves C undefined leaves its standard error undefined.
func TestStandardErrorUndefined(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{false, false}}
	_, err := HarrellEstimate(y, []float64{1, 2}, RiskRegression)
	require.Equal(t, ReasonNoPair, reasonOf(err))
	train := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, false}}
	late := survival.Outcome{Time: []float64{3, 4}, Event: []bool{true, true}}
	_, err = UnoEstimate(train, late, []float64{1, 2}, math.Inf(1), RiskRegression)
	require.Equal(t, ReasonZeroWeight, reasonOf(err))
	late.Entry = []float64{0, 0}
	_, err = UnoEstimate(train, late, []float64{1, 2}, math.Inf(1), RiskRegression)
	require.Equal(t, ReasonTruncated, reasonOf(err))
}

func ExampleHarrellEstimate() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, false, true}}
	c, err := HarrellEstimate(y, []float64{0.9, 0.3, 0.5, 0.1}, RiskRegression)
	fmt.Printf("%.3f ± %.3f %v\n", c.Index, c.SE, err)
	// Output: 0.800 ± 0.204 <nil>
}

func BenchmarkHarrellEstimate(b *testing.B) {
	y, risk := largeFold(57_402)
	for b.Loop() {
		if _, err := HarrellEstimate(y, risk, RiskRegression); err != nil {
			b.Fatal(err)
		}
	}
}
