package coxnet

import (
	"context"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/resample"
)

// made is n rows with p columns, dummies and correlated ones among them, ties and weights.
func made(n, p int) (*survival.Design, survival.Outcome) {
	rng := resample.Source(7, "coxnet test", uint64(n), uint64(p))
	x := &survival.Design{Rows: n}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n), Weight: make([]float64, n)}
	eta, shared := make([]float64, n), make([]float64, n)
	for i := range shared {
		shared[i] = rng.NormFloat64()
	}
	for j := range p {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(1+j%5) * (rng.NormFloat64() + 0.7*shared[i])
			if j%4 == 3 {
				v[i] = math.Floor(rng.Float64() + 0.3)
			}
			if j < 4 {
				eta[i] += 0.4 * v[i] / float64(1+j%5)
			}
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprintf("x%d", j), Values: v})
	}
	for i := range n {
		failure, censored := rng.ExpFloat64()*20*math.Exp(-eta[i]), rng.ExpFloat64()*30
		y.Time[i] = math.Ceil(min(failure, censored))
		y.Event[i] = failure <= censored
		y.Weight[i] = 0.5 + rng.Float64()
	}
	return x, y
}

// naive is ℓ and its gradient by β straight from the definition, O(n²).
func naive(x *survival.Design, y survival.Outcome, beta []float64) (loglik float64, gradient []float64) {
	n := y.Len()
	eta := make([]float64, n)
	for j, c := range x.Columns {
		for i, v := range c.Values {
			eta[i] += v * beta[j]
		}
	}
	gradient = make([]float64, len(beta))
	for i := range n {
		if !y.Event[i] {
			continue
		}
		sum, mean := 0.0, make([]float64, len(beta))
		for k := range n {
			if y.Time[k] >= y.Time[i] {
				r := y.W(k) * math.Exp(eta[k])
				sum += r
				for j, c := range x.Columns {
					mean[j] += r * c.Values[k]
				}
			}
		}
		loglik += y.W(i) * (eta[i] - math.Log(sum))
		for j, c := range x.Columns {
			gradient[j] += y.W(i) * (c.Values[i] - mean[j]/sum)
		}
	}
	return loglik, gradient
}

// At every α of the path the conditions of optimality hold, computed from the definition on
// the columns as given: with few columns and with more than rows, where columns are
// screened; for every ratio, factors, and standardisation.
func TestOptimalityConditions(t *testing.T) {
	for _, c := range []struct {
		n, p int
		opt  Options
	}{
		{120, 7, Options{}},
		{120, 7, Options{L1Ratio: 1, Standardize: true}},
		{120, 7, Options{L1Ratio: 0.05, PenaltyFactor: []float64{1, 0, 2, 1, 0.1, 3, 1}}},
		{60, 90, Options{}},
		{60, 90, Options{L1Ratio: 1, MinRatio: 0.05}},
		{60, 90, Options{L1Ratio: 0.2, Standardize: true}},
	} {
		t.Run(fmt.Sprintf("%dx%d/%g", c.n, c.p, c.opt.L1Ratio), func(t *testing.T) {
			x, y := made(c.n, c.p)
			c.opt.Alphas, c.opt.Select = 25, SelectLast
			m, err := Fit(context.Background(), x, y, c.opt, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !m.Report().Converged {
				t.Errorf("not converged: %v", m.Report().Warnings)
			}
			for a := range m.Path().Alphas {
				checkOptimal(t, x, y, c.opt.withDefaults(x, y), m.Path(), a)
			}
		})
	}
}

func checkOptimal(t *testing.T, x *survival.Design, y survival.Outcome, opt Options, path Path, a int) {
	t.Helper()
	loglik, gradient := naive(x, y, path.Coefficients[a])
	within(t, fmt.Sprintf("ℓ at α %d", a), path.LogLik[a], loglik, 1e-9*math.Abs(loglik))
	total, factors := 0.0, 0.0
	for i := range y.Time {
		total += y.W(i)
	}
	for _, f := range opt.PenaltyFactor {
		factors += f
	}
	scale, sd := weightedSpread(x, y), spreadOf(x)
	for j, b := range path.Coefficients[a] {
		f, s := 1.0, 1.0
		if opt.PenaltyFactor != nil {
			f = opt.PenaltyFactor[j] / factors * float64(len(x.Columns))
		}
		if opt.Standardize {
			s = scale[j]
		}
		l1 := path.Alphas[a] * f * opt.L1Ratio * s
		pull := gradient[j]/total - path.Alphas[a]*f*(1-opt.L1Ratio)*s*s*b
		miss := math.Abs(pull) - l1
		if b != 0 {
			miss = math.Abs(pull - math.Copysign(l1, b))
		}
		if !(miss <= 2e-8*sd[j]) {
			t.Errorf("α %d, column %d, β %g: the condition is missed by %.2g", a, j, b, miss/sd[j])
		}
	}
}

func weightedSpread(x *survival.Design, y survival.Outcome) []float64 {
	out := make([]float64, len(x.Columns))
	for j, c := range x.Columns {
		total, mean, square := 0.0, 0.0, 0.0
		for i, v := range c.Values {
			total += y.W(i)
			mean += y.W(i) * v
		}
		mean /= total
		for i, v := range c.Values {
			square += y.W(i) / total * (v - mean) * (v - mean)
		}
		out[j] = math.Sqrt(square)
	}
	return out
}

// Gradient and Hessian of −ℓ/W are its finite differences, to 1e-6.
func TestDerivatives(t *testing.T) {
	x, y := made(80, 6)
	ctx := context.Background()
	l := newLikelihood(y, 2)
	full, err := newCovariates(x, l.order.Rows, 2)
	if err != nil {
		t.Fatal(err)
	}
	c := l.part(full.compact)
	gamma := []float64{0.3, -0.2, 0.1, 0.5, -0.4, 0.05}
	at := func(shift float64, j int) (value float64, gradient []float64) {
		moved := append([]float64(nil), gamma...)
		moved[j] += shift
		value, err := l.at(ctx, c, moved)
		if err != nil {
			t.Fatal(err)
		}
		gradient = make([]float64, 6)
		if err := l.gradient(ctx, c, gradient); err != nil {
			t.Fatal(err)
		}
		return -value / l.total, gradient
	}
	_, gradient := at(0, 0)
	hessian, subset := make([]float64, 36), make([]float64, 6)
	if err := l.hessian(ctx, c, hessian); err != nil {
		t.Fatal(err)
	}
	l.gradientOf(full, []int{4, 1}, subset)
	within(t, "gradient of chosen columns", subset[4], gradient[4], 1e-14)
	within(t, "gradient of chosen columns", subset[1], gradient[1], 1e-14)
	const h = 1e-5
	for j := range 6 {
		up, gUp := at(h, j)
		down, gDown := at(-h, j)
		within(t, fmt.Sprintf("gradient %d", j), gradient[j], (up-down)/(2*h), 1e-6*math.Abs(gradient[j])+1e-10)
		for i := range 6 {
			within(t, fmt.Sprintf("Hessian %d,%d", i, j), hessian[6*i+j], (gUp[i]-gDown[i])/(2*h), 1e-6*math.Abs(hessian[6*i+j])+1e-10)
		}
	}
}
