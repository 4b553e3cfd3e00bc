package aft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/oracle"
)

func column(name string, values ...float64) survival.Column {
	return survival.Column{Name: name, Term: name, Values: values}
}

func design(columns ...survival.Column) *survival.Design {
	return &survival.Design{Rows: len(columns[0].Values), Columns: columns}
}

func lung(t *testing.T) (*survival.Design, survival.Outcome) {
	t.Helper()
	x, y, err := oracle.Load(filepath.Join("..", ".."), "lung")
	if err != nil {
		t.Fatal(err)
	}
	return x, y
}

func mustFit(t *testing.T, x *survival.Design, y survival.Outcome) *Model {
	t.Helper()
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ExampleFit() {
	x := design(column("treated", 0, 0, 0, 1, 1, 1))
	y := survival.Outcome{Time: []float64{1, 2, 4, 3, 6, 9}, Event: []bool{true, true, true, true, true, false}}
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	sigma, _ := m.Scale()
	fmt.Printf("treatment multiplies survival times by %.2f; shape %.2f\n", math.Exp(m.Report().Coefficients[0].Value), 1/sigma)
	// Output: treatment multiplies survival times by 3.02; shape 1.95
}

// The published lung fit (complete on age, sex, ph.ecog), log-likelihood on the scale of T.
func TestPublishedLung(t *testing.T) {
	x, y := lung(t)
	y.Weight, y.Entry = nil, nil
	m := mustFit(t, x, y)
	intercept, _ := m.Intercept()
	sigma, _ := m.Scale()
	got := []float64{intercept, sigma, m.Report().LogLik[1]}
	for _, c := range m.Report().Coefficients {
		got = append(got, c.Value)
	}
	for i, want := range []string{"6.2734353", "0.7311090", "-1132.4387", "-0.0074754", "0.4010905", "-0.3396381"} {
		digits := len(want) - strings.Index(want, ".") - 1
		if s := strconv.FormatFloat(got[i], 'f', digits, 64); s != want {
			t.Errorf("number %d is %s, want %s", i, s, want)
		}
	}
}

func eval(t *testing.T, l *Likelihood, theta []float64) (value float64, grad, info []float64) {
	t.Helper()
	grad, info = make([]float64, len(theta)), make([]float64, len(theta)*len(theta))
	value, err := l.Eval(context.Background(), theta, grad, info)
	if err != nil {
		t.Fatal(err)
	}
	return value, grad, info
}

// Without columns, censoring and truncation the estimate solves the textbook's score
// equations: Σ e^z = n and Σ z e^z − Σ z = n.
func TestNullModel(t *testing.T) {
	_, y := lung(t)
	y.Weight, y.Entry = nil, nil
	for i := range y.Event {
		y.Event[i] = true
	}
	m := mustFit(t, &survival.Design{Rows: y.Len()}, y)
	mu, _ := m.Intercept()
	sigma, _ := m.Scale()
	first, second, n := 0.0, 0.0, float64(y.Len())
	for _, v := range y.Time {
		z := (math.Log(v) - mu) / sigma
		first += math.Exp(z)
		second += z*math.Exp(z) - z
	}
	if math.Abs(first/n-1) > 1e-12 || math.Abs(second/n-1) > 1e-12 {
		t.Errorf("score equations give %g and %g, want 1", first/n, second/n)
	}
	if rep := m.Report(); !rep.Converged || math.Abs(rep.LogLik[0]-rep.LogLik[1]) > 1e-9 {
		t.Errorf("report %+v", rep)
	}
}

// Constant and collinear columns get 0, NaN and a warning; predictions go on. (R's
// predict.survreg gives NA once a column is aliased.)
func TestAliasedColumns(t *testing.T) {
	x, y := lung(t)
	alone := mustFit(t, x, y).Report()
	constant, double := make([]float64, x.Rows), make([]float64, x.Rows)
	for i := range double {
		constant[i], double[i] = 5, 1-2*x.Columns[0].Values[i]
	}
	wide := design(append([]survival.Column{column("five", constant...)}, append(x.Columns, column("double", double...))...)...)
	m := mustFit(t, wide, y)
	rep := m.Report()
	for j, c := range alone.Coefficients {
		if math.Abs(rep.Coefficients[j+1].Value-c.Value) > 1e-10*c.SE {
			t.Errorf("%s is %g, alone %g", c.Column, rep.Coefficients[j+1].Value, c.Value)
		}
	}
	for _, j := range []int{0, 4} {
		if c := rep.Coefficients[j]; c.Value != 0 || !math.IsNaN(c.SE) {
			t.Errorf("%+v", c)
		}
	}
	if len(rep.Warnings) != 2 || rep.Warnings[0].Category != "data" || !rep.Converged {
		t.Errorf("%+v", rep)
	}
	risk := make([]float64, x.Rows)
	if err := m.Risk(context.Background(), wide, risk); err != nil || math.IsNaN(risk[0]) {
		t.Errorf("risk %g, %v", risk[0], err)
	}
}

// A group without events has no finite coefficient: finite, not converged, warned.
func TestSeparation(t *testing.T) {
	x, y := lung(t)
	dummy := make([]float64, x.Rows)
	for i := range dummy {
		if !y.Event[i] {
			dummy[i] = 1
		}
	}
	rep := mustFit(t, design(append(x.Columns, column("none fail", dummy...))...), y).Report()
	b := rep.Coefficients[3].Value
	if rep.Converged || !(b > 3 && b < 1e3) || len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0].Message, "none fail") {
		t.Errorf("%+v", rep)
	}
}

