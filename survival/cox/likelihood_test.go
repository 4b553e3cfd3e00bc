package cox

import (
	"context"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
)

// simulated is n rows with three covariates, tied times, weights, entry times and
// strata, from a fixed sequence of low-discrepancy numbers.
func simulated(n int) (*survival.Design, survival.Outcome) {
	u := func(i int, step float64) float64 { _, f := math.Modf(float64(i+1) * step); return f }
	x := &survival.Design{Rows: n, Strata: make([]int, n)}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n), Entry: make([]float64, n), Weight: make([]float64, n)}
	values := [3][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
	for i := range n {
		a, b := u(i, math.Sqrt2), u(i, math.Phi)
		values[0][i], values[1][i], values[2][i] = 50+10*a, b*b, math.Floor(2*u(i, math.E))
		t := -math.Log(u(i, math.Pi)+1e-3) * math.Exp(-a+b)
		y.Time[i] = math.Ceil(8*t+0.01) / 2
		y.Event[i] = u(i, math.Sqrt(3)) < 0.6
		y.Entry[i] = y.Time[i]*u(i, math.Sqrt(5)) - 0.2
		y.Weight[i] = 0.5 + u(i, math.Sqrt(7))
		x.Strata[i] = i % 2 * 3
	}
	for j, v := range values {
		x.Columns = append(x.Columns, column(fmt.Sprintf("x%d", j), v...))
	}
	return x, y
}

// every is all combinations of tie rule, penalty, weights, entry, strata and offset.
func every(n int, f func(name string, x *survival.Design, y survival.Outcome, opt Options)) {
	for k := range 64 {
		x, y := simulated(n)
		var opt Options
		if k&1 != 0 {
			opt.Ties = riskset.Breslow
		}
		if k&2 != 0 {
			opt.Alpha = 3
		}
		if k&4 == 0 {
			y.Weight = nil
		}
		if k&8 == 0 {
			y.Entry = nil
		}
		opt.Stratified = k&16 != 0
		if k&32 != 0 {
			opt.Offset = x.Columns[1].Values
		}
		f(fmt.Sprintf("%v/alpha=%g/weights=%v/entry=%v/strata=%v/offset=%v",
			opt.Ties, opt.Alpha, y.Weight != nil, y.Entry != nil, opt.Stratified, opt.Offset != nil), x, y, opt)
	}
}

// The penalised log-likelihood equals its definition, summed naively over risk sets; the
// score is its finite difference and the information that of the score, to 1e-6.
func TestDerivatives(t *testing.T) {
	every(60, func(name string, x *survival.Design, y survival.Outcome, opt Options) {
		t.Run(name, func(t *testing.T) {
			l, err := NewLikelihood(x, y, opt)
			if err != nil {
				t.Fatal(err)
			}
			gamma := []float64{0.4, -0.3, 0.2}
			value, grad, info := eval(t, l, gamma)
			within(t, "ℓ", value, naive(l, x, y, opt, gamma), 1e-10)
			const h = 1e-5
			for j := range gamma {
				up, down := append([]float64(nil), gamma...), append([]float64(nil), gamma...)
				up[j] += h
				down[j] -= h
				vu, gu, _ := eval(t, l, up)
				vd, gd, _ := eval(t, l, down)
				within(t, fmt.Sprintf("score %d", j), grad[j], (vu-vd)/(2*h), 1e-6*(1+math.Abs(grad[j])))
				for k := j; k < 3; k++ {
					within(t, fmt.Sprintf("information %d,%d", j, k), info[j*3+k], -(gu[k]-gd[k])/(2*h), 1e-6*(1+math.Abs(info[j*3+k])))
				}
			}
		})
	})
}

func eval(t *testing.T, l *Likelihood, gamma []float64) (value float64, grad, info []float64) {
	t.Helper()
	grad, info = make([]float64, len(gamma)), make([]float64, len(gamma)*len(gamma))
	value, err := l.Eval(context.Background(), gamma, grad, info)
	if err != nil {
		t.Fatal(err)
	}
	return value, grad, info
}

