package stack

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/nonparam"
)

// curvesOf are made-up curves of n rows on the times.
func curvesOf(n int, times []float64, rate float64) []float64 {
	var out []float64
	for i := range n {
		for _, t := range times {
			out = append(out, 1/(1+rate*t*(1+float64(i%5))))
		}
	}
	return out
}

func sample() (train, test survival.Outcome) {
	y := survival.Outcome{}
	for i := range 80 {
		y.Time = append(y.Time, float64(1+i*37%41))
		y.Event = append(y.Event, i%3 > 0)
		y.Weight = append(y.Weight, 1+float64(i%2))
	}
	var rows [2][]int
	for i := range 80 {
		rows[i%2] = append(rows[i%2], i)
	}
	return y.Take(rows[0]), y.Take(rows[1])
}

// The form at weights w is the integrated Brier score of the weighted curve, as package
// metric has it, times the sum of case weights; for both conventions and for one time.
func TestLossesAreTheBrierScore(t *testing.T) {
	train, test := sample()
	for convention, name := range map[nonparam.Convention]metric.Convention{
		nonparam.RiskRegression: metric.RiskRegression, nonparam.Mlr3proba: metric.Mlr3proba,
	} {
		g, err := nonparam.CensoringDistribution(train, convention)
		require.NoError(t, err)
		for _, times := range [][]float64{{2, 3, 7, 11, 20, 30}, {9}} {
			curves := [][]float64{curvesOf(test.Len(), times, 0.01), curvesOf(test.Len(), times, 0.2)}
			l := newLosses(test, times, 2)
			brier, err := metric.NewBrier(train, test, times, name)
			require.NoError(t, err)
			total, w := 0.0, []float64{0.3, 0.7}
			for i := range test.Len() {
				l.add(i, i, curves, g)
				total += test.W(i)
				row := make([]float64, len(times))
				for j := range row {
					row[j] = w[0]*curves[0][i*len(times)+j] + w[1]*curves[1][i*len(times)+j]
				}
				require.NoError(t, brier.Add(i, row))
			}
			scores, err := brier.Curve()
			require.NoError(t, err)
			got := w[0]*w[0]*l.cross[0] + 2*w[0]*w[1]*l.cross[1] + w[1]*w[1]*l.cross[3]
			require.InEpsilon(t, metric.Integrate(times, scores)*total, got, 1e-12, "%s", name)
		}
	}
}

// Bases without curves are left out of the form, and of the weights.
func TestLossesOfSomeBases(t *testing.T) {
	train, test := sample()
	g, err := nonparam.CensoringDistribution(train, nonparam.RiskRegression)
	require.NoError(t, err)
	times := []float64{2, 3, 7}
	l := newLosses(test, times, 3)
	l.add(0, 0, [][]float64{curvesOf(1, times, 0.01), nil, curvesOf(1, times, 0.2)}, g)
	require.Equal(t, []float64{0, 0, 0}, slices.Concat(l.cross[1:2], l.cross[4:6]))
	require.NotZero(t, l.cross[2])
	require.Len(t, l.weights([]int{0, 2}, 0), 2)
	var none *losses
	require.Equal(t, []float64{0.5, 0.5}, none.weights([]int{0, 2}, 0))
}

// The trapezoid rule's weights are shares of the range.
func TestTrapezoid(t *testing.T) {
	require.Equal(t, []float64{0.125, 0.5, 0.375}, trapezoid([]float64{1, 2, 5}))
	require.Equal(t, []float64{1}, trapezoid([]float64{4}))
}
