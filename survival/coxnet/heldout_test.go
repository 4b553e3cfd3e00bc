package coxnet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
)

// What the held-out rows add to ℓ is ℓ of all rows less that of the others, both from the
// definition: whichever rows are last, with ties and weights, and where the linear predictor of
// either side is so extreme that exponentials have to be centred.
func TestHeldOutGain(t *testing.T) {
	x, y := made(90, 4)
	ctx := context.Background()
	last := riskset.New(y, nil).Rows
	for name, out := range map[string][]int{"every third": {}, "the last": last[60:], "the first": last[:30]} {
		if len(out) == 0 {
			for i := 0; i < 90; i += 3 {
				out = append(out, i)
			}
		}
		held := map[int]bool{}
		for _, i := range out {
			held[i] = true
		}
		var rows []int
		for i := range 90 {
			if !held[i] {
				rows = append(rows, i)
			}
		}
		for _, beta := range [][]float64{{0, 0, 0, 0}, {0.3, -0.1, 0.2, 0.5}, {20, 9, -9, 5}} {
			s, err := newSolver(x.Take(rows), y.Take(rows), Options{Alphas: 1}.withDefaults(x, y), 1)
			if err != nil {
				t.Fatal(err)
			}
			gamma := make([]float64, 4)
			for j, b := range beta {
				gamma[j] = b * s.full.Scale[j]
			}
			value, err := s.like.at(ctx, s.like.part(s.full.compact), gamma)
			if err != nil {
				t.Fatal(err)
			}
			h, err := holdOut(x, y, out, s.like, &s.full.Columns)
			if err != nil {
				t.Fatal(err)
			}
			gain, err := h.gain(ctx, gamma, value)
			if err != nil {
				t.Fatal(err)
			}
			whole, _ := naive(x, y, beta)
			part, _ := naive(x.Take(rows), y.Take(rows), beta)
			if math.IsNaN(whole) || math.IsInf(whole, 0) {
				t.Fatalf("the definition leaves float64 at %v", beta)
			}
			within(t, fmt.Sprintf("%s held out, β %v", name, beta), gain, whole-part, 1e-11*math.Abs(whole))
		}
		far, err := newSolver(x.Take(rows), y.Take(rows), Options{Alphas: 1}.withDefaults(x, y), 1)
		if err != nil {
			t.Fatal(err)
		}
		h, err := holdOut(x, y, out, far.like, &far.full.Columns)
		if err != nil {
			t.Fatal(err)
		}
		if gain, err := h.gain(ctx, []float64{1e4, 0, 0, 0}, 0); err != nil || !math.IsInf(gain, -1) {
			t.Errorf("beyond float64: %g, %v", gain, err)
		}
	}
}

// Of many rows the cross-validated deviance is within a hundredth of its standard error of that of
// paths found to full tolerance, and so is what follows from it.
func TestInnerTolerance(t *testing.T) {
	x, y := production(manyRows * 13 / 10)
	x.Columns = x.Columns[:12]
	m, err := Fit(context.Background(), x, y, Options{Alphas: 12, InnerFolds: 5}, survival.FitOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Alphas: 12, InnerFolds: 5}.withDefaults(x, y)
	v := validation{x: x, y: y, opt: opt}
	want := make([]float64, len(m.Path().Alphas))
	for _, fold := range v.folds() {
		opt.Path = m.Path().Alphas
		f, err := fitPath(context.Background(), x.Take(fold.Train), y.Take(fold.Train), opt, 2)
		if err != nil {
			t.Fatal(err)
		}
		all, err := newSolver(x, y, opt, 2)
		if err != nil {
			t.Fatal(err)
		}
		p := all.like.part(all.full.compact)
		for k := range want {
			gamma := make([]float64, p.P)
			for j, b := range f.Coefficients[k] {
				gamma[j] = b * p.Scale[j]
			}
			whole, err := all.like.at(context.Background(), p, gamma)
			if err != nil {
				t.Fatal(err)
			}
			want[k] += -2 * (whole - f.LogLik[k])
		}
	}
	for k, d := range m.Path().Deviance {
		within(t, fmt.Sprintf("deviance at α %d", k), d, want[k], m.Path().DevianceSE[k]/100)
	}
}

// An inner design with a gap names its row among all rows, whether it trains or is held out.
func TestInnerDataErrorNamesTheRow(t *testing.T) {
	x, y := made(40, 2)
	for row := range 40 {
		bad := &survival.Design{Rows: 40, Columns: []survival.Column{{Name: "gap", Values: make([]float64, 40)}}}
		for i := range 40 {
			bad.Columns[0].Values[i] = float64(i)
		}
		bad.Columns[0].Values[row] = math.NaN()
		inner := survival.Inner{Design: func(context.Context, []int) (*survival.Design, error) { return bad, nil }}
		_, err := Fit(context.Background(), x, y, Options{Alphas: 3}, survival.FitOptions{Inner: inner})
		var data *survival.DataError
		if !errors.As(err, &data) || data.Row != row || data.Column != "gap" {
			t.Errorf("row %d: error %v", row, err)
		}
	}
}

// Where the rows held out lie so far from the fitted ones that the risk sums of one side vanish
// beside the other's, the gain is −Inf: a penalty whose deviance is not known is not chosen.
func TestHeldOutFarAway(t *testing.T) {
	x, y := made(90, 4)
	first := riskset.New(y, nil).Rows[:30]
	held := map[int]bool{}
	for _, i := range first {
		held[i] = true
		x.Columns[0].Values[i] += 1e4
	}
	var rows []int
	for i := range 90 {
		if !held[i] {
			rows = append(rows, i)
		}
	}
	s, err := newSolver(x.Take(rows), y.Take(rows), Options{Alphas: 1}.withDefaults(x, y), 1)
	if err != nil {
		t.Fatal(err)
	}
	gamma := []float64{1, 0, 0, 0}
	value, err := s.like.at(context.Background(), s.like.part(s.full.compact), gamma)
	if err != nil {
		t.Fatal(err)
	}
	h, err := holdOut(x, y, first, s.like, &s.full.Columns)
	if err != nil {
		t.Fatal(err)
	}
	if gain, err := h.gain(context.Background(), gamma, value); err != nil || !math.IsInf(gain, -1) {
		t.Errorf("gain %g, %v", gain, err)
	}
}
