package nonparam

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

var small = survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, false, true}}

// The model gives every row the same curve and risk 0, needs no column, and its file
// reads back to equal bytes.
func TestModel(t *testing.T) {
	m, err := Fit(context.Background(), small, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = Decode(data); err != nil {
		t.Fatal(err)
	}
	if again, _ := m.MarshalBinary(); !bytes.Equal(again, data) {
		t.Error("the decoded model writes other bytes")
	}
	x := &survival.Design{Rows: 2}
	risk, rows := []float64{7, 7}, 0
	if err := m.Risk(context.Background(), x, risk); err != nil || risk[0] != 0 || risk[1] != 0 {
		t.Errorf("risk is %v, %v", risk, err)
	}
	err = m.Survival(context.Background(), x, []float64{0.5, 1, 9}, func(row int, s []float64) error {
		if row != rows || s[0] != 1 || math.Abs(s[1]-2.0/3) > 1e-15 || s[2] != 0 {
			t.Errorf("row %d (want %d) has %v", row, rows, s)
		}
		s[0] = 99 // a visitor may scribble on its slice
		rows++
		return nil
	})
	if err != nil || rows != 2 || m.Type() != "km" || len(m.Columns()) != 0 || !m.Report().Converged {
		t.Errorf("%d rows visited, %v; %q %v %+v", rows, err, m.Type(), m.Columns(), m.Report())
	}
}

// Under mlr3proba's rule near-equal times are one step, and step times have 15 digits.
func TestModelTimeRule(t *testing.T) {
	y := survival.Outcome{Time: []float64{0.30000000000000004, 0.3, 2}, Event: []bool{true, true, true}}
	m, err := Fit(context.Background(), y, survival.FitOptions{Times: survival.TimesMlr3proba})
	if err != nil {
		t.Fatal(err)
	}
	if c := m.Curve(); len(c.Times) != 2 || c.Times[0] != 0.3 {
		t.Errorf("steps at %v", c.Times)
	}
}

// A fit fails with the typed error of its cause.
func TestModelErrors(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := Fit(cancelled, small, survival.FitOptions{}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	censored := survival.Outcome{Time: []float64{1}, Event: []bool{false}}
	if _, err := Fit(context.Background(), censored, survival.FitOptions{}); !errors.Is(err, survival.ErrNoEvents) {
		t.Errorf("no events: %v", err)
	}
	var data *survival.DataError
	bad := survival.Outcome{Time: []float64{1, -1}, Event: []bool{true, true}}
	if _, err := Fit(context.Background(), bad, survival.FitOptions{}); !errors.As(err, &data) || data.Row != 1 {
		t.Errorf("negative time: %v", err)
	}
	late := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}, Entry: []float64{0, 2 - 1e-12}}
	if _, err := Fit(context.Background(), late, survival.FitOptions{Times: survival.TimesMlr3proba}); !errors.As(err, &data) {
		t.Errorf("entry merged with its time: %v", err)
	}
	m, err := Fit(context.Background(), small, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	visit := func(int, []float64) error { return stop }
	x := &survival.Design{Rows: 1}
	if err := m.Survival(context.Background(), x, nil, visit); !errors.Is(err, stop) {
		t.Errorf("the visitor's error became %v", err)
	}
	if err := m.Survival(cancelled, x, nil, visit); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}

// A file with a sound frame but a curve that no fit can have is refused.
func TestDecodeRefusesImpossibleCurves(t *testing.T) {
	for name, f := range map[string]survival.StepFunction{
		"rising":       {Times: []float64{1, 2}, Values: []float64{.5, .6}, Before: 1},
		"negative":     {Times: []float64{1}, Values: []float64{-1}, Before: 1},
		"not from one": {Before: 0.5},
		"unsorted":     {Times: []float64{2, 1}, Values: []float64{.5, .4}, Before: 1},
	} {
		w := modelfile.NewWriter(Type, Version)
		w.Step(f)
		w.Report(survival.Report{})
		if _, err := Decode(w.Bytes()); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Decode([]byte("EVERFOLD")); !errors.Is(err, survival.ErrBadModelFile) {
		t.Errorf("cut short: %v", err)
	}
}
