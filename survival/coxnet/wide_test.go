package coxnet

import (
	"context"
	"fmt"
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
