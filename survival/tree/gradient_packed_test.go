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

// large is a design of enough rows for packed sums: numbers with and without gaps, counts,
// an indicator of imputed values, a factor.
func large(rng *rand.Rand, n int) *survival.Design {
	x := &survival.Design{Rows: n, Columns: make([]survival.Column, 15)}
	for j := range x.Columns {
		x.Columns[j].Name = string(rune('a' + j))
		x.Columns[j].Values = make([]float64, n)
	}
	for i := range n {
		for j := range 10 {
			x.Columns[j].Values[i] = rng.NormFloat64()
		}
		x.Columns[1].Values[i] = math.Floor(3 * x.Columns[1].Values[i])
		if rng.IntN(10) == 0 {
			x.Columns[0].Values[i] = math.NaN()
		}
		if rng.IntN(10) == 0 {
			x.Columns[2].Values[i], x.Columns[10].Values[i] = 0, 1
		}
		if level := rng.IntN(5); level > 0 {
			x.Columns[10+level].Values[i] = 1
		}
	}
	return x
}

// Packed sums of rows that stay in place give the tree of full sums of rows that are moved:
// shallow and deep, with a least number of rows, on a sample of rows and of columns.
func TestPackedEqualsFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 14))
	const n = packedRows + 3000
	x := large(rng, n)
	m, err := NewMatrix(context.Background(), x, ascending(n), Quantiles, 2)
	if err != nil {
		t.Fatal(err)
	}
	g, h := make([]float64, n), make([]float64, n)
	for i := range g {
		g[i], h[i] = rng.NormFloat64()+x.Columns[4].Values[i]*x.Columns[2].Values[i], rng.Float64()
	}
	rows := make([]int32, 0, n)
	for i := range n {
		if i%8 > 0 {
			rows = append(rows, int32(i))
		}
	}
	crit, grower := NewGradient(1), NewGrower(m)
	for _, opt := range []Options{{Depth: 3}, {Depth: 6, MinLeaf: 40}, {Depth: 9, MinLeaf: 3}, {Depth: 4, Columns: slices.Repeat([]bool{true, false, true}, 5)}} {
		grow := func(threads int) (*Tree, []float64, []int32) {
			opt.Threads = threads
			crit.Set(rows, g, h)
			tr, err := grower.Grow(context.Background(), crit, opt)
			if err != nil {
				t.Fatal(err)
			}
			return tr, slices.Clone(crit.Values()), leavesOf(crit)
		}
		crit.full = true
		want, wantValues, wantLeaf := grow(1)
		crit.full = false
		for _, threads := range []int{1, 2, 8} {
			tr, values, leaf := grow(threads)
			if !crit.packed || !reflect.DeepEqual(tr, want) {
				t.Fatalf("%+v: packed %v, %d leaves, want %d", opt, crit.packed, tr.Leaves, want.Leaves)
			}
			for l, v := range values {
				if math.Abs(v-wantValues[l]) > 1e-12 {
					t.Fatalf("%+v: leaf %d is %g, want %g", opt, l, v, wantValues[l])
				}
			}
			for _, row := range rows {
				if leaf[row] != wantLeaf[row] {
					t.Fatalf("%+v: row %d in leaf %d, want %d", opt, row, leaf[row], wantLeaf[row])
				}
			}
		}
	}
}

// The leaf that growth gives a row is the one that its values lead to, in small subtrees that
// are copied out and recoded too; the Matrix stays as it is.
func TestGrowthFollowsValues(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 71))
		const n = 2*chunk + 123
		x := large(rng, n)
		m, err := NewMatrix(context.Background(), x, ascending(n), Quantiles, 1)
		if err != nil {
			t.Fatal(err)
		}
		words := make([][]uint64, len(m.words))
		for q := range words {
			words[q] = slices.Clone(m.words[q])
		}
		g, h, rows := make([]float64, n), make([]float64, n), make([]int32, n)
		for i := range g {
			g[i], h[i], rows[i] = rng.NormFloat64(), rng.Float64(), int32(i)
			if rng.IntN(3000) == 0 {
				g[i] *= 1000 // worth a small node
			}
		}
		crit := NewGradient(0)
		crit.Set(rows, g, h)
		tr, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 5})
		if err != nil {
			t.Fatal(err)
		}
		leaf := make([]int32, n)
		tr.Assign(x, leaf, 2)
		if !slices.Equal(leaf, leavesOf(crit)) {
			t.Errorf("seed %d: rows are in other leaves than their values say", seed)
		}
		if !reflect.DeepEqual(words, m.words) {
			t.Errorf("seed %d: growth has changed the codes", seed)
		}
	}
}

