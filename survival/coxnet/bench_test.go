package coxnet

import (
	"context"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
)

// production is a table of the shape of one training fold in production: 229,611 rows, 9
// numeric columns, 14 dummies of two factors, about 3,600 distinct times.
func production(n int) (*survival.Design, survival.Outcome) {
	const dense = 9
	levels := []int{5, 11}
	u := func(i, stream int) float64 {
		_, f := math.Modf(float64(i+1) * math.Sqrt(float64(2+7*stream)))
		return f
	}
	x := &survival.Design{Rows: n}
	eta := make([]float64, n)
	add := func(value func(i int) float64) {
		j := len(x.Columns)
		v, beta := make([]float64, n), 0.2*math.Sin(float64(j+1))
		for i := range v {
			v[i] = value(i)
			eta[i] += beta * v[i]
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprintf("x%d", j), Values: v})
	}
	for j := range dense {
		add(func(i int) float64 { return math.Sqrt(12) * (u(i, j) - 0.5) })
	}
	for f, count := range levels {
		for level := 1; level < count; level++ {
			add(func(i int) float64 {
				if u := u(i, 20+f); int(u*u*float64(count)) == level {
					return 1
				}
				return 0
			})
		}
	}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	for i, e := range eta {
		failure := -1500 * math.Log(u(i, 30)+1e-9) * math.Exp(-e)
		censored := 30 + 3600*u(i, 31)
		y.Event[i] = failure <= censored
		y.Time[i] = math.Ceil(min(failure, censored))
	}
	return x, y
}

// BenchmarkPath is the path of 100 αs of one production fold; glmnet takes 6.5 s on such a
// table, scikit-survival 13.1 s.
func BenchmarkPath(b *testing.B) {
	x, y := production(229_611)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := Fit(context.Background(), x, y, Options{Select: SelectLast}, survival.FitOptions{Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(m.Report().Iterations), "iterations")
				b.ReportMetric(float64(len(m.Path().Alphas)), "alphas")
			}
		})
	}
}
