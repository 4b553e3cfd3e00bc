package forecast

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mathext"
)

// The mean of a Weibull curve is λ/k·γ(1/k, (τ/λ)^k), to 1e-5·τ.
func TestWeibullMean(t *testing.T) {
	for _, k := range []float64{0.5, 1, 1.7, 6} {
		weibull := law{s: func(t, scale float64) float64 { return math.Exp(-math.Pow(t/scale, k)) }}
		const tau, scale = 5.0, 3.0
		want := scale / k * math.Gamma(1/k) * mathext.GammaIncReg(1/k, math.Pow(tau/scale, k))
		got := rows(t, Options{Restriction: tau, Extrapolate: true}, weibull, design(scale))
		require.InDelta(t, want, got[0].RMST, 1e-5*tau, "shape %g", k)
	}
}

// A curve of 20,000 steps, of which MostSteps are known, is integrated to 1e-4·τ.
func TestThinnedSteps(t *testing.T) {
	const n = 20_000
	var steps []float64
	exact := 1.0
	for k := range n {
		step := math.Pow(float64(k+1)/n, 1.5)
		steps = append(steps, step)
		exact -= (1 - step) / n
	}
	curve := law{s: func(t, _ float64) float64 {
		k, found := slices.BinarySearch(steps, t)
		if found {
			k++
		}
		return 1 - float64(k)/n
	}}
	got := rows(t, Options{Restriction: 1, Steps: Thin(steps), Last: 1}, curve, design(0))
	require.InDelta(t, exact, got[0].RMST, 1e-4)
}