// Typed errors where data decide, and a panic where the caller could have known.
func TestFitErrors(t *testing.T) {
	x, y := design(column("x", 1, 2, 4)), survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, true}}
	ctx := context.Background()
	none := y
	none.Event = make([]bool, 3)
	if _, err := Fit(ctx, x, none, Options{}, survival.FitOptions{}); !errors.Is(err, survival.ErrNoEvents) {
		t.Errorf("no events: %v", err)
	}
	same := y
	same.Time = []float64{2, 2, 2}
	if _, err := Fit(ctx, x, same, Options{}, survival.FitOptions{}); !errors.Is(err, survival.ErrNotConverged) {
		t.Errorf("one time for all: %v", err)
	}
	exact := design(column("x", math.Log(1), math.Log(2), math.Log(3)))
	if _, err := Fit(ctx, exact, y, Options{}, survival.FitOptions{}); !errors.Is(err, survival.ErrNotConverged) {
		t.Errorf("times a function of x: %v", err)
	}
	var data *survival.DataError
	bad := y
	bad.Time = []float64{1, math.Inf(1), 3}
	if _, err := Fit(ctx, x, bad, Options{}, survival.FitOptions{}); !errors.As(err, &data) || data.Row != 1 {
		t.Errorf("infinite time: %v", err)
	}
	if _, err := Fit(ctx, design(column("x", 1, 2, math.NaN())), y, Options{}, survival.FitOptions{}); !errors.As(err, &data) || data.Row != 2 {
		t.Errorf("missing covariate: %v", err)
	}
	late := y
	late.Entry = []float64{0, 2 - 1e-12, 0}
	if _, err := Fit(ctx, x, late, Options{}, survival.FitOptions{Times: survival.TimesMlr3proba}); !errors.As(err, &data) {
		t.Errorf("entry merged with its time: %v", err)
	}
	stop := errors.New("stop")
	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(stop)
	if _, err := Fit(cancelled, x, y, Options{}, survival.FitOptions{}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("lengths differ: no panic")
		}
	}()
	_, _ = NewLikelihood(x, y.Take([]int{0}), Weibull)
}

// An entry time at or below 0 truncates nothing.
func TestEntryAtZero(t *testing.T) {
	x, y := lung(t)
	y.Entry = nil
	a, _ := mustFit(t, x, y).MarshalBinary()
	y.Entry = make([]float64, y.Len())
	y.Entry[3] = -5
	if b, _ := mustFit(t, x, y).MarshalBinary(); !bytes.Equal(a, b) {
		t.Error("entry times of 0 change the fit")
	}
}

