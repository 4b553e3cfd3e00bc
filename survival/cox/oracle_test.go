package cox

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/survival/riskset"
)

type oracleCase struct {
	Set, Ties                string
	Weighted, Entry, Strata  bool
	Coefficients, SE, LogLik []float64
	Times                    []float64
	Survival                 [][]float64
}

// load is the case's data as the oracle saw it.
func (c oracleCase) load(t *testing.T) (*survival.Design, survival.Outcome, Options) {
	t.Helper()
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
	ties, err := riskset.ParseTies(c.Ties)
	if err != nil {
		t.Fatal(err)
	}
	return x, y, Options{Ties: ties, Stratified: c.Strata}
}

// R's coxph, run to convergence, has the same coefficients and standard errors to 1e-8
// of max(|b|, SE), the same log-likelihoods, and its survfit the same curves: both tie
// rules, with weights, left truncation and strata, alone and together.
func TestEqualsCoxph(t *testing.T) {
	var file struct{ Cases []oracleCase }
	if err := oracle.ReadJSON(filepath.Join("testdata", "coxph.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 50 {
		t.Fatalf("%d oracle cases, want 50", len(file.Cases))
	}
	line := oracle.Line{Subject: "Cox, Efron and Breslow", Reference: "R `coxph`", Tolerance: 1e-8}
	line.Quantity = "coefficients and standard errors, of max(\\|b\\|, SE)"
	coefficients := oracle.Agree(t, line)
	line.Quantity = "log-likelihoods"
	likelihoods := oracle.Agree(t, line)
	line.Reference, line.Quantity = "R `survfit`", "S(t)"
	curves := oracle.Agree(t, line)
	for _, c := range file.Cases {
		t.Run(fmt.Sprintf("%s/%s/weighted=%v/entry=%v/strata=%v", c.Set, c.Ties, c.Weighted, c.Entry, c.Strata), func(t *testing.T) {
			x, y, opt := c.load(t)
			m, err := Fit(context.Background(), x, y, opt, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			rep := m.Report()
			if !rep.Converged {
				t.Errorf("not converged after %d iterations: %v", rep.Iterations, rep.Warnings)
			}
			for j, b := range rep.Coefficients {
				coefficients.Near(t.Name()+" "+b.Column, b.Value, c.Coefficients[j], math.Max(math.Abs(c.Coefficients[j]), c.SE[j]))
				coefficients.Near(t.Name()+" SE of "+b.Column, b.SE, c.SE[j], c.SE[j])
			}
			for k, l := range c.LogLik {
				likelihoods.Near(t.Name(), rep.LogLik[k], l, 1)
			}
			first := make([]int, len(c.Survival))
			for i := range first {
				first[i] = i
			}
			err = m.Survival(context.Background(), x.Take(first), c.Times, func(row int, s []float64) error {
				curves.NearAll(fmt.Sprintf("%s row %d", t.Name(), row), s, c.Survival[row])
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func within(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.15g, want %.15g within %.1g", what, got, want, tol)
	}
}
