package coxnet

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"everfold/survival"
	"everfold/survival/resample"
)

// Many more columns than events, down to a penalty at which most of the events' information is
// used up and the columns of the model are nearly collinear, take seconds and end at an optimum.
// By coordinate descent alone the last points of such a path take minutes.
func TestMoreColumnsThanEvents(t *testing.T) {
	const n, p = 100, 1000
	rng := resample.Source(11, "coxnet wide test")
	x, y := &survival.Design{Rows: n}, survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	for j := range p {
		v := make([]float64, n)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprintf("x%d", j), Values: v})
	}
	for i := range n {
		failure, censored := rng.ExpFloat64(), rng.ExpFloat64()*1.5
		y.Time[i], y.Event[i] = min(failure, censored), failure <= censored
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opt := Options{Alphas: 100, Select: SelectLast, Path: geometric(0.5, 0.001, 40)}
	m, err := Fit(ctx, x, y, opt, survival.FitOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !m.Report().Converged {
		t.Errorf("warnings %v", m.Report().Warnings)
	}
	for _, a := range []int{0, 20, 39} {
		checkOptimal(t, x, y, opt.withDefaults(x, y), m.Path(), a)
	}
}

// The Hessian of a model with many columns, never written down, is that of the likelihood, with
// ties and weights; a step's gradient follows it, and the equations of columns with a ridge have
// the same solution over rows as over columns, also when other columns have become active.
func TestWideHessian(t *testing.T) {
	const n, p = 40, 90
	x, y := made(n, p)
	s, err := newSolver(x, y, Options{L1Ratio: 0.5}.withDefaults(x, y), 2)
	if err != nil {
		t.Fatal(err)
	}
	s.admit(s.candidates())
	ctx, w := context.Background(), s.model.wide
	if w == nil {
		t.Fatal("90 columns of 40 rows have a matrix")
	}
	gamma := make([]float64, p)
	for c := range gamma {
		gamma[c] = 0.1 * math.Sin(float64(c))
	}
	if _, err := s.like.at(ctx, s.x, gamma); err != nil {
		t.Fatal(err)
	}
	h := make([]float64, p*p)
	if err := s.like.hessian(ctx, s.x, h); err != nil {
		t.Fatal(err)
	}
	w.curvature()
	for c := range p {
		within(t, "diagonal", w.diagonal[c], h[c*p+c], 1e-12)
		w.move(c, 2)
		q := make([]float64, p)
		w.finish(q)
		for j, v := range q {
			within(t, "gradient", v, 2*h[c*p+j], 1e-12)
		}
	}
	l2, pull := make([]float64, p), make([]float64, p)
	for c := range l2 {
		l2[c], pull[c] = 0.01*w.ridge[c], math.Cos(float64(c))
	}
	var active []int
	for _, without := range []int{3, 7, 2} {
		active = active[:0]
		for c := range p {
			if c%without != 1 || without == 2 && c < 20 {
				active = append(active, c)
			}
		}
		byRows, byColumns := make([]float64, p), make([]float64, p)
		if !w.solve(byRows, active, pull, l2) || !w.solveColumns(byColumns, active, pull, l2) {
			t.Fatal("refused")
		}
		for c, v := range byRows {
			within(t, "solution", v, byColumns[c], 1e-9*(1+math.Abs(v)))
		}
	}
}
