package aft

import (
	"math"
	"path/filepath"
	"testing"

	"everfold/survival/oracle"
)

// The unit of the case weights decides nothing but the standard errors, which go with its
// inverse root: weights that sum to one converge as weights about one do.
func TestUnitOfWeights(t *testing.T) {
	x, y, err := oracle.Load(filepath.Join("..", ".."), "veteran")
	if err != nil {
		t.Fatal(err)
	}
	y.Entry = nil
	want := mustFit(t, x, y).Report()
	for _, unit := range []float64{0x1p-40, 0x1p40, 1e-100, 1e200} {
		z := y
		z.Weight = make([]float64, len(y.Weight))
		for i, w := range y.Weight {
			z.Weight[i] = unit * w
		}
		got := mustFit(t, x, z).Report()
		if !got.Converged {
			t.Errorf("unit %g: not converged: %v", unit, got.Warnings)
		}
		for j, b := range want.Coefficients {
			g := got.Coefficients[j]
			if !(math.Abs(g.Value-b.Value) <= 1e-12*math.Max(math.Abs(b.Value), b.SE)) {
				t.Errorf("unit %g: %s is %.15g, want %.15g", unit, b.Column, g.Value, b.Value)
			}
			if !(math.Abs(g.SE*math.Sqrt(unit)-b.SE) <= 1e-12*b.SE) {
				t.Errorf("unit %g: SE of %s is %.15g, want %.15g", unit, b.Column, g.SE*math.Sqrt(unit), b.SE)
			}
		}
	}
}
