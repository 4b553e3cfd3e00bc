package oblique_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/oblique"
	"everfold/survival/resample"
)

// table is n rows of 10 normal and 5 binary columns, half of the rows with an event.
func table(n int) (*survival.Design, survival.Outcome) {
	rng := resample.Source(1, "benchmark")
	x, y := &survival.Design{Rows: n}, survival.Outcome{}
	eta := make([]float64, n)
	for j := range 15 {
		v := make([]float64, n)
		for i := range v {
			v[i] = rng.NormFloat64()
			if j >= 10 {
				v[i] = float64(rng.IntN(2))
			}
			eta[i] += v[i] * float64(j%4) / 4
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprint(j), Values: v})
	}
	for i := range n {
		failure, censored := rng.ExpFloat64()*math.Exp(-eta[i]), rng.ExpFloat64()*math.Exp(-0.9)
		y.Time = append(y.Time, 1e-6+min(failure, censored))
		y.Event = append(y.Event, failure <= censored)
	}
	return x, y
}

func BenchmarkFit(b *testing.B) {
	for _, n := range []int{1000, 7000} {
		x, y := table(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := oblique.Fit(context.Background(), x, y, oblique.Options{Trees: 30, MinStat: 3.84}, survival.FitOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
