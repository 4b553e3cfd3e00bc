package activities

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/survival/metric"
)

// The curves of a manifest are those of the scores, thinned to artifact.MaxCurve times with the
// last among them; an undefined AUC is absent, and so is a curve where there is none.
func TestCurvesOf(t *testing.T) {
	require.Nil(t, curvesOf([]float64{1}, metric.Scores{}))
	c := curvesOf([]float64{1, 2}, metric.Scores{Brier: []float64{0.25, 0.5}, AUC: []float64{math.NaN(), 0.75}})
	require.Equal(t, []float64{1, 2}, c.Times)
	require.Equal(t, []float32{0.25, 0.5}, c.Brier)
	require.Nil(t, c.AUC[0])
	require.Equal(t, float32(0.75), *c.AUC[1])
	require.Nil(t, curvesOf([]float64{1}, metric.Scores{AUC: []float64{0.5}}).Brier)

	times, brier := make([]float64, 1234), make([]float64, 1234)
	for i := range times {
		times[i], brier[i] = float64(i+1), float64(i)
	}
	c = curvesOf(times, metric.Scores{Brier: brier})
	require.Len(t, c.Times, artifact.MaxCurve)
	require.Equal(t, times[1233], c.Times[artifact.MaxCurve-1])
	for k, at := range c.Times {
		require.Equal(t, float32(at-1), c.Brier[k])
		require.True(t, k == 0 || at > c.Times[k-1])
	}
}
