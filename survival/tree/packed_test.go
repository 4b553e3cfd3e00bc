package tree

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// grown is a tree on rows with gaps, and its leaves.
func grown(t testing.TB, n, minLeaf int, seed uint64) (*Tree, *Leaves, *survival.Design) {
	rng := rand.New(rand.NewPCG(seed, 2))
	x, y, count := &survival.Design{Rows: n}, Ranked{}, make([]uint32, n)
	for j := range 5 {
		v := make([]float64, n)
		for i := range v {
			v[i] = math.Round(20*rng.NormFloat64()) + float64(i)/float64(n)
			if j%2 == 1 && rng.IntN(4) == 0 {
				v[i] = math.NaN()
			}
		}
		x.Columns = append(x.Columns, survival.Column{Name: string(rune('a' + j)), Values: v})
	}
	for i := range n {
		y.Rank, y.Event = append(y.Rank, int32(i/2)), append(y.Event, rng.IntN(2) == 0)
		count[i] = uint32(rng.IntN(3))
	}
	m, err := NewMatrix(context.Background(), x, ascending(n), Quantiles, 1)
	if err != nil {
		t.Fatal(err)
	}
	crit, leaves := NewLogRank(y), &Leaves{}
	crit.Draw(count, leaves)
	tree, err := NewGrower(m).Grow(context.Background(), crit, Options{MinLeaf: minLeaf})
	if err != nil {
		t.Fatal(err)
	}
	return tree, leaves, x
}

// A packed tree sends every row, with gaps or not, in whatever company, to the leaf that the
// tree does, and has the bytes of its model file.
func TestPacked(t *testing.T) {
	for seed, n := range []int{1, 2, 30, 1000, 1000} {
		tree, _, x := grown(t, n, 1+4*(seed%2), uint64(seed))
		p := tree.Pack()
		if p.Leaves() != tree.Leaves {
			t.Fatalf("%d leaves, want %d", p.Leaves(), tree.Leaves)
		}
		var columns [][]float64
		for _, c := range x.Columns {
			columns = append(columns, c.Values)
		}
		for _, every := range []int{1, 7, 400} {
			leaf := make([]int32, n)
			var rows []int32
			for i := 0; i < n; i += every {
				rows = append(rows, int32(i))
			}
			p.Route(columns, rows, leaf)
			for i := 0; i < n; i += every {
				row := make([]float64, len(columns))
				for j := range row {
					row[j] = columns[j][i]
				}
				if want := tree.Leaf(row); int(leaf[i]) != want {
					t.Fatalf("%d rows, every %d: row %d is in leaf %d, want %d", n, every, i, leaf[i], want)
				}
			}
		}
		whole, packed := modelfile.NewWriter("t", 1), modelfile.NewWriter("t", 1)
		tree.Write(whole)
		p.Write(packed)
		file := packed.Bytes()
		if !bytes.Equal(whole.Bytes(), file) {
			t.Fatal("the model file differs")
		}
		r, err := modelfile.Open(file, "t", 1)
		if err != nil {
			t.Fatal(err)
		}
		if back := ReadPacked(r, len(columns)); !reflect.DeepEqual(back, p) || r.Close() != nil {
			t.Fatal("it does not read back")
		}
	}
}

