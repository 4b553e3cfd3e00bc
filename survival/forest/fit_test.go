package forest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

func example() (*survival.Design, survival.Outcome) {
	return &survival.Design{Rows: 8, Columns: []survival.Column{
			{Name: "age", Term: "age", Values: []float64{40, 45, 50, 55, 60, 65, 70, 75}},
		}}, survival.Outcome{
			Time:  []float64{9, 8, 8, 6, 5, 3, 2, 1},
			Event: []bool{false, true, false, true, true, true, true, true},
		}
}

// stump is a forest of one tree with one split, at age 57.5, on all rows.
func stump(t *testing.T, expHazard bool) *Model {
	x, y := example()
	m, err := Fit(context.Background(), x, y, Options{Trees: 1, Depth: 1, MinLeaf: 4, MinSplit: 2, NoBootstrap: true, ExpHazard: expHazard}, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ExampleFit() {
	x, y := example()
	m, err := Fit(context.Background(), x, y, Options{Trees: 100, MinLeaf: 2, MinSplit: 4}, survival.FitOptions{Seed: 1, Threads: 2})
	if err != nil {
		panic(err)
	}
	risk := make([]float64, x.Rows)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		panic(err)
	}
	fmt.Println(risk[7] > risk[0])
	// Output: true
}

// One tree by hand: leaves {40…55} with events at 6 (of 4) and 8 (of 3), one of them
// censored at 8; {60…75} with an event at 1, 2, 3, 5.
func TestByHand(t *testing.T) {
	x, _ := example()
	m := stump(t, false)
	times := []float64{0, 1, 2.5, 5, 6, 7, 8, 100}
	young := []float64{1, 1, 1, 1, 0.75, 0.75, 0.5, 0.5}
	old := []float64{1, 0.75, 0.5, 0, 0, 0, 0, 0}
	compare := func(m *Model, want func(row, j int) float64) {
		err := m.Survival(context.Background(), x, times, func(row int, s []float64) error {
			for j, v := range s {
				if math.Abs(v-want(row, j)) > 1e-12 {
					t.Errorf("S(%g) of row %d is %g, want %g", times[j], row, v, want(row, j))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	compare(m, func(row, j int) float64 { return [][]float64{young, old}[row/4][j] })
	// exp(−H): H of the old is 1/4, 1/4+1/3, …, of the young 1/4 at 6 and 1/4+1/3 at 8.
	hazard := [][]float64{{0, 0, 0, 0, 1. / 4, 1. / 4, 7. / 12, 7. / 12}, {0, 1. / 4, 7. / 12, 25. / 12, 25. / 12, 25. / 12, 25. / 12, 25. / 12}}
	compare(stump(t, true), func(row, j int) float64 { return math.Exp(-hazard[row/4][j]) })

	// Risk: H summed over the event times 1, 2, 3, 5, 6, 8.
	risk := make([]float64, 8)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1./4 + 7./12, 1./4 + 7./12 + 13./12 + 3*25./12} {
		if math.Abs(risk[4*i]-want) > 1e-12 {
			t.Errorf("risk of row %d is %g, want %g", 4*i, risk[4*i], want)
		}
	}
}

// The forest is the mean of its trees: predictions of all rows at once, in blocks and row
// by row agree bit by bit.
func TestBlocksAgree(t *testing.T) {
	x, y := example()
	m, err := Fit(context.Background(), x, y, Options{Trees: 7, MinLeaf: 1}, survival.FitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	together := make([]float64, 8)
	if err := m.Risk(context.Background(), x, together); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		alone := make([]float64, 1)
		if err := m.Risk(context.Background(), x.Take([]int{i}), alone); err != nil {
			t.Fatal(err)
		}
		if alone[0] != together[i] {
			t.Errorf("row %d: %g alone, %g among others", i, alone[0], together[i])
		}
	}
}

// What the data do not allow is a typed error; what the caller could have known panics.
func TestRefusals(t *testing.T) {
	x, y := example()
	entry := y
	entry.Entry = make([]float64, 8)
	var bad *survival.DataError
	if _, err := Fit(context.Background(), x, entry, Options{}, survival.FitOptions{}); !errors.As(err, &bad) || bad.Column != "entry" {
		t.Errorf("left truncation: %v", err)
	}
	infinite := x.Take([]int{0, 1, 2, 3, 4, 5, 6, 7})
	infinite.Columns[0].Values[3] = math.Inf(1)
	if _, err := Fit(context.Background(), infinite, y, Options{}, survival.FitOptions{}); !errors.As(err, &bad) || bad.Row != 3 || bad.Column != "age" {
		t.Errorf("infinite value: %v", err)
	}
	for name, call := range map[string]func(){
		"length":  func() { _, _ = Fit(context.Background(), x.Take([]int{0}), y, Options{}, survival.FitOptions{}) },
		"options": func() { _, _ = Fit(context.Background(), x, y, Options{Trees: -1}, survival.FitOptions{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

// A worker's failure stops the others and is the error of the fit.
func TestCancelledWhileGrowing(t *testing.T) {
	x, y := example()
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	ctx = survival.WithProgress(ctx, func(done, _ float64) {
		if done >= 3 {
			cancel(stop)
		}
	})
	if _, err := Fit(ctx, x, y, Options{Trees: 100_000}, survival.FitOptions{Threads: 4}); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// Fields that make no forest are refused behind a good digest too.
func TestDecodeRefuses(t *testing.T) {
	leaf := &tree.Tree{Feature: []int32{-1}, Threshold: []float64{0}, GapLeft: []bool{false}}
	for name, c := range map[string]struct {
		times  []float64
		events []int32
		leaves *tree.Leaves
	}{
		"no trees":      {[]float64{1, 2}, []int32{0}, nil},
		"no events":     {[]float64{1, 2}, nil, &tree.Leaves{Offset: []int32{0, 0}}},
		"event times":   {[]float64{1, 2}, []int32{2}, &tree.Leaves{Offset: []int32{0, 0}}},
		"unsorted":      {[]float64{2, 1}, []int32{0}, &tree.Leaves{Offset: []int32{0, 0}}},
		"offsets":       {[]float64{1, 2}, []int32{0}, &tree.Leaves{Offset: []int32{0, 1}}},
		"leaf rank":     {[]float64{1, 2}, []int32{0}, &tree.Leaves{Offset: []int32{0, 1}, Rank: []int32{2}, Events: []float32{1}, AtRisk: []float32{1}}},
		"more die":      {[]float64{1, 2}, []int32{0}, &tree.Leaves{Offset: []int32{0, 1}, Rank: []int32{0}, Events: []float32{2}, AtRisk: []float32{1}}},
		"order of time": {[]float64{1, 2}, []int32{0}, &tree.Leaves{Offset: []int32{0, 2}, Rank: []int32{1, 0}, Events: []float32{1, 1}, AtRisk: []float32{2, 1}}},
	} {
		w := modelfile.NewWriter(Type, Version)
		w.Strings([]string{"a"})
		w.Floats(c.times)
		w.Int32s(c.events)
		w.Bool(false)
		if c.leaves != nil {
			w.Bool(true)
			leaf.Write(w)
			c.leaves.Write(w)
		}
		w.Bool(false)
		w.Report(survival.Report{})
		w.Float(0)
		w.Int(0)
		if _, err := Decode(w.Bytes()); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of weights of mean below 1 only the proportions count: scaled by a power of two, however
// small, they give the same file, and by another factor the same risks up to rounding.
// Extreme ones give no NaN.
func TestWeightsHaveNoUnit(t *testing.T) {
	x, y := example()
	fit := func(scale float64, weight ...float64) (file string, risk []float64) {
		y.Weight = make([]float64, x.Rows)
		for i := range y.Weight {
			y.Weight[i] = weight[i%len(weight)] * scale
		}
		m, err := Fit(context.Background(), x, y, Options{Trees: 20, MinLeaf: 2, MinSplit: 4}, survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, _ := m.MarshalBinary() // never fails
		if _, err := Decode(data); err != nil {
			t.Error(err)
		}
		risk = make([]float64, x.Rows)
		if err := m.Risk(context.Background(), x, risk); err != nil {
			t.Fatal(err)
		}
		return string(data), risk
	}
	want, risks := fit(1, 0.25, 0.5, 1)
	for _, scale := range []float64{0.5, math.Ldexp(1, -30), math.Ldexp(1, -900)} {
		if got, _ := fit(scale, 0.25, 0.5, 1); got != want {
			t.Errorf("weights times %g give another forest", scale)
		}
	}
	if _, got := fit(1.0/3, 0.25, 0.5, 1); !near(got, risks) {
		t.Errorf("a third of the weights: risks %v, want %v", got, risks)
	}
	for _, weight := range [][]float64{{1e100}, {1e-100}, {1e300, 1e-300}, {1, 1e-60, 1e60}} {
		_, got := fit(1, weight...)
		for i, v := range got {
			if v-v != 0 || v < 0 {
				t.Errorf("weights %v: risk %g of row %d", weight, v, i)
			}
		}
	}
}

func near(a, b []float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-5*(1+math.Abs(b[i])) {
			return false
		}
	}
	return true
}
