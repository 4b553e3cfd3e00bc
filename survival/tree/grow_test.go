package tree

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// Ten rows in the order of time: the young outlive the old.
func example() (*survival.Design, Ranked) {
	x := &survival.Design{Rows: 10, Columns: []survival.Column{
		{Name: "age", Term: "age", Values: []float64{80, 75, 71, 70, 66, 50, 41, 40, 35, 30}},
		{Name: "sex", Term: "sex", Values: []float64{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}},
	}}
	y := Ranked{Rank: []int32{0, 1, 1, 2, 3, 4, 5, 6, 6, 7}, Event: []bool{true, true, true, false, true, true, true, false, true, true}}
	return x, y
}

func ExampleGrower_Grow() {
	x, y := example()
	m, err := NewMatrix(context.Background(), x, ascending(10), Exact, 2)
	if err != nil {
		panic(err)
	}
	crit, leaves := NewLogRank(y), &Leaves{}
	crit.Draw([]uint32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, leaves)
	t, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 1, MinLeaf: 3})
	if err != nil {
		panic(err)
	}
	fmt.Println(t.Leaves, t.Feature[0], t.Threshold[0], t.Leaf([]float64{33, 1}))
	fmt.Println(leaves.Offset, leaves.Rank, leaves.Events, leaves.AtRisk)
	// Output:
	// 2 0 70.5 0
	// [0 5 7] [3 4 5 6 7 0 1] [1 1 1 1 1 1 2] [6 5 4 3 1 3 2]
}

func TestWeightedLeaves(t *testing.T) {
	// Draws and case weights multiply in the leaves' sums; times without events are left out.
	x, y := example()
	y.Weight = []float64{1, 2, 1, 1, 1, 1, 1, 1, 1, 0.5}
	m, err := NewMatrix(context.Background(), x, ascending(10), Exact, 2)
	if err != nil {
		t.Fatal(err)
	}
	crit, leaves := NewLogRank(y), &Leaves{}
	crit.Draw([]uint32{0, 2, 1, 1, 0, 0, 0, 0, 0, 3}, leaves)
	if _, err := NewGrower(m).Grow(context.Background(), crit, Options{MinSplit: 100}); err != nil {
		t.Fatal(err)
	}
	want := Leaves{Offset: []int32{0, 2}, Rank: []int32{1, 7}, Events: []float32{5, 1.5}, AtRisk: []float32{7.5, 1.5}}
	if !reflect.DeepEqual(*leaves, want) {
		t.Errorf("leaves %+v", *leaves)
	}
}

// Weights of mean 1 or more are frequencies, whose subject weighs 1 before scaling; of others
// a subject weighs the mean. The scale is a power of two, for any finite weights.
func TestFrequencies(t *testing.T) {
	for _, c := range []struct {
		weight, scaled []float64
		unit           float64
	}{
		{nil, nil, 1}, {[]float64{1, 2, 1}, []float64{1, 2, 1}, 1}, {[]float64{8, 4}, []float64{2, 1}, 0.25},
		{[]float64{0.25, 0.5}, []float64{1, 2}, 1.5}, {[]float64{0x1p-1000}, []float64{1}, 1},
		{[]float64{0x1p1000, 0x1p1000}, []float64{1, 1}, 0x1p-1000}, {[]float64{0, 0.5}, []float64{0, 2}, 1},
	} {
		scaled, unit := Frequencies(c.weight)
		if !slices.Equal(scaled, c.scaled) || unit != c.unit {
			t.Errorf("%v: %v with unit %g, want %v with %g", c.weight, scaled, unit, c.scaled, c.unit)
		}
	}
}

