package synthetic

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: exp, log and sin agree with package math to 1e-14, over the ranges that they promise.
func TestAgreesWithMath(t *testing.T) {
	for i := -2000; i <= 2000; i++ {
		x := float64(i) * 0.34
		require.InEpsilon(t, math.Exp(x), exp(x), 1e-14, "exp(%g)", x)
		require.InDelta(t, math.Sin(x), sin(x), 2e-13, "sin(%g)", x) // π itself is rounded
	}
	for i := 1; i <= 2000; i++ {
		for _, x := range []float64{float64(i) / 2000, float64(i) / 7, math.Ldexp(float64(i), -60), 1 + float64(i)*1e-12} {
			require.InDelta(t, math.Log(x), log(x), 1e-15+4e-16*math.Abs(math.Log(x)), "log(%g)", x)
		}
	}
}

// Claim: Φ of the quantile is p again, in the middle, at the seams and in both tails.
func TestNormalQuantile(t *testing.T) {
	normal := func(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
	for _, p := range []float64{1e-300, 1e-20, 1e-12, 1e-11, 1e-6, 0.01, 0.074, 0.075, 0.076, 0.3, 0.5, 0.7, 0.924, 0.926, 0.99} {
		require.InEpsilon(t, p, normal(normalQuantile(p)), 2e-12, "p = %g", p)
	}
	require.Equal(t, -normalQuantile(0.25), normalQuantile(0.75))
}

// Claim: the bits are these on every machine: of single functions here, of the table in
// TestBytes. A sum of results is recorded, which any changed rounding changes.
func TestBits(t *testing.T) {
	var all uint64
	for i := 1; i < 4000; i++ {
		u := float64(i) / 4000
		for _, v := range []float64{exp(8 * (u - 0.5)), log(u), sin(20 * (u - 0.5)), normalQuantile(u)} {
			all = all*0x9E3779B97F4A7C15 + math.Float64bits(v)
		}
	}
	require.Equal(t, uint64(0x7251a8b3fb235eaa), all)
}
