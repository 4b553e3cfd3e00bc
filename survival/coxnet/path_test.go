package coxnet

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"everfold/survival"
)

func fitLast(t *testing.T, x *survival.Design, y survival.Outcome, opt Options) *Model {
	t.Helper()
	opt.Select = SelectLast
	m, err := Fit(context.Background(), x, y, opt, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func design(n int, columns ...survival.Column) *survival.Design {
	return &survival.Design{Rows: n, Columns: columns}
}

// A path of one column, by hand: with times 1 < 2 < 3, an event first, x = (1, 0, 0) and
// r = 1, ℓ' at β = 0 is 1 − 1/3, so α_max = 2/9; at α the optimum has
// 1 − e^β/(e^β + 2) = 3α, so e^β = 2(1/(3α) − 1).
func TestOneColumnByHand(t *testing.T) {
	x := design(3, survival.Column{Name: "x", Values: []float64{1, 0, 0}})
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, false, false}}
	path := fitLast(t, x, y, Options{L1Ratio: 1, Alphas: 5, MinRatio: 0.1}).Path()
	within(t, "α_max", path.Alphas[0], 2.0/9, 1e-15)
	for a, alpha := range path.Alphas {
		within(t, "α", alpha, 2.0/9*math.Pow(0.1, float64(a)/4), 1e-15)
		within(t, "β", path.Coefficients[a][0], math.Log(2*(1/(3*alpha)-1)), 1e-7)
		e := math.Exp(path.Coefficients[a][0])
		within(t, "explained share", path.DevRatio[a], 1-math.Log(e/(e+2))/math.Log(1.0/3), 1e-12)
	}
}

// The path ends with the α at which four steps have explained less than a thousandth, and
// never before the fifth; a path that explains nothing goes on, and so does one given.
func TestEarlyStop(t *testing.T) {
	for _, c := range []struct {
		ratios []float64
		want   bool
	}{
		{[]float64{1, 1, 1, 1}, false},
		{[]float64{1, 1, 1, 1, 1}, true},
		{[]float64{0, 1, 1, 1, 1}, false},
		{[]float64{0, 0, 0, 0, 0}, false},
		{[]float64{0, 0.9989, 0.99, 0.99, 0.99, 1}, false},
		{[]float64{0, 0.9991, 0.99, 0.99, 0.99, 1}, true},
	} {
		if got := stops(c.ratios); got != c.want {
			t.Errorf("%v: stops is %v", c.ratios, got)
		}
	}
	x, y := made(150, 3)
	stopped := fitLast(t, x, y, Options{MinRatio: 1e-6}).Path()
	if n := len(stopped.Alphas); n >= 100 || !stops(stopped.DevRatio) || stops(stopped.DevRatio[:n-1]) {
		t.Errorf("the path has %d αs", n)
	}
	given := geometric(stopped.Alphas[0], 1e-6, 100)
	if n := len(fitLast(t, x, y, Options{Path: given}).Path().Alphas); n != 100 {
		t.Errorf("a path of 100 given αs has %d", n)
	}
}

// Without a column that could enter, the path is the one α 0 and the model the null model.
func TestNothingToEnter(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3, 3}, Event: []bool{true, true, false, true}}
	one := survival.Column{Name: "one", Values: []float64{7, 7, 7, 7}}
	for _, x := range []*survival.Design{design(4), design(4, one)} {
		m := fitLast(t, x, y, Options{})
		path := m.Path()
		if !slices.Equal(path.Alphas, []float64{0}) || path.LogLik[0] != m.Report().LogLik[0] || path.DevRatio[0] != 0 || !m.Report().Converged {
			t.Errorf("%d columns: path %+v", len(x.Columns), path)
		}
		if got := len(m.Report().Warnings); got != len(x.Columns) {
			t.Errorf("%d warnings for %d constant columns", got, len(x.Columns))
		}
		if path = fitLast(t, x, y, Options{Path: []float64{1, 0.5}}).Path(); len(path.Alphas) != 2 {
			t.Errorf("a given path has %d αs", len(path.Alphas))
		}
	}
}