// Another unit of time shifts the intercept by its logarithm and the log-likelihood by
// Σδ·log unit, nothing else; a row twice is a row of weight 2.
func TestInvariance(t *testing.T) {
	x, y := lung(t)
	y.Weight = nil
	days := mustFit(t, x, y)
	years := y.Take(nil)
	for i := range y.Time {
		years.Time = append(years.Time, y.Time[i]/365.25)
		years.Entry = append(years.Entry, y.Entry[i]/365.25)
		years.Event = append(years.Event, y.Event[i])
	}
	m := mustFit(t, x, years)
	a, _ := days.Intercept()
	b, _ := m.Intercept()
	shift := math.Log(365.25)
	if math.Abs(a-b-shift) > 1e-10 || math.Abs(m.Report().LogLik[1]-days.Report().LogLik[1]-shift*float64(y.Events())) > 1e-8 {
		t.Errorf("intercepts %g and %g, log-likelihoods %g and %g", a, b, days.Report().LogLik[1], m.Report().LogLik[1])
	}
	rows := make([]int, 0, 2*x.Rows)
	weighted := y
	weighted.Weight = make([]float64, x.Rows)
	for i := range x.Rows {
		rows = append(rows, i)
		weighted.Weight[i] = 1
		if i%3 == 0 {
			rows = append(rows, i)
			weighted.Weight[i] = 2
		}
	}
	twice, weights := mustFit(t, x.Take(rows), y.Take(rows)).Report(), mustFit(t, x, weighted).Report()
	for j, c := range twice.Coefficients {
		if math.Abs(c.Value-weights.Coefficients[j].Value) > 1e-9*c.SE {
			t.Errorf("%s is %g with rows twice, %g with weights", c.Column, c.Value, weights.Coefficients[j].Value)
		}
	}
}

// Files read back to equal bytes, curves and risks; impossible ones are refused.
func TestModelFile(t *testing.T) {
	x, y := lung(t)
	m := mustFit(t, x, y)
	data, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.MarshalBinary(); !bytes.Equal(again, data) || back.Type() != "weibull_aft" || len(back.Columns()) != 3 {
		t.Errorf("decoded as %s with %v", back.Type(), back.Columns())
	}
	for name, parameters := range map[string][]float64{"few": {1}, "no scale": {1, 1, 1, 0, 1}, "NaN scale": {1, 1, 1, math.NaN(), 1}} {
		w := modelfile.NewWriter(Type, Version)
		w.Strings(nil)
		w.Floats(nil)
		w.Floats(nil)
		w.Floats(parameters)
		w.Report(survival.Report{})
		if _, err := Decode(w.Bytes()); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Decode(data[1:]); !errors.Is(err, survival.ErrBadModelFile) {
		t.Errorf("cut: %v", err)
	}
}

// Curves are S = 1 up to time 0, fall ever after, beyond the last fitted time too, and stop when told.
func TestCurves(t *testing.T) {
	x, y := lung(t)
	m := mustFit(t, x, y)
	times := []float64{-1, 0, 1e-300, 1, 500, 5000, 1e300}
	err := m.Survival(context.Background(), x, times, func(row int, s []float64) error {
		if s[0] != 1 || s[1] != 1 || s[6] != 0 || !(s[3] > s[4] && s[4] > s[5] && s[5] > 0) {
			return fmt.Errorf("row %d: %v", row, s)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	stop := errors.New("stop")
	if err := m.Survival(context.Background(), x, times, func(int, []float64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error became %v", err)
	}
	var missing *survival.ColumnError
	if err := m.Survival(context.Background(), &survival.Design{Rows: 1}, times, nil); !errors.As(err, &missing) {
		t.Errorf("missing column: %v", err)
	}
}

// Decoding never panics, whatever the bytes behind a sound digest.
func FuzzDecode(f *testing.F) {
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, true}}
	m, err := Fit(context.Background(), design(column("x", 1, 2, 4)), y, Options{}, survival.FitOptions{})
	if err != nil {
		f.Fatal(err)
	}
	data, err := m.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:len(data)-32])
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := Decode(modelfile.Seal(body)); err != nil && !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("untyped error %v", err)
		}
	})
}