// The tree of a large node is the same in several chunks: those of one thread and of many.
func TestChunks(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 71))
	const n = 5*chunk + 123
	m, err := NewMatrix(context.Background(), large(rng, n), ascending(n), Quantiles, 1)
	if err != nil {
		t.Fatal(err)
	}
	g, h, rows := make([]float64, n), make([]float64, n), make([]int32, n)
	for i := range g {
		g[i], h[i], rows[i] = rng.NormFloat64(), rng.Float64(), int32(i)
	}
	var want *Tree
	var wantValues []float64
	for _, threads := range []int{1, 3, 8} {
		crit := NewGradient(0)
		crit.Set(rows, g, h)
		tr, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 4, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want, wantValues = tr, crit.Values()
		}
		if !reflect.DeepEqual(tr, want) || !slices.Equal(crit.Values(), wantValues) {
			t.Errorf("%d threads give another tree", threads)
		}
		for i, leaf := range leavesOf(crit) {
			if leaf < 0 || int(leaf) >= tr.Leaves {
				t.Fatalf("row %d has leaf %d", i, leaf)
			}
		}
	}
}

// Packed sums never overflow: all rows of one sign, one row with nearly all of the sum, none
// at all; and their halves come apart exactly.
func TestPackedLimits(t *testing.T) {
	const n = packedRows
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	for name, value := range map[string]func(i int) (g, h float64){
		"negative": func(i int) (float64, float64) { return -1, 1 },
		"positive": func(i int) (float64, float64) { return 1e-9, 1e-9 },
		"one":      func(i int) (float64, float64) { return math.Ldexp(1, -i%900), math.Ldexp(1, -i%900) },
		"nothing":  func(i int) (float64, float64) { return 0, 0 },
		"tiny":     func(i int) (float64, float64) { return 5e-324, 5e-324 },
	} {
		c := NewGradient(0)
		c.packed = true
		g, h := make([]float64, n), make([]float64, n)
		var sumG, sumH float64
		for i := range g {
			g[i], h[i] = value(i)
			sumG, sumH = sumG+g[i], sumH+h[i]
		}
		c.Set(rows, g, h)
		c.scale(1)
		c.fixedG = make([]uint64, n)
		c.pack(0, n)
		var whole uint64
		for _, v := range c.fixedG {
			whole += v
		}
		s := unpack(whole, n)
		gotG, gotH := float64(int64(s.g))*c.unitG, float64(s.h>>countBits)*c.unitH
		if math.Abs(gotG-sumG) > 1e-4*math.Abs(sumG)+1e-300 || math.Abs(gotH-sumH) > 1e-4*sumH+1e-300 {
			t.Errorf("%s: sums %g and %g, want %g and %g", name, gotG, gotH, sumG, sumH)
		}
		if s.h>>countBits < n {
			t.Errorf("%s: %d rows have a curvature of %d in all", name, n, s.h>>countBits)
		}
	}
}

// Values of any kind are sorted as numbers are, by either method, and keep their rows.
func TestAscend(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 50, fewItems + 500} {
		values := make([]float64, n)
		for i := range values {
			switch i % 5 {
			case 0:
				values[i] = rng.NormFloat64()
			case 1:
				values[i] = float64(rng.IntN(3) - 1)
			case 2:
				values[i] = math.NaN()
			case 3:
				values[i] = math.Copysign(0, -1)
				if i%2 == 0 { // equal high halves
					values[i] = 1 + math.Ldexp(float64(rng.IntN(1000)), -50)
				}
			default:
				values[i] = math.Ldexp(rng.Float64()-0.5, rng.IntN(2000)-1000)
			}
		}
		items := ascend(values)
		seen := map[uint32]bool{}
		for i, it := range items {
			if values[it.row] != it.value || seen[it.row] || (i > 0 && items[i-1].value > it.value) {
				t.Fatalf("%d values: item %d is out of place", n, i)
			}
			seen[it.row] = true
		}
		missing := 0
		for _, v := range values {
			if v != v {
				missing++
			}
		}
		if len(items)+missing != n {
			t.Errorf("%d values, %d sorted, %d missing", n, len(items), missing)
		}
	}
}
