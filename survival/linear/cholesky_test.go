package linear

import (
	"math"
	"testing"
)

// Inverse and quadratic form are those of the active part; without positive definiteness
// there is neither.
func TestInverse(t *testing.T) {
	a := []float64{4, 7, 1, 0, 1, 0, 0, 0, 2} // row and column 1 are not active
	inverse, ok := Inverse(a, 3, []int{0, 2})
	if !ok || !math.IsNaN(inverse[4]) || !math.IsNaN(inverse[1]) {
		t.Fatalf("%v, %v", inverse, ok)
	}
	for i, want := range map[int]float64{0: 2.0 / 7, 2: -1.0 / 7, 6: -1.0 / 7, 8: 4.0 / 7} {
		near(t, "inverse", inverse[i], want, 1e-15)
	}
	value, ok := Quadratic(a, 3, []int{0, 2}, []float64{1, 99, 2})
	if near(t, "quadratic form", value, 2.0/7-4.0/7+16.0/7, 1e-15); !ok {
		t.Error("no quadratic form")
	}
	if value, ok = Quadratic(a, 3, nil, []float64{1, 1, 1}); value != 0 || !ok {
		t.Errorf("over nothing %g, %v", value, ok)
	}
	if _, ok = Inverse(a, 3, []int{0, 1}); ok {
		t.Error("an indefinite matrix has an inverse")
	}
	if _, ok = Quadratic(a, 3, []int{0, 1}, make([]float64, 3)); ok {
		t.Error("an indefinite matrix has a quadratic form")
	}
}

// The factor of more pivots than a panel has solves its equations, inactive ones left out.
func TestSolveByPanels(t *testing.T) {
	const n = 3*panelPivots + 5
	a, b, got := make([]float64, n*n), make([]float64, n), make([]float64, n)
	var active []int
	for i := range n {
		for j := i; j < n; j++ {
			a[i*n+j] = 1 / float64(1+j-i)
		}
		a[i*n+i] = 5
		if i != 7 {
			active = append(active, i)
		}
	}
	for _, i := range active { // the solution is i
		for _, j := range active {
			b[i] += a[min(i, j)*n+max(i, j)] * float64(j)
		}
	}
	if !Solve(got, a, n, active, b) {
		t.Fatal("not solved")
	}
	for i, v := range got {
		if want := float64(i); i != 7 && math.Abs(v-want) > 1e-11*n || i == 7 && v != 0 {
			t.Errorf("element %d is %g", i, v)
		}
	}
}
