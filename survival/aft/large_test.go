package aft

import (
	"bytes"
	"context"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/survtest"
)

// A fit that starts from a sample ends where the score is zero, with the log-likelihood of no
// columns as its first, and has the same bytes on 1, 2 and 8 threads, whatever the law.
func TestLargeFit(t *testing.T) {
	x, y := survtest.Production()
	rows := make([]int, 30_000)
	for i := range rows {
		rows[i] = i
	}
	x, y = x.Take(rows), y.Take(rows)
	y.Entry = make([]float64, y.Len())
	for i, v := range y.Time {
		y.Entry[i] = v * float64(i%3) / 6
	}
	for d := Weibull; d <= Exponential; d++ {
		t.Run(d.String(), func(t *testing.T) {
			m, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l, null, s, err := estimate(context.Background(), x, y, d, 1)
			if err != nil || !s.Converged || null != m.Report().LogLik[0] {
				t.Fatalf("%v, converged %v, ℓ of no columns %g and %g", err, s.Converged, null, m.Report().LogLik[0])
			}
			size := len(s.Theta)
			grad, info := make([]float64, size), make([]float64, size*size)
			if _, err := l.Eval(context.Background(), s.Theta, grad, info); err != nil {
				t.Fatal(err)
			}
			for j, g := range grad {
				if !(math.Abs(g)/math.Sqrt(info[j*size+j]) < 1e-8) {
					t.Errorf("score %d is %g", j, g)
				}
			}
			want, _ := m.MarshalBinary()
			for _, threads := range []int{2, 8} {
				m, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := m.MarshalBinary(); !bytes.Equal(got, want) {
					t.Errorf("%d threads give another model", threads)
				}
			}
		})
	}
}