// Depth, MinSplit and MinLeaf hold everywhere in a tree; without limits leaves are pure.
func TestOptionsHold(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 40 {
		s := random(rng, 300, false)
		s.opt = Options{Depth: rng.IntN(5), MinSplit: rng.IntN(40), MinLeaf: rng.IntN(20)}
		m, err := NewMatrix(context.Background(), s.x, ascending(s.x.Rows), s.bins, 2)
		if err != nil {
			t.Fatal(err)
		}
		crit := NewLogRank(s.y)
		crit.Draw(s.count, &Leaves{})
		tr, err := NewGrower(m).Grow(context.Background(), crit, s.opt)
		if err != nil {
			t.Fatal(err)
		}
		size := make([]int, tr.Leaves)
		row := make([]float64, len(s.x.Columns))
		for i := range s.count {
			RowMajor(row, s.x, i, i+1)
			size[tr.Leaf(row)]++
		}
		if tr.Leaves > 1 && slices.Min(size) < s.opt.MinLeaf {
			t.Errorf("a leaf has %d rows, at least %d are asked for", slices.Min(size), s.opt.MinLeaf)
		}
		if d := depth(tr, 0); s.opt.Depth > 0 && d > s.opt.Depth {
			t.Errorf("depth %d, limit %d", d, s.opt.Depth)
		}
	}
}

func depth(t *Tree, at int) int {
	if t.Feature[at] < 0 {
		return 0
	}
	return 1 + max(depth(t, at+1), depth(t, int(t.Right[at])))
}

// Of drawn columns only, the best is taken; where none of them can be split on, more are
// drawn.
func TestTry(t *testing.T) {
	x, y := example()
	x.Columns = append(x.Columns, survival.Column{Name: "constant", Term: "constant", Values: make([]float64, 10)})
	m, err := NewMatrix(context.Background(), x, ascending(10), Exact, 2)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int32]int{}
	for i := range 60 {
		crit := NewLogRank(y)
		crit.Draw([]uint32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, &Leaves{})
		tr, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 1, Try: 1, Rand: rand.New(rand.NewPCG(1, uint64(i)))})
		if err != nil {
			t.Fatal(err)
		}
		seen[tr.Feature[0]]++
	}
	if seen[0] < 15 || seen[1] < 15 || len(seen) != 2 {
		t.Errorf("root columns %v", seen)
	}
	mustPanic(t, func() { _, _ = NewGrower(m).Grow(context.Background(), NewGradient(0), Options{Try: 1}) })
}

// A missing value goes to the side learned, in a node without any to the larger one.
func TestGapDirections(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		values  []float64
		minLeaf int
		left    bool
	}{
		{[]float64{1, 1, 1, nan, nan, 2, 2, 2, 2, 2}, 4, true}, // gaps die early, as 1 does
		{[]float64{1, 1, 1, 1, 1, nan, nan, 2, 2, 2}, 4, false},
		{[]float64{1, 1, 1, 2, 2, 2, 2, 2, 2, 2}, 2, false}, // none: the side of seven
		{[]float64{1, 1, 1, 1, 1, 1, 1, 1, 2, 2}, 2, true},
	} {
		x := &survival.Design{Rows: 10, Columns: []survival.Column{{Name: "a", Values: c.values}}}
		m, err := NewMatrix(context.Background(), x, ascending(10), Exact, 2)
		if err != nil {
			t.Fatal(err)
		}
		y := Ranked{Rank: []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, Event: slices.Repeat([]bool{true}, 10)}
		crit := NewLogRank(y)
		crit.Draw([]uint32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, &Leaves{})
		tr, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 1, MinLeaf: c.minLeaf})
		if err != nil {
			t.Fatal(err)
		}
		if got := tr.Leaf([]float64{nan}) == 0; got != c.left {
			t.Errorf("%v: missing values go left: %v", c.values, got)
		}
	}
}