// naive sums the definition in the package comment in O(n²).
func naive(l *Likelihood, x *survival.Design, y survival.Outcome, opt Options, gamma []float64) float64 {
	n := y.Len()
	eta := make([]float64, n)
	total := 0.0
	for j, g := range gamma {
		total -= opt.Alpha * math.Pow(g/l.Matrix.Scale[j], 2) / 2
		for i := range eta {
			eta[i] += g * (x.Columns[j].Values[i] - l.Matrix.Mean[j]) / l.Matrix.Scale[j]
		}
	}
	for i := range eta {
		if opt.Offset != nil {
			eta[i] += opt.Offset[i]
		}
	}
	same := func(i, j int) bool { return !opt.Stratified || x.Strata[i] == x.Strata[j] }
	for i := range n {
		if !y.Event[i] {
			continue
		}
		total += y.W(i) * eta[i]
		risk, tied, weight, d, before := 0.0, 0.0, 0.0, 0.0, 0.0
		for j := range n {
			if !same(i, j) || y.Time[j] < y.Time[i] || (y.Entry != nil && y.Entry[j] >= y.Time[i]) {
				continue
			}
			risk += y.W(j) * math.Exp(eta[j])
			if y.Time[j] == y.Time[i] && y.Event[j] {
				tied += y.W(j) * math.Exp(eta[j])
				weight += y.W(j)
				if d++; j < i {
					before++
				}
			}
		}
		if opt.Ties == riskset.Breslow {
			before = 0
		}
		total -= weight / d * math.Log(risk-before/d*tied)
	}
	return total
}

// A fit ends where the score is zero: with a penalty, with weights, with everything.
func TestFitIsStationary(t *testing.T) {
	every(60, func(name string, x *survival.Design, y survival.Outcome, opt Options) {
		t.Run(name, func(t *testing.T) {
			m := mustFit(t, x, y, opt)
			l, err := NewLikelihood(x, y, opt)
			if err != nil {
				t.Fatal(err)
			}
			gamma := make([]float64, 3)
			for j, c := range m.Report().Coefficients {
				gamma[j] = c.Value * l.Matrix.Scale[j]
			}
			_, grad, info := eval(t, l, gamma)
			for j, g := range grad {
				within(t, fmt.Sprintf("score %d", j), g/math.Sqrt(info[j*3+j]), 0, 1e-10)
			}
			if !m.Report().Converged {
				t.Error("not converged")
			}
		})
	})
}

// A linear predictor of ±650, whose sums over a risk set would leave float64 were they not
// centred, gives the log-likelihood computed in logarithms, and finite derivatives.
func TestExtremeLinearPredictor(t *testing.T) {
	x := design(column("x", -700, 700, 0, 699, -699, 350))
	y := survival.Outcome{Time: []float64{3, 1, 2, 4, 5, 2.5}, Event: []bool{true, true, true, true, true, false}}
	l, err := NewLikelihood(x, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const factor = 1300.0 / 1400 // the documented range
	eta := func(i int) float64 { return factor * x.Columns[0].Values[i] }
	want := 0.0
	for i := range y.Time {
		if y.Event[i] {
			want += eta(i) - logSumExp(y, eta, y.Time[i])
		}
	}
	value, grad, info := eval(t, l, []float64{factor * l.Matrix.Scale[0]})
	within(t, "ℓ", value, want, 1e-13*math.Abs(want))
	if math.IsNaN(grad[0]) || math.IsNaN(info[0]) {
		t.Errorf("score %g, information %g", grad[0], info[0])
	}
}

// logSumExp is log Σ e^η over the rows at risk at time t.
func logSumExp(y survival.Outcome, eta func(int) float64, t float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for j := range y.Time {
		if y.Time[j] >= t {
			top = max(top, eta(j))
		}
	}
	for j := range y.Time {
		if y.Time[j] >= t {
			sum += math.Exp(eta(j) - top)
		}
	}
	return top + math.Log(sum)
}

// Beyond that range the value is −Inf, never NaN.
func TestBeyondRange(t *testing.T) {
	x := design(column("x", -1, 1))
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	l, err := NewLikelihood(x, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []float64{1e4, math.Inf(1), math.NaN()} {
		if v, _, _ := eval(t, l, []float64{g}); !math.IsInf(v, -1) {
			t.Errorf("value %g at γ = %g", v, g)
		}
	}
}
