package metric

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func pairFolds(a, b []float64, train, test []int) []FoldPair {
	folds := make([]FoldPair, len(a))
	for k := range a {
		folds[k] = FoldPair{A: &a[k], B: &b[k], Train: train[k], Test: test[k]}
	}
	return folds
}

// By hand: differences 0.1 and 0.3 have mean 0.2 and variance 0.02; with ρ = ½ the
// standard error is √0.02, t = √2, and one degree of freedom gives p = 1 − 2·atan(√2)/π. A
// fold that lacks a score does not count.
func TestNadeauBengioByHand(t *testing.T) {
	folds := pairFolds([]float64{0.6, 0.9}, []float64{0.5, 0.6}, []int{100, 100}, []int{50, 50})
	folds = append(folds, FoldPair{A: folds[0].A, Train: 1, Test: 1000})
	got, err := NadeauBengio(folds)
	require.NoError(t, err)
	require.Equal(t, 2, got.Folds)
	require.Equal(t, 1, got.DF)
	require.InDelta(t, 0.2, got.Difference, 1e-15)
	require.InDelta(t, math.Sqrt(0.02), got.SE, 1e-15)
	require.InDelta(t, math.Sqrt2, got.T, 1e-14)
	require.InDelta(t, 1-2*math.Atan(math.Sqrt2)/math.Pi, got.P, 1e-12)
	half := math.Tan(math.Pi*0.475) * math.Sqrt(0.02) // the quantile of one degree of freedom
	require.InDelta(t, 0.2-half, got.Low, 1e-9)
	require.InDelta(t, 0.2+half, got.High, 1e-9)
}

// R's t distribution gives the same test, of one cross-validation and of a repeated one.
func TestEqualsNadeauBengioInR(t *testing.T) {
	var file struct {
		Comparisons []struct {
			A, B        []float64
			Train, Test []int
			Result      Comparison
		}
	}
	readOracle(t, "comparison.json", &file)
	require.Len(t, file.Comparisons, 2)
	a := agree(t, "Nadeau–Bengio test", "formula in R", "difference, SE, t, p, interval")
	for _, c := range file.Comparisons {
		got, err := NadeauBengio(pairFolds(c.A, c.B, c.Train, c.Test))
		require.NoError(t, err)
		require.Equal(t, c.Result.DF, got.DF)
		a.NearAll("comparison", []float64{got.Difference, got.SE, got.T, got.P, got.Low, got.High},
			[]float64{c.Result.Difference, c.Result.SE, c.Result.T, c.Result.P, c.Result.Low, c.Result.High})
	}
}

// Swapping the models turns the sign and nothing else.
func TestNadeauBengioIsAntisymmetric(t *testing.T) {
	a, b, train, test := []float64{0.7, 0.6, 0.8}, []float64{0.65, 0.66, 0.7}, []int{8, 8, 8}, []int{4, 4, 4}
	ab, err := NadeauBengio(pairFolds(a, b, train, test))
	require.NoError(t, err)
	ba, err := NadeauBengio(pairFolds(b, a, train, test))
	require.NoError(t, err)
	require.Equal(t, Comparison{ab.Folds, -ab.Difference, ab.SE, -ab.T, ab.DF, ab.P, -ab.High, -ab.Low}, ba)
}

// Too few folds, and differences that vary by rounding only, leave the test undefined; a
// fold without rows or a score that is not finite is a bug.
func TestNadeauBengioRefuses(t *testing.T) {
	one := pairFolds([]float64{0.6}, []float64{0.5}, []int{2}, []int{1})
	_, err := NadeauBengio(one)
	require.EqualError(t, err, "undefined: fewer than two folds have both scores")
	_, err = NadeauBengio(pairFolds([]float64{0.6, 0.7}, []float64{0.5, 0.6}, []int{2, 2}, []int{1, 1}))
	require.EqualError(t, err, "undefined: the difference is the same in every fold")
	one[0].Test = 0
	require.Panics(t, func() { _, _ = NadeauBengio(one) })
	require.Panics(t, func() {
		_, _ = NadeauBengio(pairFolds([]float64{math.NaN()}, []float64{0.5}, []int{2}, []int{1}))
	})
}

func ExampleNadeauBengio() {
	a, b := []float64{0.71, 0.69, 0.74, 0.70, 0.72}, []float64{0.68, 0.69, 0.70, 0.69, 0.70}
	var folds []FoldPair
	for k := range a {
		folds = append(folds, FoldPair{A: &a[k], B: &b[k], Train: 400, Test: 100})
	}
	c, err := NadeauBengio(folds)
	fmt.Printf("%.3f (%.3f to %.3f), p = %.3f, %v\n", c.Difference, c.Low, c.High, c.P, err)
	// Output: 0.020 (-0.009 to 0.049), p = 0.132, <nil>
}
