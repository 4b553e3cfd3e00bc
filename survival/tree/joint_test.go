package tree

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"everfold/survival"
)

// coarse is a design of columns with so many distinct values each.
func coarse(rng *rand.Rand, n int, values ...int) *survival.Design {
	x := &survival.Design{Rows: n, Columns: make([]survival.Column, len(values))}
	for j := range x.Columns {
		x.Columns[j].Values = make([]float64, n)
		for i := range n {
			x.Columns[j].Values[i] = float64(rng.IntN(values[j]))
		}
	}
	return x
}

// Columns of few codes share one, and sums by combination give those by code of each column,
// counts too: for any number of columns, on some rows of a stretch.
func TestJointSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const n = Stretch + 1000
	for _, c := range []struct {
		values []int
		joint  int
	}{
		{[]int{2, 3, 4, 5}, 1}, {[]int{200, 3}, 2}, {[]int{100, 100, 3}, 3}, {slices.Repeat([]int{150}, 8), 8},
		{slices.Repeat([]int{150}, 9), 9}, {slices.Repeat([]int{150}, 11), 11}, {slices.Repeat([]int{150}, 14), 14},
		{append(slices.Repeat([]int{150}, 16), 9, 9), 17}, {slices.Repeat([]int{4}, 13), 4},
	} {
		m, err := NewMatrix(context.Background(), coarse(rng, n, c.values...), ascending(n), Quantiles, 1)
		if err != nil {
			t.Fatal(err)
		}
		j := newJoint(m, 2)
		if len(j.columns) != c.joint {
			t.Errorf("columns of %v values became %d, want %d", c.values, len(j.columns), c.joint)
		}
		v, rows := make([]uint64, n), []uint16{}
		for i := range v {
			v[i] = rng.Uint64()
			if i < n-Stretch && i%3 > 0 {
				rows = append(rows, uint16(i))
			}
		}
		p := &packedSums{}
		p.clear(j, true)
		j.tally(p.first, Stretch, n, rows, v)
		j.count(p.count, Stretch, n, rows)
		for k := range m.columns {
			var want, wantCount, got, gotCount [256]uint64
			word, shift := m.words[k/8], k%8*8
			for _, row := range rows {
				code := uint8(word[Stretch+int(row)] >> shift)
				want[code] += v[Stretch+int(row)]
				wantCount[code]++
			}
			slots := m.columns[k].slots()
			p.column(k, got[:slots], gotCount[:slots])
			if got != want || gotCount != wantCount {
				t.Fatalf("columns of %v values: sums of column %d differ", c.values, k)
			}
		}
	}
}

// Gradients that are computed on the way give the tree of gradients computed
// before, byte for byte: in shallow trees, in deep ones whose small nodes are copied out, in
// codes wider than bytes and on any number of threads.
func TestLaterEqualsSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 5))
	const n = 4*Stretch + 321
	g, h, rows := make([]float64, n), make([]float64, n), []int32{}
	sumG, sumH := 0.0, 0.0
	for i := range g {
		g[i], h[i] = rng.NormFloat64(), rng.Float64()
		if i%50 > 0 {
			rows = append(rows, int32(i))
		}
	}
	for _, row := range rows {
		sumG, sumH = sumG+max(g[row], -g[row]), sumH+h[row]
	}
	laterG, laterH := make([]float64, n), make([]float64, n)
	fill := func(from, to int) {
		copy(laterG[from:to], g[from:to])
		copy(laterH[from:to], h[from:to])
	}
	for _, bins := range []Bins{Quantiles, Exact} {
		m, err := NewMatrix(context.Background(), large(rng, n), ascending(n), bins, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, opt := range []Options{{Depth: 1}, {Depth: 3}, {Depth: 9}, {Depth: 8, MinLeaf: 20, MinSplit: 300}} {
			crit := NewGradient(0.5)
			crit.Set(rows, g, h)
			want, err := NewGrower(m).Grow(context.Background(), crit, opt)
			if err != nil {
				t.Fatal(err)
			}
			for _, opt.Threads = range []int{1, 2, 7} {
				later := NewGradient(0.5)
				clear(laterG)
				clear(laterH)
				later.SetLater(rows, laterG, laterH, sumG, sumH, fill)
				tr, err := NewGrower(m).Grow(context.Background(), later, opt)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(tr, want) || !slices.Equal(later.Values(), crit.Values()) || !slices.Equal(leavesOf(later), leavesOf(crit)) {
					t.Errorf("%+v: another tree, %d leaves, want %d", opt, tr.Leaves, want.Leaves)
				}
			}
		}
	}
}

// A tree of many rows ends with the cause of its context.
func TestFrontIsCancelled(t *testing.T) {
	const n = packedRows
	m, err := NewMatrix(context.Background(), large(rand.New(rand.NewPCG(1, 1)), n), ascending(n), Quantiles, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("gone")
	cancel(gone)
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	crit := NewGradient(0)
	crit.Set(rows, make([]float64, n), make([]float64, n))
	if _, err := NewGrower(m).Grow(ctx, crit, Options{Depth: 3}); !errors.Is(err, gone) {
		t.Errorf("ended with %v", err)
	}
}
