package boost

import (
	"math"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// exampleLoss has ties of events, of censored rows and of both, and F away from zero.
func exampleLoss(weight []float64) (*loss, survival.Outcome) {
	y := survival.Outcome{
		Time:   []float64{4, 2, 2, 5, 1, 2, 4, 7, 7, 3},
		Event:  []bool{true, true, true, false, false, false, true, true, false, true},
		Weight: weight,
	}
	l := newLoss(riskset.New(y, nil), y, 1)
	for i := range l.f {
		l.f[i] = math.Sin(float64(3 * i))
	}
	l.exponentiate()
	return l, y
}

// gradient computes g and h of all rows.
func gradient(l *loss) (g, h []float64) {
	l.differentiate(true)
	l.prepare()
	l.each(func(b *block) { l.fill(b.from, b.to) })
	return l.g, l.h
}

// The gradient is the derivative of the log partial likelihood, with weights and ties; the
// curvature its second derivative.
func TestGradientIsDerivative(t *testing.T) {
	for _, weight := range [][]float64{nil, {1, 2, 0.5, 1, 3, 1, 1, 2, 0.25, 1}} {
		l, _ := exampleLoss(weight)
		const step = 1e-4
		base := l.value()
		g, h := gradient(l)
		at := func(i int, d float64) float64 {
			l.f[i] += d
			l.exponentiate()
			v := l.value()
			l.f[i] -= d
			return v
		}
		for i := range g {
			up, down := at(i, step), at(i, -step)
			if diff := (up - down) / (2 * step); math.Abs(diff-g[i]) > 1e-6*max(1, math.Abs(g[i])) {
				t.Errorf("row %d: gradient %g, by difference %g", i, g[i], diff)
			}
			if diff := -(up - 2*base + down) / (step * step); math.Abs(diff-h[i]) > 1e-6 {
				t.Errorf("row %d: curvature %g, by difference %g", i, h[i], diff)
			}
		}
	}
}

// Blocks of rows are worked on by any number of threads and give the same bytes; sums over
// blocks are those over all rows, also where a tie is longer than a block.
func TestBlocks(t *testing.T) {
	for _, times := range []int{9973, 7, 1} {
		testBlocks(t, times)
	}
}

func testBlocks(t *testing.T, times int) {
	n := 5*tree.Stretch + 77
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	leaf := make([]int32, n)
	for i := range n {
		y.Time[i], y.Event[i], leaf[i] = float64(1+i*7919%times), i%3 > 0, int32(i%4)
	}
	fit := func(threads int) (l *loss, g, h []float64) {
		l = newLoss(riskset.New(y, nil), y, threads)
		l.add(leaf, []float64{0.5, -1, 0.25, 2})
		g, h = gradient(l)
		return l, g, h
	}
	one, oneG, oneH := fit(1)
	if len(one.blocks) < 5 {
		t.Fatalf("%d blocks", len(one.blocks))
	}
	for _, threads := range []int{2, 8} {
		if l, g, h := fit(threads); !slices.Equal(g, oneG) || !slices.Equal(h, oneH) || l.value() != one.value() {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
	whole, _, _ := fit(1)
	whole.blocks = []block{{to: n, last: len(whole.groups)}}
	whole.sum(&whole.blocks[0])
	wholeG, wholeH := gradient(whole)
	sumG, sumH := 0.0, 0.0
	for i, g := range wholeG {
		if math.Abs(g-oneG[i]) > 1e-11 || math.Abs(wholeH[i]-oneH[i]) > 1e-11 {
			t.Fatalf("row %d: %g and %g, in one block %g and %g", i, oneG[i], oneH[i], g, wholeH[i])
		}
		sumG, sumH = sumG+math.Abs(g), sumH+wholeH[i]
	}
	if mostG, mostH := one.bounds(); sumG > mostG || sumH > mostH {
		t.Errorf("sums %g and %g are above their bounds, %g and %g", sumG, sumH, mostG, mostH)
	}
}

// Two events tied at the same time with equal F have equal gradients: Breslow's risk set is
// that of the tie. (XGBoost 1.7.4 lets the risk set grow event by event: its first Newton
// leaves of the two rows below are 2.642 and 1.309 times a common value, true ones equal.)
func TestTiedEventsAlike(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 2, 1, 3}, Event: []bool{true, true, true, false}}
	l := newLoss(riskset.New(y, nil), y, 1)
	g, h := gradient(l)
	// Sorted: time 1, then the tied pair at positions 1 and 2.
	if g[1] != g[2] || h[1] != h[2] {
		t.Errorf("gradients %v, curvatures %v", g, h)
	}
	if want := 1 - 1./4 - 2./3; math.Abs(g[1]-want) > 1e-15 {
		t.Errorf("gradient %g, want %g", g[1], want)
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
	got, _ := gradient(l)
	fresh, _ := exampleLoss(nil)
	for i := range fresh.f {
		fresh.f[i] += float64(i % 2) // 100 steps of 0.01
	}
	fresh.exponentiate()
	want, _ := gradient(fresh)
	for i, g := range want {
		if math.Abs(g-got[i]) > 1e-9 {
			t.Errorf("row %d: gradient %g, want %g", i, got[i], g)
		}
	}
}
