package aft

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
)

type oracleCase struct {
	Set, Distribution        string
	Weighted, Entry          bool
	Intercept, Scale         float64
	InterceptSE              float64 `json:"se_intercept"`
	LogScaleSE               float64 `json:"se_log_scale"`
	Coefficients, SE, LogLik []float64
	Times                    []float64
	Survival                 [][]float64
}

// R's survreg, run to convergence, has the same coefficients, scale and standard errors
// to 1e-8 of max(|b|, SE), log-likelihoods and curves to 1e-8; with left truncation the
// reference is Newton's method written out in the oracle script.
func TestEqualsSurvreg(t *testing.T) {
	var file struct{ Cases []oracleCase }
	if err := oracle.ReadJSON(filepath.Join("testdata", "survreg.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 80 {
		t.Fatalf("%d oracle cases, want 80", len(file.Cases))
	}
	line := oracle.Line{Subject: "AFT: Weibull, exponential, log-normal, log-logistic", Reference: "R `survreg`", Tolerance: 1e-8}
	line.Quantity = "coefficients, scale, standard errors, of max(\\|b\\|, SE)"
	a := agreement{coefficients: oracle.Agree(t, line)}
	line.Quantity = "log-likelihoods"
	a.likelihoods = oracle.Agree(t, line)
	line.Quantity = "S(t)"
	a.curves = oracle.Agree(t, line)
	for _, c := range file.Cases {
		t.Run(fmt.Sprintf("%s/%s/weighted=%v/entry=%v", c.Distribution, c.Set, c.Weighted, c.Entry), func(t *testing.T) {
			x, y, err := oracle.Load(filepath.Join("..", ".."), c.Set)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Weighted {
				y.Weight = nil
			}
			if !c.Entry {
				y.Entry = nil
			}
			d, err := ParseDistribution(c.Distribution)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c.compare(t, a, m, x)
		})
	}
}

// agreement is what a fit is compared by.
type agreement struct{ coefficients, likelihoods, curves *oracle.Agreement }

func (c oracleCase) compare(t *testing.T, a agreement, m *Model, x *survival.Design) {
	t.Helper()
	rep := m.Report()
	if !rep.Converged {
		t.Errorf("not converged after %d iterations: %v", rep.Iterations, rep.Warnings)
	}
	near := func(what string, got, want, se float64) {
		a.coefficients.Near(t.Name()+" "+what, got, want, math.Max(math.Abs(want), se))
	}
	for j, b := range rep.Coefficients {
		near(b.Column, b.Value, c.Coefficients[j], c.SE[j])
		near("SE of "+b.Column, b.SE, c.SE[j], 0)
	}
	intercept, se := m.Intercept()
	near("intercept", intercept, c.Intercept, c.InterceptSE)
	near("SE of the intercept", se, c.InterceptSE, 0)
	sigma, se := m.Scale()
	near("scale", sigma, c.Scale, 0)
	near("SE of log scale", se, c.LogScaleSE, 0)
	for k, l := range c.LogLik {
		a.likelihoods.Near(t.Name(), rep.LogLik[k], l, 1)
	}
	first := make([]int, len(c.Survival))
	for i := range first {
		first[i] = i
	}
	err := m.Survival(context.Background(), x.Take(first), c.Times, func(row int, s []float64) error {
		a.curves.NearAll(fmt.Sprintf("%s row %d", t.Name(), row), s, c.Survival[row])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
