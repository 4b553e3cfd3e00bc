package tree

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"everfold/survival"
)

// The gradient search returns the split of the direct search, least squares and Newton,
// with penalty and fractional weights.
func TestGradientSearchEqualsDirectSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	bad := 0
	for i := range 3000 {
		s := random(rng, []int{12, 60, 300}[i%3], false)
		n := s.x.Rows
		g, h, rows := make([]float64, n), make([]float64, n), make([]int32, n)
		for j := range n {
			g[j], h[j], rows[j], s.count[j] = rng.NormFloat64(), 1, int32(j), 1
			if i%2 == 1 {
				h[j] = rng.Float64()
			}
		}
		lambda := float64(i % 2)
		score := func(left bool, side []bool) float64 {
			var sg, sh float64
			for j := range side {
				if side[j] == left {
					sg += g[j]
					sh += h[j]
				}
			}
			if sh+lambda == 0 {
				return 0
			}
			return sg * sg / (sh + lambda)
		}
		all := make([]bool, n)
		crit := NewGradient(lambda)
		crit.Set(rows, g, h)
		if problem := s.compare(crit, func(left []bool) float64 {
			return score(true, left) + score(false, left) - score(false, all)
		}); problem != "" {
			if bad++; bad < 4 {
				t.Errorf("case %d, %d rows: %s", i, n, problem)
			}
		}
	}
}

// leavesOf gives the leaf of each row; −1 where the tree was not grown on it.
func leavesOf(c *Gradient) []int32 {
	mark, leaf := c.Marks()
	out := slices.Repeat([]int32{-1}, len(mark))
	for _, row := range c.rows {
		out[row] = leaf[mark[row]]
	}
	return out
}

// Leaves have the value G/(H+λ) of their rows, and every row knows its leaf.
func TestGradientLeaves(t *testing.T) {
	x := &survival.Design{Rows: 4, Columns: []survival.Column{{Name: "a", Values: []float64{1, 2, 3, 4}}}}
	m, err := NewMatrix(context.Background(), x, ascending(4), Exact, 2)
	if err != nil {
		t.Fatal(err)
	}
	crit := NewGradient(1)
	crit.Set([]int32{0, 1, 2, 3}, []float64{1, 1, -1, -3}, []float64{1, 1, 2, 2})
	tr, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if tr.Leaves != 2 || tr.Threshold[0] != 2.5 {
		t.Fatalf("%d leaves, threshold %g", tr.Leaves, tr.Threshold[0])
	}
	for l, want := range []float64{2. / 3, -4. / 5} {
		if got := crit.Values()[l]; math.Abs(got-want) > 1e-15 {
			t.Errorf("leaf %d is %g, want %g", l, got, want)
		}
	}
	for row, leaf := range leavesOf(crit) {
		if want := row / 2; int(leaf) != want {
			t.Errorf("row %d in leaf %d, want %d", row, leaf, want)
		}
	}
}

// Histograms as differences give the trees that histograms from rows give, deep ones with
// recoded subtrees and codes wider than bytes included.
func TestDifferencesOfHistograms(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range 60 {
		s := random(rng, 900, false)
		m, err := NewMatrix(context.Background(), s.x, ascending(s.x.Rows), []Bins{Quantiles, Exact}[i%2], 1)
		if err != nil {
			t.Fatal(err)
		}
		g, h, rows := make([]float64, m.Rows()), make([]float64, m.Rows()), make([]int32, m.Rows())
		for j := range g {
			g[j], h[j], rows[j] = rng.NormFloat64(), rng.Float64(), int32(j)
		}
		crit, grower := NewGradient(0.5), NewGrower(m)
		grow := func(anew bool) (*Tree, []float64) {
			crit.anew = anew
			crit.Set(rows, g, h)
			tr, err := grower.Grow(context.Background(), crit, Options{Depth: i % 9, MinLeaf: 1 + i%3})
			if err != nil {
				t.Fatal(err)
			}
			return tr, slices.Clone(crit.Values())
		}
		want, wantValues := grow(true)
		for range 2 { // the second time in used buffers
			if got, values := grow(false); !reflect.DeepEqual(got, want) || !slices.Equal(values, wantValues) {
				t.Fatalf("case %d: another tree, %d leaves against %d", i, got.Leaves, want.Leaves)
			}
		}
		if n := len(crit.free); m.width == 8 && n > 66 {
			t.Errorf("%d histograms were kept", n)
		}
	}
}