// Where only missing values go right, every present value goes left, also those that no row
// of the node has: with codes of bytes and with wider ones.
func TestOnlyGapsGoRight(t *testing.T) {
	for _, n := range []int{20, 600} {
		values, y, count := make([]float64, n), Ranked{}, make([]uint32, n)
		for i := range n {
			values[i] = math.NaN() // the early events
			if i >= n/2 {
				values[i] = float64(i)
			}
			y.Rank, y.Event = append(y.Rank, int32(min(i, n/2))), append(y.Event, i < n/2)
			count[i] = 1
		}
		x := &survival.Design{Rows: n, Columns: []survival.Column{{Name: "a", Values: values}}}
		m, err := NewMatrix(context.Background(), x, ascending(n), Exact, 1)
		if err != nil {
			t.Fatal(err)
		}
		crit := NewLogRank(y)
		crit.Draw(count, &Leaves{})
		tr, err := NewGrower(m).Grow(context.Background(), crit, Options{Depth: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsInf(tr.Threshold[0], 1) || tr.GapLeft[0] {
			t.Errorf("%d rows: threshold %g, missing values left: %v", n, tr.Threshold[0], tr.GapLeft[0])
		}
	}
}

// A cancelled context ends growth, and binning, with its cause.
func TestCancelled(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	s := random(rng, 5000, false)
	for s.x.Rows < 4200 {
		s = random(rng, 5000, false)
	}
	m, err := NewMatrix(context.Background(), s.x, ascending(s.x.Rows), Quantiles, 2)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	crit := NewLogRank(s.y)
	crit.Draw(s.count, &Leaves{})
	if _, err := NewGrower(m).Grow(ctx, crit, Options{}); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if _, err := NewMatrix(ctx, s.x, ascending(s.x.Rows), Quantiles, 2); !errors.Is(err, stop) {
		t.Errorf("binning: %v", err)
	}
}

// What the caller could have known panics.
func TestPanics(t *testing.T) {
	mustPanic(t, func() { NewLogRank(Ranked{Rank: []int32{0}}) })
	mustPanic(t, func() { NewLogRank(Ranked{}).Draw([]uint32{1}, &Leaves{}) })
	mustPanic(t, func() { NewGradient(-1) })
	mustPanic(t, func() { NewGradient(0).Set(nil, []float64{1}, nil) })
}

// Trees and leaves read back as written; whatever else the bytes say is refused without a
// panic.
func TestFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	s := random(rng, 200, false)
	s.opt = Options{}
	m, err := NewMatrix(context.Background(), s.x, ascending(s.x.Rows), Exact, 2)
	if err != nil {
		t.Fatal(err)
	}
	crit, leaves := NewLogRank(s.y), &Leaves{}
	crit.Draw(s.count, leaves)
	tr, err := NewGrower(m).Grow(context.Background(), crit, s.opt)
	if err != nil {
		t.Fatal(err)
	}
	w := modelfile.NewWriter("t", 1)
	tr.Write(w)
	leaves.Write(w)
	file := w.Bytes()
	r, err := modelfile.Open(file, "t", 1)
	if err != nil {
		t.Fatal(err)
	}
	times := int(s.y.Rank[len(s.y.Rank)-1]) + 1
	back := Read(r, len(s.x.Columns))
	if backLeaves := ReadLeaves(r, back.Leaves, times); r.Close() != nil || !reflect.DeepEqual(back, tr) || !reflect.DeepEqual(backLeaves, leaves) {
		t.Error("the tree differs after reading")
	}
	body := file[:len(file)-32]
	for range 3000 {
		damaged := slices.Clone(body)
		damaged[20+rng.IntN(len(damaged)-20)] = byte(rng.IntN(256))
		r, err := modelfile.Open(modelfile.Seal(damaged), "t", 1)
		if err != nil {
			continue
		}
		if back := Read(r, len(s.x.Columns)); back != nil {
			ReadLeaves(r, back.Leaves, times)
			back.Leaf(make([]float64, len(s.x.Columns)))
		}
		if err := r.Close(); err != nil && !errors.Is(err, survival.ErrBadModelFile) {
			t.Fatal(err)
		}
	}
}

// The variance factor is d(Y−d)/(Y−u), but within 0…d, and 0 where one subject is left.
func TestVariance(t *testing.T) {
	for _, c := range []struct{ d, y, unit, want float64 }{
		{1, 5, 1, 1}, {2, 5, 1, 1.5}, {5, 5, 1, 0}, {1, 1, 1, 0}, {0.5, 0.7, 1, 0}, {0.5, 1.2, 1, 0.5}, {4, 10, 2, 3}, {0.5, 0.7, 0.25, 0.2 / 0.9},
	} {
		if got := Variance(c.d, c.y, c.unit); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("Variance(%g, %g, %g) is %g, want %g", c.d, c.y, c.unit, got, c.want)
		}
	}
}