// A column that separates the events gets a finite coefficient under a penalty, however
// small; one with penalty factor 0 has no maximum: the fit says that it has not converged,
// and predictions are finite.
func TestSeparation(t *testing.T) {
	const n = 40
	v, other, y := make([]float64, n), make([]float64, n), survival.Outcome{}
	for i := range v {
		v[i], other[i] = -float64(i), float64(i*7%n)
		y.Time, y.Event = append(y.Time, float64(i+1)), append(y.Event, true)
	}
	x := design(n, survival.Column{Name: "order", Values: v}, survival.Column{Name: "other", Values: other})
	m := fitLast(t, x, y, Options{MinRatio: 1e-4})
	if b := m.Report().Coefficients[0].Value; !m.Report().Converged || !(b > 0.5 && b < 100) {
		t.Errorf("under a penalty: %+v", m.Report())
	}
	m = fitLast(t, x, y, Options{PenaltyFactor: []float64{0, 1}})
	if b := m.Report().Coefficients[0].Value; m.Report().Converged || math.IsInf(b, 0) || math.IsNaN(b) {
		t.Errorf("without a penalty: %+v", m.Report())
	}
	if w := m.Report().Warnings; len(w) != 1 || w[0].Category != "convergence" {
		t.Errorf("warnings %v", w)
	}
}

// More columns than rows, far more than are screened in: no column's path depends on how
// many others there are that never enter.
func TestScreeningChangesNothing(t *testing.T) {
	x, y := made(50, 60)
	dense := fitLast(t, x, y, Options{Alphas: 20, MinRatio: 0.2}).Path()
	for k := range 200 { // copies of a column that enters late or not at all, shrunk: never
		c := x.Columns[k%60]
		small := make([]float64, len(c.Values))
		for i, v := range c.Values {
			small[i] = v / 1000
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprintf("s%d", k), Values: small})
	}
	screened := fitLast(t, x, y, Options{Alphas: 20, MinRatio: 0.2}).Path()
	for a := range dense.Alphas {
		for j, want := range dense.Coefficients[a] {
			within(t, fmt.Sprintf("β %d at α %d", j, a), screened.Coefficients[a][j], want, 1e-6)
		}
		if slices.ContainsFunc(screened.Coefficients[a][60:], func(b float64) bool { return b != 0 }) {
			t.Errorf("α %d: a column that cannot enter has entered", a)
		}
	}
}

// Options outside their range, and data that do not fit together, panic naming the field.
func TestPanics(t *testing.T) {
	x, y := made(20, 2)
	short := y.Take([]int{1, 2})
	entry := y
	entry.Entry = make([]float64, 20)
	for want, f := range map[string]func(){
		"design and outcome": func() { fitLast(t, x, short, Options{}) },
		"left truncation":    func() { fitLast(t, x, entry, Options{}) },
		"L1Ratio":            func() { fitLast(t, x, y, Options{L1Ratio: 1.5}) },
		"Alphas":             func() { fitLast(t, x, y, Options{Alphas: -1}) },
		"MinRatio":           func() { fitLast(t, x, y, Options{MinRatio: 1}) },
		"InnerFolds":         func() { fitLast(t, x, y, Options{InnerFolds: 1}) },
		"Path must not":      func() { fitLast(t, x, y, Options{Path: []float64{}}) },
		"Path must be":       func() { fitLast(t, x, y, Options{Path: []float64{1, 1}}) },
		"number of columns":  func() { fitLast(t, x, y, Options{PenaltyFactor: []float64{1}}) },
		"not negative":       func() { fitLast(t, x, y, Options{PenaltyFactor: []float64{1, -1}}) },
		"not be all 0":       func() { fitLast(t, x, y, Options{PenaltyFactor: []float64{0, 0}}) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "coxnet: ") || !strings.Contains(got, want) {
					t.Errorf("%s: panic %q", want, got)
				}
			}()
			f()
		}()
	}
}
