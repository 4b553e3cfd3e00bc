package oblique

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"everfold/survival"
)

// example is eight rows whose hazard rises with a − b.
func example() (*survival.Design, survival.Outcome) {
	return &survival.Design{Rows: 8, Columns: []survival.Column{
			{Name: "a", Term: "a", Values: []float64{0, 1, 2, 3, 2, 3, 4, 5}},
			{Name: "b", Term: "b", Values: []float64{2, 3, 4, 5, 0, 1, 2, 3}},
		}}, survival.Outcome{
			Time:  []float64{9, 8, 7, 6, 4, 3, 2, 1},
			Event: []bool{false, true, true, true, true, true, true, true},
		}
}

func ExampleFit() {
	x, y := example()
	m, err := Fit(context.Background(), x, y, Options{Trees: 100, MinLeaf: 1, MinSplit: 2}, survival.FitOptions{Seed: 1, Threads: 2})
	if err != nil {
		panic(err)
	}
	risk := make([]float64, x.Rows)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		panic(err)
	}
	fmt.Println(risk[4] > risk[0])
	// Output: true
}

// stump is a tree of one split on all rows and columns.
func stump(t *testing.T, x *survival.Design, y survival.Outcome) *Model {
	t.Helper()
	m, err := Fit(context.Background(), x, y, Options{Trees: 1, Depth: 1, MinLeaf: 4, MinSplit: 8, Try: AllColumns, NoBootstrap: true}, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// One split by hand: no cut of a or b alone puts the last four rows apart, a − b does. The
// leaves are then those of times 6 … 9 and 1 … 4.
func TestOneSplit(t *testing.T) {
	x, y := example()
	m := stump(t, x, y)
	times := []float64{1, 2, 4, 6, 8}
	want := [][]float64{{1, 1, 1, 0.75, 0.25}, {0.75, 0.5, 0, 0, 0}}
	err := m.Survival(context.Background(), x, times, func(row int, s []float64) error {
		for j, v := range s {
			if w := want[row/4][j]; math.Abs(v-w) > 1e-12 {
				t.Errorf("S(%g) of row %d is %g, want %g", times[j], row, v, w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A missing value is predicted as the mean of the column's present values, and so trained.
func TestGapsAreMeans(t *testing.T) {
	x, y := example()
	mean := x.Take([]int{0, 1, 2, 3, 4, 5, 6, 7})
	x.Columns[0].Values[2] = math.NaN()
	mean.Columns[0].Values[2] = 18.0 / 7
	gaps, filled := stump(t, x, y), stump(t, mean, y)
	for _, m := range []*Model{gaps, filled} {
		a, b := make([]float64, 8), make([]float64, 8)
		if err := errors.Join(gaps.Risk(context.Background(), x, a), m.Risk(context.Background(), mean, b)); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if a[i] != b[i] {
				t.Errorf("row %d: %g with the gap, %g with the mean", i, a[i], b[i])
			}
		}
	}
}

// Columns of any magnitude split alike; constant ones, and those beyond single precision,
// are not drawn.
func TestMagnitudes(t *testing.T) {
	x, y := example()
	want := make([]float64, 8)
	if err := stump(t, x, y).Risk(context.Background(), x, want); err != nil {
		t.Fatal(err)
	}
	for _, scale := range []float64{1 << 20, 1.0 / (1 << 20), 0x1p100, 0x1p-100} {
		got, other := make([]float64, 8), x.Take([]int{0, 1, 2, 3, 4, 5, 6, 7})
		for i := range other.Columns[1].Values {
			other.Columns[1].Values[i] *= scale
		}
		other.Columns = append(other.Columns,
			survival.Column{Name: "constant", Values: make([]float64, 8)},
			survival.Column{Name: "tiny", Values: []float64{0, 1e-300, 0, 1e-300, 0, 0, 0, 0}},
			survival.Column{Name: "huge", Values: []float64{0, 1e300, 0, -1e300, 0, 0, 0, 0}})
		if err := stump(t, other, y).Risk(context.Background(), other, got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("scale %g: risk of row %d is %g, want %g", scale, i, got[i], want[i])
			}
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
	infinite.Columns[0].Values[3] = math.Inf(-1)
	if _, err := Fit(context.Background(), infinite, y, Options{}, survival.FitOptions{}); !errors.As(err, &bad) || bad.Row != 3 || bad.Column != "a" {
		t.Errorf("infinite value: %v", err)
	}
	for name, call := range map[string]func(){
		"length":   func() { _, _ = Fit(context.Background(), x.Take([]int{0}), y, Options{}, survival.FitOptions{}) },
		"trees":    func() { _, _ = Fit(context.Background(), x, y, Options{Trees: -1}, survival.FitOptions{}) },
		"NaN stat": func() { _, _ = Fit(context.Background(), x, y, Options{MinStat: math.NaN()}, survival.FitOptions{}) },
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

// A split whose statistic does not exceed MinStat is not made. Weights of mean ≥ 1 are
// frequencies, which the statistic grows with; of smaller ones only the proportions count.
func TestMinStat(t *testing.T) {
	for _, c := range []struct {
		stat, weight float64
		leaves       int
	}{{0, 1, 2}, {1, 1, 2}, {20, 1, 1}, {1, 0x1p-9, 2}, {20, 0x1p-9, 1}, {20, 8, 2}, {200, 8, 1}} {
		x, y := example()
		if c.weight != 1 {
			y.Weight = slices.Repeat([]float64{c.weight}, 8)
		}
		m, err := Fit(context.Background(), x, y, Options{Trees: 1, Depth: 1, MinLeaf: 2, MinSplit: 2, MinStat: c.stat, NoBootstrap: true}, survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		risk, distinct := make([]float64, 8), map[float64]bool{}
		if err := m.Risk(context.Background(), x, risk); err != nil {
			t.Fatal(err)
		}
		for _, r := range risk {
			distinct[r] = true
		}
		if len(distinct) != c.leaves {
			t.Errorf("statistic %g, weights %g: %d leaves, want %d", c.stat, c.weight, len(distinct), c.leaves)
		}
	}
}

// A cancelled fit ends with the cause.
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
