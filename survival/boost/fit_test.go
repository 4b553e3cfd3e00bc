package boost

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
			{Name: "gap", Term: "gap", Values: []float64{1, math.NaN(), 3, math.NaN(), 1, 2, 3, 4}},
		}}, survival.Outcome{
			Time:  []float64{9, 8, 8, 6, 5, 3, 2, 1},
			Event: []bool{false, true, false, true, true, true, true, true},
		}
}

func ExampleFit() {
	x, y := example()
	m, err := Fit(context.Background(), x, y, Options{Trees: 20, Leaf: Newton}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	risk := make([]float64, x.Rows)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		panic(err)
	}
	fmt.Printf("%.2f %.2f\n", risk[0], risk[7])
	// Output: -1.31 1.64
}

// One round of depth 1 by hand: the split is at the largest difference of mean gradients,
// F the learning rate times the leaves' means.
func TestOneRound(t *testing.T) {
	x := &survival.Design{Rows: 4, Columns: []survival.Column{{Name: "a", Values: []float64{1, 2, 3, 4}}}}
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	// Gradients at F = 0: 1 − Σ_{j ≤ i} 1/(4−j+1) = 3/4, 5/12, −1/12, −13/12.
	m, err := Fit(context.Background(), x, y, Options{Trees: 1, Depth: 1, LearningRate: 0.5}, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	risk := make([]float64, 4)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		t.Fatal(err)
	}
	high, low := 0.5*(3./4+5./12-1./12)/3, 0.5*-13./12
	for i, want := range []float64{high, high, high, low} {
		if math.Abs(risk[i]-want) > 1e-15 {
			t.Errorf("row %d: %g, want %g", i, risk[i], want)
		}
	}
	ll := m.Report().LogLik
	if want := -math.Log(24); math.Abs(ll[0]-want) > 1e-12 || !(ll[1] > ll[0]) {
		t.Errorf("log-likelihoods %v, want from %g upwards", ll, want)
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
		"options": func() { _, _ = Fit(context.Background(), x, y, Options{Subsample: 2}, survival.FitOptions{}) },
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

// With split and rows fixed the penalty shrinks Newton leaves; zero means one.
func TestLambda(t *testing.T) {
	x := &survival.Design{Rows: 4, Columns: []survival.Column{{Name: "a", Values: []float64{1, 1, 2, 2}}}}
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	first := func(lambda float64) float64 {
		m, err := Fit(context.Background(), x, y, Options{Trees: 1, Leaf: Newton, Lambda: lambda}, survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return m.values[0][0]
	}
	free, one, def := first(-1), first(1), first(0)
	// g = 3/4 + 5/12; h = Σ (Λ − Σ1/R²) = (1/4 − 1/16) + (7/12 − 25/144).
	g, h := 7./6, 3./16+59./144
	if math.Abs(free-0.1*g/h) > 1e-15 || math.Abs(one-0.1*g/(h+1)) > 1e-15 || one != def {
		t.Errorf("leaf %g without penalty, %g with 1, %g by default", free, one, def)
	}
}

// Fields that make no model are refused behind a good digest too.
func TestDecodeRefuses(t *testing.T) {
	header := func() *modelfile.Writer {
		w := modelfile.NewWriter(Type, Version)
		w.Strings([]string{"a"})
		w.Float(0)
		w.Step(survival.StepFunction{})
		w.Bool(true)
		return w
	}
	for name, nodes := range map[string][]int32{"empty": nil, "column": {2, -1, -1}, "open": {0, -1}, "beyond": {-1, -1}, "negative": {-2, -1, -1}} {
		w := header()
		w.Int32s(nodes)
		w.Floats([]float64{1})
		w.Floats([]float64{1, 2})
		w.Bool(false)
		w.Report(survival.Report{})
		if _, err := Decode(w.Bytes()); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := header()
	(&tree.Tree{Feature: []int32{-1}, Threshold: []float64{0}, GapLeft: []bool{false}}).Write(w)
	w.Floats([]float64{1, 2})
	w.Bool(false)
	w.Report(survival.Report{})
	if _, err := Decode(w.Bytes()); !errors.Is(err, survival.ErrBadModelFile) {
		t.Errorf("two values for one leaf: %v", err)
	}
}
