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
			c.compare(t, m, x)
		})
	}
}

func (c oracleCase) compare(t *testing.T, m *Model, x *survival.Design) {
	t.Helper()
	rep := m.Report()
	if !rep.Converged {
		t.Errorf("not converged after %d iterations: %v", rep.Iterations, rep.Warnings)
	}
	for j, b := range rep.Coefficients {
		near(t, b.Column, b.Value, c.Coefficients[j], c.SE[j])
		near(t, "SE of "+b.Column, b.SE, c.SE[j], 0)
	}
	intercept, se := m.Intercept()
	near(t, "intercept", intercept, c.Intercept, c.InterceptSE)
	near(t, "SE of the intercept", se, c.InterceptSE, 0)
	sigma, se := m.Scale()
	near(t, "scale", sigma, c.Scale, 0)
	near(t, "SE of log scale", se, c.LogScaleSE, 0)
	for k, l := range c.LogLik {
		if math.Abs(rep.LogLik[k]-l) > 1e-8 {
			t.Errorf("log-likelihood %d is %.15g, want %.15g", k, rep.LogLik[k], l)
		}
	}
	first := make([]int, len(c.Survival))
	for i := range first {
		first[i] = i
	}
	err := m.Survival(context.Background(), x.Take(first), c.Times, func(row int, s []float64) error {
		for j, v := range s {
			if math.Abs(v-c.Survival[row][j]) > 1e-8 {
				t.Errorf("S(%g) of row %d is %.15g, want %.15g", c.Times[j], row, v, c.Survival[row][j])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// near compares to 1e-8 of the larger of |want| and se.
func near(t *testing.T, what string, got, want, se float64) {
	t.Helper()
	if tol := 1e-8 * math.Max(math.Abs(want), se); !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.15g, want %.15g within %.1g", what, got, want, tol)
	}
}
