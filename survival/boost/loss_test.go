package boost

import (
	"math"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
)

// exampleLoss has ties of events, of censored rows and of both, and F away from zero.
func exampleLoss(weight []float64) (*loss, survival.Outcome) {
	y := survival.Outcome{
		Time:   []float64{4, 2, 2, 5, 1, 2, 4, 7, 7, 3},
		Event:  []bool{true, true, true, false, false, false, true, true, false, true},
		Weight: weight,
	}
	l := newLoss(riskset.New(y, nil), y)
	for i := range l.f {
		l.f[i] = math.Sin(float64(3 * i))
	}
	l.exponentiate()
	return l, y
}

// The gradient is the derivative of the log partial likelihood, with weights and ties; the
// curvature its second derivative (with weights: that of each copy of a row).
func TestGradientIsDerivative(t *testing.T) {
	for _, weight := range [][]float64{nil, {1, 2, 0.5, 1, 3, 1, 1, 2, 0.25, 1}} {
		l, _ := exampleLoss(weight)
		const step = 1e-4
		base := l.gradient()
		g, h := slices.Clone(l.g), slices.Clone(l.h)
		at := func(i int, d float64) float64 {
			l.f[i] += d
			l.exponentiate()
			v := l.gradient()
			l.f[i] -= d
			return v
		}
		for i := range g {
			up, down := at(i, step), at(i, -step)
			if diff := (up - down) / (2 * step); math.Abs(diff-g[i]) > 1e-6*max(1, math.Abs(g[i])) {
				t.Errorf("row %d: gradient %g, by difference %g", i, g[i], diff)
			}
			if diff := -(up - 2*base + down) / (step * step); weight == nil && math.Abs(diff-h[i]) > 1e-6 {
				t.Errorf("row %d: curvature %g, by difference %g", i, h[i], diff)
			}
		}
	}
}

// Two events tied at the same time with equal F have equal gradients: Breslow's risk set is
// that of the tie. (XGBoost 1.7.4 lets the risk set grow event by event: its first Newton
// leaves of the two rows below are 2.642 and 1.309 times a common value, true ones equal.)
func TestTiedEventsAlike(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 2, 1, 3}, Event: []bool{true, true, true, false}}
	l := newLoss(riskset.New(y, nil), y)
	l.gradient()
	// Sorted: time 1, then the tied pair at positions 1 and 2.
	if l.g[1] != l.g[2] || l.h[1] != l.h[2] {
		t.Errorf("gradients %v, curvatures %v", l.g, l.h)
	}
	if want := 1 - 1./4 - 2./3; math.Abs(l.g[1]-want) > 1e-15 {
		t.Errorf("gradient %g, want %g", l.g[1], want)
	}
}

// Moving F in many small steps, in one, or far beyond the range of exp gives the same
// gradients: the exponentials are renewed in time.
func TestExponentialsAreRenewed(t *testing.T) {
	l, _ := exampleLoss(nil)
	leaf := make([]int32, len(l.f))
	for i := range leaf {
		leaf[i] = int32(i % 2)
	}
	for range 100 {
		l.add(leaf, []float64{30, 30.01})
	}
	l.gradient()
	got := slices.Clone(l.g)
	fresh, _ := exampleLoss(nil)
	for i := range fresh.f {
		fresh.f[i] += float64(i % 2) // 100 steps of 0.01
	}
	fresh.exponentiate()
	fresh.gradient()
	for i, g := range fresh.g {
		if math.Abs(g-got[i]) > 1e-9 {
			t.Errorf("row %d: gradient %g, want %g", i, got[i], g)
		}
	}
}
