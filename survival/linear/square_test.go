package linear

import (
	"math"
	"testing"
)

// The solution of a square system gives its right side back, with rows that must be exchanged and
// for every remainder of the panel; a singular one is refused.
func TestSolveSquare(t *testing.T) {
	for n := 1; n <= 23; n++ {
		a, x, b := make([]float64, n*n), make([]float64, n), make([]float64, n)
		for i := range a {
			a[i] = math.Sin(float64(i*i%101) + 1)
			if i%(n+1) == 0 {
				a[i] = 0 // the diagonal
			}
		}
		if n == 1 {
			a[0] = -2
		}
		for i := range x {
			x[i] = float64(i%5) - 1.5
			for j := range n {
				b[i] += a[i*n+j] * (float64(j%5) - 1.5)
			}
		}
		if !SolveSquare(append([]float64(nil), a...), b) {
			t.Fatalf("n = %d: refused", n)
		}
		for i := range x {
			if !(math.Abs(b[i]-x[i]) < 1e-9) {
				t.Errorf("n = %d: x[%d] = %g, want %g", n, i, b[i], x[i])
			}
		}
	}
	for _, a := range [][]float64{{1, 2, 2, 4}, {0, 0, 0, 0}, {math.Inf(1), 0, 0, 1}} {
		if SolveSquare(a, []float64{1, 1}) {
			t.Error("a matrix without inverse is accepted")
		}
	}
}