// Packed leaves say what they were packed from, whether their numbers are small or not, and
// read back from the bytes that the leaves have in a model file.
func TestPackedLeaves(t *testing.T) {
	_, deep, _ := grown(t, 1000, 5, 1)
	wide := func(change func(l *Leaves)) *Leaves {
		l := &Leaves{Offset: []int32{0, 1, 1, 3}, Rank: []int32{7, 0, 9}, Events: []float32{1, 2, 3}, AtRisk: []float32{4, 255, 3}}
		change(l)
		return l
	}
	for name, c := range map[string]struct {
		leaves *Leaves
		small  bool
	}{
		"deep":       {deep, true},
		"no entries": {&Leaves{Offset: []int32{0, 0, 0}}, true},
		"by hand":    {wide(func(*Leaves) {}), true},
		"weights":    {wide(func(l *Leaves) { l.Events[1] = 1.5 }), false},
		"at risk":    {wide(func(l *Leaves) { l.AtRisk[1] = 2.5 }), false},
		"large leaf": {wide(func(l *Leaves) { l.AtRisk[1] = 256 }), false},
		"many times": {wide(func(l *Leaves) { l.Rank[2] = 1 << 16 }), false},
		"last time":  {wide(func(l *Leaves) { l.Rank[2] = 1<<16 - 1 }), true},
	} {
		p := c.leaves.Pack()
		if (p.small != nil) != c.small {
			t.Errorf("%s: small: %v", name, p.small != nil)
		}
		for k := range p.Len() {
			first, end := p.Entries(k)
			if first != int(c.leaves.Offset[k]) || end != int(c.leaves.Offset[k+1]) {
				t.Errorf("%s: leaf %d has entries %d…%d", name, k, first, end)
			}
			for e := first; e < end; e++ {
				if rank, hazard := p.Entry(e); rank != c.leaves.Rank[e] || hazard != c.leaves.Hazard(e) {
					t.Errorf("%s: entry %d is %d, %g", name, e, rank, hazard)
				}
			}
		}
		whole, packed := modelfile.NewWriter("t", 1), modelfile.NewWriter("t", 1)
		c.leaves.Write(whole)
		p.Write(packed)
		file := packed.Bytes()
		if !bytes.Equal(whole.Bytes(), file) {
			t.Errorf("%s: the model file differs", name)
		}
		r, err := modelfile.Open(file, "t", 1)
		if err != nil {
			t.Fatal(err)
		}
		if back := ReadPackedLeaves(r, p.Len(), 1<<20); !reflect.DeepEqual(back.Unpack(), p.Unpack()) || r.Close() != nil {
			t.Errorf("%s: it does not read back", name)
		}
		kept := modelfile.NewWriter("t", 1)
		p.Keep(kept)
		if r, err = modelfile.OpenState(kept.State(), "t", 1); err != nil {
			t.Fatal(err)
		}
		if back := ReadKeptLeaves(r, p.Len(), 1<<20); !reflect.DeepEqual(back.Unpack(), p.Unpack()) || (back.small != nil) != c.small || r.Close() != nil {
			t.Errorf("%s: what is kept does not read back", name)
		}
	}
}

// What is not a tree, or not leaves, is a failure of the reader.
func TestPackedRefuses(t *testing.T) {
	w := modelfile.NewWriter("t", 1)
	w.Int32s([]int32{-1, -1})
	w.Floats(nil)
	(&Leaves{Offset: []int32{0, 1}}).Write(w)
	file := w.Bytes()
	for range 2 {
		r, err := modelfile.Open(file, "t", 1)
		if err != nil {
			t.Fatal(err)
		}
		if ReadPacked(r, 1) != nil || ReadPackedLeaves(r, 1, 3) != nil || !errors.Is(r.Close(), survival.ErrBadModelFile) {
			t.Error("it is read")
		}
	}
	kept := modelfile.NewWriter("t", 1)
	(&PackedLeaves{offset: []int32{0, 1}, small: []uint32{7 << rankShift}}).Keep(kept)
	r, err := modelfile.OpenState(kept.State(), "t", 1)
	if err != nil {
		t.Fatal(err)
	}
	if ReadKeptLeaves(r, 1, 3) != nil || !errors.Is(r.Close(), survival.ErrBadModelFile) {
		t.Error("leaves of times that are not there are read")
	}
}

// A tree as deep as a model file may hold one takes rows to their leaves and is written back; a deeper one is
// refused: its rows would go down a stack without end.
func TestDeepTrees(t *testing.T) {
	file := func(turns int) []byte {
		nodes, thresholds := make([]int32, 2*turns+1), make([]float64, turns)
		for i := range nodes {
			if i >= turns {
				nodes[i] = -1
			}
		}
		w := modelfile.NewWriter("t", 1)
		w.Int32s(nodes)
		w.Floats(thresholds)
		return w.Bytes()
	}
	for turns, want := range map[int]bool{maxTurns: true, maxTurns + 1: false} {
		r, err := modelfile.Open(file(turns), "t", 1)
		if err != nil {
			t.Fatal(err)
		}
		p := ReadPacked(r, 1)
		if err := r.Close(); (p != nil) != want || errors.Is(err, survival.ErrBadModelFile) == want {
			t.Fatalf("%d turns: read %v, %v", turns, p != nil, err)
		}
		if !want {
			continue
		}
		const rows = alone + 2
		leaf := make([]int32, rows)
		p.Route([][]float64{{-1, -1, -1, -1, -1, 1}}, []int32{0, 1, 2, 3, 4, 5}, leaf)
		if leaf[0] != 0 || leaf[5] != int32(turns) {
			t.Errorf("the rows fall into %v", leaf)
		}
		back := modelfile.NewWriter("t", 1)
		p.Write(back)
		if !bytes.Equal(back.Bytes(), file(turns)) {
			t.Error("it is written otherwise")
		}
	}
}
