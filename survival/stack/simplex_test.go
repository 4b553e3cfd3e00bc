package stack

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// gram is the form of n random points in m dimensions; small m makes it singular.
func gram(t *rapid.T) (a []float64, n int) {
	n = rapid.IntRange(1, 7).Draw(t, "n")
	m := rapid.IntRange(1, 9).Draw(t, "m")
	points := make([][]float64, n)
	for b := range points {
		points[b] = rapid.SliceOfN(rapid.Float64Range(-1, 1), m, m).Draw(t, "point")
		points[b][0] += 0.5
	}
	a = make([]float64, n*n)
	for b := range n {
		for c := range n {
			for k := range m {
				a[b*n+c] += points[b][k] * points[c][k]
			}
		}
	}
	return a, n
}

func value(f *form, w []float64) float64 {
	v := 0.0
	for b := range f.n {
		for c := range f.n {
			v += w[b] * f.at(b, c) * w[c]
		}
	}
	return v
}

// The weights are on the simplex and satisfy the conditions of optimality (Karush, Kuhn,
// Tucker): (Aw)_b is least, and equal, where w_b > 0.
func TestSimplexIsOptimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n := gram(t)
		w := simplex(a, n, 0)
		f := regular(a, n, leastRidge)
		if f == nil {
			return
		}
		sum, least := 0.0, math.Inf(1)
		slope := make([]float64, n)
		for b := range n {
			if w[b] < 0 {
				t.Fatalf("weight %g", w[b])
			}
			sum += w[b]
			for c := range n {
				slope[b] += f.at(b, c) * w[c]
			}
			least = min(least, slope[b])
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("the weights sum to %g", sum)
		}
		for b := range n {
			if w[b] > 0 && slope[b]-least > 1e-9 {
				t.Fatalf("base %d has weight %g at slope %g above the least", b, w[b], slope[b]-least)
			}
		}
	})
}

// No subset of bases has an affine minimum inside of the simplex that is lower: all 2ⁿ − 1
// are tried.
func TestSimplexAgainstAllSubsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n := gram(t)
		f := regular(a, n, leastRidge)
		if f == nil {
			return
		}
		best := math.Inf(1)
		for bits := 1; bits < 1<<n; bits++ {
			var set []int
			for b := range n {
				if bits>>b&1 == 1 {
					set = append(set, b)
				}
			}
			w, inside := make([]float64, n), true
			for k, v := range f.affine(set) {
				w[set[k]] = v
				inside = inside && v >= 0
			}
			if inside {
				best = min(best, value(f, w))
			}
		}
		if got := value(f, simplex(a, n, 0)); got > best+1e-9 {
			t.Fatalf("value %g, and %g is possible", got, best)
		}
	})
}

// Copies share a weight equally; a base that is worse everywhere gets none; without
// information weights are equal.
func TestSimplexInSpecialCases(t *testing.T) {
	for _, c := range []struct {
		name string
		a    []float64
		want []float64
	}{
		{"one base", []float64{4}, []float64{1}},
		{"copies", []float64{1, 1, 1, 1}, []float64{0.5, 0.5}},
		{"a copy of the better", []float64{1, 1, 2, 1, 1, 2, 2, 2, 9}, []float64{0.5, 0.5, 0}},
		{"independent errors", []float64{1, 0, 0, 3}, []float64{0.75, 0.25}},
		{"worse", []float64{1, 1.5, 1.5, 4}, []float64{1, 0}},
		{"no loss at all", []float64{0, 0, 0, 0}, []float64{0.5, 0.5}},
		{"not finite", []float64{math.Inf(1), 0, 0, 1}, []float64{0.5, 0.5}},
		{"not a number", []float64{math.NaN(), 0, 0, 1}, []float64{0.5, 0.5}},
		{"tiny", []float64{1e-300, 0, 0, 3e-300}, []float64{0.75, 0.25}},
	} {
		got := simplex(c.a, int(math.Sqrt(float64(len(c.a)))), 0)
		require.InDeltaSlice(t, c.want, got, 1e-7, c.name)
	}
}

// A ridge draws weights towards equal ones, all the way as it grows.
func TestSimplexRidge(t *testing.T) {
	form := []float64{1, 0, 0, 3}
	last := 0.75
	for _, ridge := range []float64{0.1, 1, 10} {
		w := simplex(form, 2, ridge)
		require.Less(t, w[0], last)
		// (a₂ + λā)/(a₁ + a₂ + 2λā)
		require.InDelta(t, (3+2*ridge)/(4+4*ridge), w[0], 1e-12)
		last = w[0]
	}
	require.InDelta(t, 0.5, simplex(form, 2, 1e9)[0], 1e-8)
}
