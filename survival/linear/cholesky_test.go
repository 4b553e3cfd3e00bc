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
