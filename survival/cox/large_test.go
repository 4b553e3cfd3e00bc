package cox

import (
	"bytes"
	"context"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
	"everfold/survival/survtest"
)

// large is enough rows for two-valued columns to be counted and for a start from a sample.
func large() (*survival.Design, survival.Outcome) {
	x, y := survtest.Production()
	rows := make([]int, 40_000)
	for i := range rows {
		rows[i] = i
	}
	return x.Take(rows), y.Take(rows)
}

// A fit that starts from a sample ends where the score is zero, with the log-likelihood of
// no columns as its first, and has the same bytes on 1, 2 and 8 threads: plain, with offsets, a
// penalty and strata, and with entry times.
func TestLargeFit(t *testing.T) {
	x, y := large()
	offset, entry := make([]float64, x.Rows), make([]float64, x.Rows)
	x.Strata = make([]int, x.Rows)
	for i := range offset {
		offset[i] = math.Sin(float64(i))
		entry[i] = y.Time[i] * float64(i%4) / 8
		x.Strata[i] = i % 3
	}
	late := y
	late.Entry = entry
	for name, c := range map[string]struct {
		y   survival.Outcome
		opt Options
	}{
		"plain":    {y, Options{}},
		"strata":   {y, Options{Ties: riskset.Breslow, Alpha: 20, Offset: offset, Stratified: true}},
		"entering": {late, Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Fit(context.Background(), x, c.y, c.opt, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l, err := NewLikelihood(x, c.y, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			gamma := make([]float64, l.Matrix.P)
			null, _, _ := eval(t, l, gamma)
			within(t, "ℓ of no columns", m.Report().LogLik[0], null, 1e-9)
			for j, c := range m.Report().Coefficients {
				gamma[j] = c.Value * l.Matrix.Scale[j]
			}
			_, grad, info := eval(t, l, gamma)
			for j, g := range grad {
				root := math.Sqrt(info[j*len(grad)+j])
				within(t, "score", g/root, 0, 1e-8)
			}
			want, _ := m.MarshalBinary()
			for _, threads := range []int{2, 8} {
				m, err := Fit(context.Background(), x, c.y, c.opt, survival.FitOptions{Threads: threads})
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

// A sample without events, the whole having them in its eight earliest rows only, is no
// obstacle.
func TestLargeFitSampleWithoutEvents(t *testing.T) {
	x, y := large()
	for p, i := range riskset.New(y, nil).Rows {
		y.Event[i] = p < 8
	}
	x.Columns = x.Columns[:1]
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil || !m.Report().Converged {
		t.Errorf("error %v, report %+v", err, m)
	}
}
