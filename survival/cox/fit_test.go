package cox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
)

func column(name string, values ...float64) survival.Column {
	return survival.Column{Name: name, Term: name, Values: values}
}

func design(columns ...survival.Column) *survival.Design {
	return &survival.Design{Rows: len(columns[0].Values), Columns: columns}
}

func mustFit(t *testing.T, x *survival.Design, y survival.Outcome, opt Options) *Model {
	t.Helper()
	m, err := Fit(context.Background(), x, y, opt, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// curvesAt collects S(t|x) of every row.
func curvesAt(t *testing.T, m survival.Model, x *survival.Design, times []float64) [][]float64 {
	t.Helper()
	var out [][]float64
	err := m.Survival(context.Background(), x, times, func(_ int, s []float64) error {
		out = append(out, append([]float64(nil), s...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// worked is the training set of the worked example in docs/METHODS.md.
func worked() (*survival.Design, survival.Outcome) {
	return design(column("x", 1, 2, 0, 1, 0, 2)), survival.Outcome{
		Time:  []float64{2, 3, 3, 5, 6, 7},
		Event: []bool{true, true, true, false, true, false},
	}
}

func ExampleFit() {
	x, y := worked()
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("β = %.12f\n", m.Report().Coefficients[0].Value)
	err = m.Survival(context.Background(), x.Take([]int{4}), []float64{1, 3, 6}, func(_ int, s []float64) error {
		fmt.Printf("S(1), S(3), S(6) at x = 0: %.12f %.12f %.12f\n", s[0], s[1], s[2])
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// β = -0.318542795708
	// S(1), S(3), S(6) at x = 0: 1.000000000000 0.441793327827 0.229693963831
}

// The worked example: coefficient, Efron baseline hazard and curves, to the last digits.
func TestWorkedExample(t *testing.T) {
	x, y := worked()
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{Times: survival.TimesMlr3proba})
	if err != nil {
		t.Fatal(err)
	}
	beta := m.Report().Coefficients[0].Value
	within(t, "β", beta, -0.318542795708000, 1e-13)
	h, means, ok := m.Baseline(0)
	if !ok {
		t.Fatal("no baseline")
	}
	for at, want := range map[float64]float64{1: 0, 2: 0.221627338291486, 3: 0.816913090357307, 6: 1.471007448122254} {
		within(t, fmt.Sprintf("H₀(%g)", at), h.At(at)*math.Exp(-means[0]*beta), want, 1e-13)
	}
	want := [][]float64{
		{1, 0.441793327827211, 0.441793327827211, 0.229693963830874, 0.229693963830874},
		{1, 0.552078132357751, 0.552078132357751, 0.343101718811761, 0.343101718811761},
		{1, 0.649203337539240, 0.649203337539240, 0.459362810383439, 0.459362810383439},
	}
	for i, s := range curvesAt(t, m, design(column("x", 0, 1, 2)), []float64{1, 3, 4, 6, 8}) {
		for j := range s {
			within(t, fmt.Sprintf("S of x=%d at point %d", i, j), s[j], want[i][j], 1e-13)
		}
	}
}

// By hand: events at x = 1, then x = 0, then a censored row with x = 1 give
// ℓ = β − log(2e^β + 1) − log(1 + e^β), which is largest at e^β = 1/√2.
func TestByHand(t *testing.T) {
	x := design(column("x", 1, 0, 1))
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, false}}
	m := mustFit(t, x, y, Options{Ties: riskset.Breslow})
	u := 1 / math.Sqrt2
	within(t, "β", m.Report().Coefficients[0].Value, math.Log(u), 1e-12)
	within(t, "ℓ", m.Report().LogLik[1], math.Log(u)-math.Log(2*u+1)-math.Log(1+u), 1e-14)
	within(t, "ℓ(0)", m.Report().LogLik[0], -math.Log(3)-math.Log(2), 1e-14)
}

// Tied events see the same risk set under Breslow, so that rows alike in time and
// covariates have equal martingale residuals. (XGBoost's survival:cox lets the risk set
// grow event by event within a tie.)
func TestTiedRowsAreAlike(t *testing.T) {
	x := design(column("x", 1, 1, 0, 0))
	y := survival.Outcome{Time: []float64{1, 1, 1, 2}, Event: []bool{true, true, false, true}}
	for _, ties := range []riskset.Ties{riskset.Breslow, riskset.Efron} {
		l, err := NewLikelihood(x, y, Options{Ties: ties})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Eval(context.Background(), []float64{0.3}, make([]float64, 1), make([]float64, 1)); err != nil {
			t.Fatal(err)
		}
		if l.exposure[0] != l.exposure[1] {
			t.Errorf("%v: residuals of two equal rows are %g and %g", ties, l.exposure[0], l.exposure[1])
		}
	}
}

// Without columns the model is its baseline, exp(−Nelson–Aalen) under Breslow, and ℓ stays.
func TestNullModel(t *testing.T) {
	_, y := worked()
	m := mustFit(t, &survival.Design{Rows: 6}, y, Options{Ties: riskset.Breslow})
	if rep := m.Report(); !rep.Converged || rep.LogLik[0] != rep.LogLik[1] || len(rep.Coefficients) != 0 {
		t.Errorf("report %+v", rep)
	}
	s := curvesAt(t, m, &survival.Design{Rows: 1}, []float64{2, 3, 7})
	within(t, "S(7)", s[0][2], math.Exp(-1.0/6-2.0/5-1.0/2), 1e-15)
}

// A constant column and one that repeats others get coefficient 0, SE NaN and a data
// warning; the others' estimates are those without them.
func TestAliasedColumns(t *testing.T) {
	x, y := worked()
	v := x.Columns[0].Values
	double := make([]float64, len(v))
	for i := range v {
		double[i] = 3 - 2*v[i]
	}
	full := mustFit(t, design(column("c", 7, 7, 7, 7, 7, 7), x.Columns[0], column("d", double...)), y, Options{}).Report()
	alone := mustFit(t, x, y, Options{}).Report()
	within(t, "β", full.Coefficients[1].Value, alone.Coefficients[0].Value, 1e-13)
	within(t, "SE", full.Coefficients[1].SE, alone.Coefficients[0].SE, 1e-13)
	for _, j := range []int{0, 2} {
		if c := full.Coefficients[j]; c.Value != 0 || !math.IsNaN(c.SE) || !warned(full, "data", fmt.Sprintf("%q", c.Column)) {
			t.Errorf("column %q: %+v, warnings %v", c.Column, c, full.Warnings)
		}
	}
	if !full.Converged {
		t.Error("aliased columns kept the fit from converging")
	}
}

func warned(rep survival.Report, category, part string) bool {
	for _, w := range rep.Warnings {
		if w.Category == category && strings.Contains(w.Message, part) {
			return true
		}
	}
	return false
}

// Separation (a dummy without events; a column that orders the events; one whose linear
// predictor leaves float64) gives a finite estimate, Converged false, and a convergence
// warning; the other coefficients are those of the limit.
func TestSeparation(t *testing.T) {
	n := 200
	x, y := simulated(n)
	dummy := make([]float64, n)
	for i := range dummy {
		if !y.Event[i] && i%3 == 0 {
			dummy[i] = 1
		}
	}
	m := mustFit(t, &survival.Design{Rows: n, Columns: append([]survival.Column{column("none fail", dummy...)}, x.Columns...)}, y, Options{})
	rep := m.Report()
	if b := rep.Coefficients[0].Value; rep.Converged || !(b < -10 && b > -100) || !warned(rep, "convergence", "none fail") {
		t.Errorf("dummy without events: β %g, %+v", b, rep.Warnings)
	}
	// In the limit those rows never are at risk.
	var kept []int
	for i, d := range dummy {
		if d == 0 {
			kept = append(kept, i)
		}
	}
	limit := mustFit(t, x.Take(kept), y.Take(kept), Options{}).Report()
	for j, c := range limit.Coefficients {
		within(t, c.Column, rep.Coefficients[j+1].Value, c.Value, 1e-6)
	}

	for _, step := range []float64{1, 1e-4, 1e6} {
		ordered, events := make([]float64, 50), survival.Outcome{Time: make([]float64, 50), Event: make([]bool, 50)}
		for i := range ordered {
			ordered[i], events.Time[i], events.Event[i] = step*float64(i), float64(50-i), true
		}
		rep := mustFit(t, design(column("order", ordered...)), events, Options{}).Report()
		if b := rep.Coefficients[0]; rep.Converged || math.IsInf(b.Value, 0) || !(b.Value > 0) || !warned(rep, "convergence", "") {
			t.Errorf("ordered column, step %g: %+v", step, rep)
		}
	}
}

// Data that nothing can be estimated from are typed errors.
func TestFitErrors(t *testing.T) {
	x, y := worked()
	ctx := context.Background()
	censored := y
	censored.Event = make([]bool, 6)
	if _, err := Fit(ctx, x, censored, Options{}, survival.FitOptions{}); !errors.Is(err, survival.ErrNoEvents) {
		t.Errorf("no events: %v", err)
	}
	var data *survival.DataError
	bad := y
	bad.Time = []float64{2, 3, 0, 5, 6, 7}
	if _, err := Fit(ctx, x, bad, Options{}, survival.FitOptions{}); !errors.As(err, &data) || data.Row != 2 || data.Column != "time" {
		t.Errorf("zero time: %v", err)
	}
	gap := design(column("x", 1, 2, 0, math.NaN(), 0, 2))
	if _, err := Fit(ctx, gap, y, Options{}, survival.FitOptions{}); !errors.As(err, &data) || data.Row != 3 || data.Column != "x" {
		t.Errorf("missing covariate: %v", err)
	}
	late := y
	late.Entry = []float64{0, 0, 3 - 1e-12, 0, 0, 0}
	if _, err := Fit(ctx, x, late, Options{}, survival.FitOptions{Times: survival.TimesMlr3proba}); !errors.As(err, &data) || data.Row != 2 {
		t.Errorf("entry merged with its time: %v", err)
	}
	offset := Options{Offset: []float64{1e6, 0, 0, 0, 0, 0}}
	if _, err := Fit(ctx, x, y, offset, survival.FitOptions{}); !errors.Is(err, survival.ErrNotConverged) {
		t.Errorf("offsets beyond float64: %v", err)
	}
	stop := errors.New("stop")
	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(stop)
	if _, err := Fit(cancelled, x, y, Options{}, survival.FitOptions{}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}

// What a caller could have known panics.
func TestFitPanics(t *testing.T) {
	x, y := worked()
	for name, f := range map[string]func(){
		"lengths":        func() { mustFit(t, x, y.Take([]int{0, 1}), Options{}) },
		"offset":         func() { mustFit(t, x, y, Options{Offset: []float64{1}}) },
		"negative alpha": func() { mustFit(t, x, y, Options{Alpha: -1}) },
		"no strata":      func() { mustFit(t, x, y, Options{Stratified: true}) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "cox: ") {
					t.Errorf("%s: %s", name, p)
				}
			}()
			f()
		}()
	}
}
