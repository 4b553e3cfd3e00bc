package cox

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/riskset"
)

// A model file reads back to a model with equal risks, curves, report and bytes; damaged
// or foreign bytes, and a file of the other type, are refused.
func TestModelFile(t *testing.T) {
	x, y := simulated(60)
	for _, stratified := range []bool{false, true} {
		m := mustFit(t, x, y, Options{Alpha: 1, Ties: riskset.Breslow, Stratified: stratified})
		data, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		decode, other := Decode, DecodeStratified
		if stratified {
			decode, other = other, decode
		}
		back, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := back.MarshalBinary(); !bytes.Equal(again, data) {
			t.Error("the decoded model writes other bytes")
		}
		if back.Type() != m.Type() || back.Ties() != riskset.Breslow || !slices.Equal(back.Columns(), m.Columns()) {
			t.Errorf("decoded as %s, %v, %v", back.Type(), back.Ties(), back.Columns())
		}
		times := []float64{0.5, 1, 3, 50}
		a, b := curvesAt(t, m, x, times), curvesAt(t, back, x, times)
		for i := range a {
			if !slices.Equal(a[i], b[i]) {
				t.Fatalf("row %d: %v and %v", i, a[i], b[i])
			}
		}
		if _, err := other(data); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("read as the other type: %v", err)
		}
		data[len(data)/2] ^= 1
		if _, err := decode(data); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("damaged: %v", err)
		}
	}
}

// Soundly framed files that no fit can have written are refused.
func TestDecodeRefusesImpossibleModels(t *testing.T) {
	write := func(ties string, center []float64, strata ...int) []byte {
		w := modelfile.NewWriter(Type, Version)
		w.String(ties)
		w.Float(0)
		w.Strings([]string{"x"})
		w.Floats(center)
		w.Floats([]float64{1})
		for _, s := range strata {
			w.Bool(true)
			w.Int(s)
			w.Step(survival.StepFunction{})
		}
		w.Bool(false)
		w.Report(survival.Report{})
		return w.Bytes()
	}
	if _, err := Decode(write("efron", []float64{0}, 0)); err != nil {
		t.Fatalf("a sound file: %v", err)
	}
	for name, data := range map[string][]byte{
		"ties":       write("exact", []float64{0}, 0),
		"centres":    write("efron", nil, 0),
		"no strata":  write("efron", []float64{0}),
		"two strata": write("efron", []float64{0}, 0, 1),
	} {
		if _, err := Decode(data); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Decoding never panics, whatever the bytes behind a sound digest.
func FuzzDecode(f *testing.F) {
	x, y := simulated(30)
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil {
		f.Fatal(err)
	}
	data, err := m.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:len(data)-32])
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, err := Decode(modelfile.Seal(body)); err == nil {
			if _, err := m.MarshalBinary(); err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("untyped error %v", err)
		}
	})
}

// Rows with equal covariates have bit-equal risks, wherever they stand and whatever other
// columns the design has, in any order.
func TestRiskBits(t *testing.T) {
	x, y := simulated(60)
	m := mustFit(t, x, y, Options{})
	risk := make([]float64, 60)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		t.Fatal(err)
	}
	rows := []int{7, 3, 7, 59, 3}
	taken := x.Take(rows)
	taken.Columns = []survival.Column{taken.Columns[2], column("other", 9, 9, 9, 9, 9), taken.Columns[0], taken.Columns[1]}
	again := make([]float64, 5)
	if err := m.Risk(context.Background(), taken, again); err != nil {
		t.Fatal(err)
	}
	for k, i := range rows {
		if again[k] != risk[i] {
			t.Errorf("row %d has risk %v and %v", i, risk[i], again[k])
		}
	}
}

