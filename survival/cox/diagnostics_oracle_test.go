package cox

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"everfold/survival/oracle"
)

type diagnosticsCase struct {
	oracleCase
	Wald, Score          float64
	LikelihoodRatio      float64  `json:"likelihood_ratio"`
	RobustWald           float64  `json:"robust_wald"`
	RobustScore          *float64 `json:"robust_score"`
	Coef, Offset         []float64
	RobustSE             []float64 `json:"robust_se"`
	GroupedSE            []float64 `json:"grouped_se"`
	Rows                 []int
	Martingale, Deviance []float64
	ScoreResiduals       [][]float64 `json:"score_residuals"`
	DFBeta               [][]float64
	SchoenfeldSquare     []float64 `json:"schoenfeld_square"`
	ScaledSquare         []float64 `json:"scaled_square"`
	Terms                []string
	Chisq, P             []float64
	DF                   []int
}

// R's coxph has the same tests, robust standard errors and residuals, and cox.zph the same
// test of proportional hazards: both tie rules, with weights, left truncation, strata and offsets.
func TestDiagnosticsEqualR(t *testing.T) {
	var file struct{ Cases []diagnosticsCase }
	if err := oracle.ReadJSON(filepath.Join("testdata", "diagnostics.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 60 {
		t.Fatalf("%d oracle cases, want 60", len(file.Cases))
	}
	line := oracle.Line{Subject: "Cox tests and robust standard errors", Reference: "R `coxph`", Quantity: "statistics and standard errors, relative", Tolerance: 1e-8}
	tests := oracle.Agree(t, line)
	line.Subject, line.Reference, line.Quantity = "Cox residuals: martingale, deviance, score, dfbeta, Schoenfeld", "R `residuals.coxph`", "in units of 1, the column's scale or the SE"
	residuals := oracle.Agree(t, line)
	line.Subject, line.Reference, line.Quantity = "test of proportional hazards", "R `cox.zph`", "χ² (relative above 1), p"
	proportional := oracle.Agree(t, line)
	for _, c := range file.Cases {
		t.Run(fmt.Sprintf("%s/%s/weighted=%v/entry=%v/strata=%v/offset=%v", c.Set, c.Ties, c.Weighted, c.Entry, c.Strata, c.Offset != nil), func(t *testing.T) {
			x, y, opt := c.load(t)
			opt.Offset = c.Offset
			m := mustFit(t, x, y, opt)
			d, err := Diagnose(context.Background(), x, y, m, DiagnosticOptions{Offset: c.Offset})
			if err != nil {
				t.Fatal(err)
			}
			c.compareTests(t, tests, d, x.Rows)
			c.compareResiduals(residuals, d)
			c.compareProportional(t, proportional, d)
		})
	}
}

// relative compares to a share of |want|, or of 1 for numbers below it.
func relative(a *oracle.Agreement, what string, got, want float64) {
	a.Near(what, got, want, math.Max(1, math.Abs(want)))
}

func (c diagnosticsCase) compareTests(t *testing.T, a *oracle.Agreement, d *Diagnostics, rows int) {
	t.Helper()
	groups := make([]int, rows)
	for i := range groups {
		groups[i] = i / 3
	}
	p := len(c.RobustSE)
	for j, b := range d.model.Report().Coefficients {
		a.Near(b.Column, b.Value, c.Coef[j], math.Max(math.Abs(c.Coef[j]), b.SE))
	}
	if c.RobustScore != nil {
		robust, err := d.RobustScoreTest(context.Background(), groups)
		if err != nil {
			t.Fatal(err)
		}
		relative(a, "robust score test", robust.Statistic, *c.RobustScore)
	}
	for name, pair := range map[string][2]float64{
		"likelihood ratio": {d.LikelihoodRatio().Statistic, c.LikelihoodRatio},
		"Wald":             {d.Wald().Statistic, c.Wald},
		"score test":       {d.ScoreTest().Statistic, c.Score},
		"robust Wald":      {d.RobustWald(groups).Statistic, c.RobustWald},
	} {
		relative(a, name, pair[0], pair[1])
	}
	own, grouped := d.Robust(nil), d.Robust(groups)
	for j := range p {
		a.Near("robust SE", math.Sqrt(own[j*p+j]), c.RobustSE[j], c.RobustSE[j])
		a.Near("grouped SE", math.Sqrt(grouped[j*p+j]), c.GroupedSE[j], c.GroupedSE[j])
	}
}

func (c diagnosticsCase) compareResiduals(a *oracle.Agreement, d *Diagnostics) {
	martingale, deviance, score, dfbeta := d.Martingale(), d.Deviance(), d.Score(), d.DFBeta()
	for k, i := range c.Rows {
		a.Near("martingale residual", martingale[i], c.Martingale[k], 1)
		a.Near("deviance residual", deviance[i], c.Deviance[k], 1)
		for j, scale := range d.l.Matrix.Scale {
			a.Near("score residual", score[j][i], c.ScoreResiduals[k][j], scale)
			a.Near("dfbeta", dfbeta[j][i], c.DFBeta[k][j], d.standardError(j))
		}
	}
	for j := range score {
		for what, pair := range map[string]struct {
			got  EventResiduals
			want float64
		}{"Schoenfeld": {d.Schoenfeld(), c.SchoenfeldSquare[j]}, "scaled Schoenfeld": {d.ScaledSchoenfeld(), c.ScaledSquare[j]}} {
			sum := 0.0
			for _, v := range pair.got.Values[j] {
				sum += v * v
			}
			a.Near(what, sum, pair.want, pair.want)
		}
	}
}

func (c diagnosticsCase) compareProportional(t *testing.T, a *oracle.Agreement, d *Diagnostics) {
	t.Helper()
	tests, err := d.TestProportional(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(tests) != len(c.Terms) {
		t.Fatalf("%d tests, want %d", len(tests), len(c.Terms))
	}
	for k, test := range tests {
		if test.Term != c.Terms[k] || test.DF != c.DF[k] || test.Reason != "" {
			t.Errorf("test %d is %+v, want term %s with %d degrees of freedom", k, test, c.Terms[k], c.DF[k])
		}
		relative(a, "χ² of "+test.Term, test.Chisq, c.Chisq[k])
		a.Near("p of "+test.Term, test.P, c.P[k], 1)
	}
}
