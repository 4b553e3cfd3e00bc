package metric

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// The worked example of the Burk recipe (docs/METHODS.md, "Metrics"): six training and six
// test rows, every published number by hand.
var (
	exampleTrain = survival.Outcome{Time: []float64{2, 3, 3, 5, 6, 7}, Event: []bool{true, true, true, false, true, false}}
	exampleTest  = survival.Outcome{Time: []float64{1, 3, 4, 4, 6, 8}, Event: []bool{true, true, false, true, true, false}}
	exampleX     = []int{2, 1, 1, 0, 2, 0}
	exampleGrid  = []float64{1, 3, 4, 6, 8}
	// exampleS[x][j] is the Cox curve of covariate x on the grid.
	exampleS = [][]float64{
		{1, 0.441793327827211, 0.441793327827211, 0.229693963830874, 0.229693963830874},
		{1, 0.552078132357751, 0.552078132357751, 0.343101718811761, 0.343101718811761},
		{1, 0.649203337539240, 0.649203337539240, 0.459362810383439, 0.459362810383439},
	}
	exampleKM = []float64{1, 0.5, 0.5, 0.25, 0.25}
)

func exampleRisk() []float64 {
	risk := make([]float64, len(exampleX))
	for i, x := range exampleX {
		risk[i] = -0.318542795708000 * float64(x)
	}
	return risk
}

func exampleBrier(t *testing.T, test survival.Outcome, curve func(i int) []float64) []float64 {
	t.Helper()
	b, err := NewBrier(exampleTrain, test, Burk80(test), Mlr3proba)
	require.NoError(t, err)
	for i := range exampleX {
		require.NoError(t, b.Add(i, curve(i)))
	}
	out, err := b.Curve()
	require.NoError(t, err)
	return out
}

func requireRelative(t *testing.T, want, got, tolerance float64) {
	t.Helper()
	require.InDelta(t, 1, got/want, tolerance, "want %v, got %v", want, got)
}

// Grid, both C, every Brier score and both IBS are those of the page, to its 15 digits.
func TestBurkExample(t *testing.T) {
	require.Equal(t, exampleGrid, Burk80(exampleTest))
	pairs := Harrell(exampleTest, exampleRisk(), Mlr3proba)
	require.Equal(t, 12.0, pairs.Comparable())
	c, err := pairs.Index()
	require.NoError(t, err)
	requireRelative(t, 3.5/12, c, 1e-15)
	uno, err := Uno(exampleTrain, exampleTest, exampleRisk(), math.Inf(1), Mlr3proba)
	require.NoError(t, err)
	require.InDelta(t, 3.25, uno.Comparable(), 1e-14) // −5 + 4 + 2 + 2.25
	c, err = uno.Index()
	require.NoError(t, err)
	requireRelative(t, 2.5/3.25, c, 1e-14)

	cox := exampleBrier(t, exampleTest, func(i int) []float64 { return exampleS[exampleX[i]] })
	for j, want := range []float64{0.166666666666667, 0.278856152220313, 0.226014928244030, 0.264678444903040, 0.116335597563392} {
		requireRelative(t, want, cox[j], 5e-15)
	}
	requireRelative(t, 0.224237967818950, Integrate(exampleGrid, cox), 5e-15)
	km := exampleBrier(t, exampleTest, func(int) []float64 { return exampleKM })
	for j, want := range []float64{0.166666666666667, 0.25, 0.208333333333333, 0.1875, 0.046875} {
		requireRelative(t, want, km[j], 5e-15)
	}
	requireRelative(t, 0.182291666666667, Integrate(exampleGrid, km), 5e-15)
}

// The variant: an event where Ĝ = 0 is weighted by 1/0.001, not dropped.
func TestBurkExampleZeroWeight(t *testing.T) {
	test := exampleTest.Take([]int{0, 1, 2, 3, 4, 5})
	test.Time[4] = 7
	c, err := Harrell(test, exampleRisk(), Mlr3proba).Index()
	require.NoError(t, err)
	requireRelative(t, 0.291666666666667, c, 5e-15)
	uno, err := Uno(exampleTrain, test, exampleRisk(), math.Inf(1), Mlr3proba)
	require.NoError(t, err)
	c, err = uno.Index()
	require.NoError(t, err)
	requireRelative(t, 2.4999975000025e-06, c, 1e-13)
	cox := exampleBrier(t, test, func(i int) []float64 { return exampleS[exampleX[i]] })
	requireRelative(t, 14.7445087549283, Integrate(Burk80(test), cox), 5e-15)
	km := exampleBrier(t, test, func(int) []float64 { return exampleKM })
	requireRelative(t, 4.46532738095238, Integrate(Burk80(test), km), 5e-15)
}

// Evaluate puts the example together from stored float32 curves; the IPA compares with
// the Kaplan–Meier curve of the training rows.
func TestBurkExampleEvaluate(t *testing.T) {
	var surv, km []float32
	for _, x := range exampleX {
		for j := range exampleGrid {
			surv, km = append(surv, float32(exampleS[x][j])), append(km, float32(exampleKM[j]))
		}
	}
	cfg := Config{Convention: Mlr3proba, CIndex: CIndexHarrell, Tau: math.Inf(1)}
	got, err := Evaluate(context.Background(), Fold{exampleTrain, exampleTest, exampleGrid, exampleRisk(), surv}, cfg)
	require.NoError(t, err)
	require.Empty(t, got.Reasons)
	require.InDelta(t, 3.5/12, *got.CIndex, 1e-15)
	require.InDelta(t, 2.5/3.25, *got.CIPCW, 1e-14)
	require.InDelta(t, 0.224237967818950, *got.IBS, 4e-9)
	require.InDelta(t, 1-0.224237967818950/0.182291666666667, *got.IPA, 1e-7)

	got, err = Evaluate(context.Background(), Fold{exampleTrain, exampleTest, exampleGrid, make([]float64, 6), km}, cfg)
	require.NoError(t, err)
	require.Equal(t, 0.5, *got.CHarrell)
	require.Equal(t, 0.0, *got.IPA)
	require.InDelta(t, 0.182291666666667, *got.IBS, 1e-15)
}