// Prediction refuses a missing column, a value that is not finite and an unknown stratum,
// each with its typed error, and stops when told.
func TestPredictionErrors(t *testing.T) {
	x, y := simulated(60)
	m := mustFit(t, x, y, Options{Stratified: true})
	ctx := context.Background()
	risk := make([]float64, 60)
	var missing *survival.ColumnError
	if err := m.Risk(ctx, &survival.Design{Rows: 60, Columns: x.Columns[:2], Strata: x.Strata}, risk); !errors.As(err, &missing) || missing.Column != "x2" {
		t.Errorf("missing column: %v", err)
	}
	var data *survival.DataError
	bad := x.Take([]int{0, 1})
	bad.Columns[1].Values[1] = math.Inf(1)
	if err := m.Survival(ctx, bad, nil, nil); !errors.As(err, &data) || data.Row != 1 || data.Column != "x1" {
		t.Errorf("infinite covariate: %v", err)
	}
	unknown := x.Take([]int{0, 1})
	unknown.Strata[0] = 2
	if err := m.Survival(ctx, unknown, nil, nil); !errors.As(err, &data) || data.Row != 0 || data.Column != "stratum" {
		t.Errorf("unknown stratum: %v", err)
	}
	if err := m.Risk(ctx, unknown, risk[:2]); !errors.As(err, &data) || data.Row != 0 || data.Column != "stratum" {
		t.Errorf("risk in an unknown stratum: %v", err)
	}
	if _, _, ok := m.Baseline(2); ok {
		t.Error("an unknown stratum has a baseline")
	}
	stop := errors.New("stop")
	if err := m.Survival(ctx, x, nil, func(int, []float64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the visitor's error became %v", err)
	}
	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(stop)
	if err := m.Survival(cancelled, x, nil, nil); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a stratified model predicted without strata")
		}
	}()
	_ = m.Survival(ctx, &survival.Design{Rows: 60, Columns: x.Columns}, nil, nil)
}

// Curves stay within [0, 1] and never rise, are 1 before the first event time, and an
// infinite relative risk is S = 0, not NaN.
func TestCurves(t *testing.T) {
	x, y := worked()
	m := mustFit(t, x, y, Options{})
	far := design(column("x", -1e300, 1e300, 1))
	for i, s := range curvesAt(t, m, far, []float64{-1, 0, 1.999, 2, 3, 6, 1e9}) {
		last := 1.0
		for j, v := range s {
			if !(v >= 0 && v <= last) || (j < 3 && v != 1) {
				t.Errorf("row %d: %v", i, s)
				break
			}
			last = v
		}
	}
}

// Metamorphic relations: a row twice is a row of weight 2 (Breslow); the order of rows, the unit of
// time and a shift and scale of a covariate change nothing but the coefficient's unit.
func TestInvariance(t *testing.T) {
	x, y := simulated(80)
	y.Weight = nil
	base := mustFit(t, x, y, Options{Ties: riskset.Breslow}).Report()

	reversed := make([]int, 80)
	for i := range reversed {
		reversed[i] = 79 - i
	}
	months := y.Take(reversed)
	for i := range months.Time {
		months.Time[i], months.Entry[i] = months.Time[i]/32, months.Entry[i]/32
	}
	xr := x.Take(reversed)
	for i, v := range xr.Columns[0].Values {
		xr.Columns[0].Values[i] = 1e6 - 1000*v
	}
	for j, c := range mustFit(t, xr, months, Options{Ties: riskset.Breslow}).Report().Coefficients {
		unit := 1.0
		if j == 0 {
			unit = -1000
		}
		within(t, c.Column, c.Value*unit, base.Coefficients[j].Value, 1e-9*base.Coefficients[j].SE)
		within(t, "SE of "+c.Column, c.SE*math.Abs(unit), base.Coefficients[j].SE, 1e-9*base.Coefficients[j].SE)
	}

	twice, weighted := append([]int{}, reversed...), y
	weighted.Weight = make([]float64, 80)
	for i := range 80 {
		weighted.Weight[i] = 1 + float64(i%2)
		if i%2 == 1 {
			twice = append(twice, i)
		}
	}
	a := mustFit(t, x, weighted, Options{Ties: riskset.Breslow}).Report()
	b := mustFit(t, x.Take(twice), y.Take(twice), Options{Ties: riskset.Breslow}).Report()
	for j, c := range a.Coefficients {
		within(t, c.Column+" by weight", c.Value, b.Coefficients[j].Value, 1e-9*c.SE)
	}
}

// Equal input gives equal bytes.
func TestDeterministic(t *testing.T) {
	x, y := simulated(60)
	a, _ := mustFit(t, x, y, Options{}).MarshalBinary()
	b, _ := mustFit(t, x, y, Options{}).MarshalBinary()
	if !bytes.Equal(a, b) {
		t.Error("two fits differ")
	}
}
