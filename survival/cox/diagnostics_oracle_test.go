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
	for _, c := range file.Cases {
		t.Run(fmt.Sprintf("%s/%s/weighted=%v/entry=%v/strata=%v/offset=%v", c.Set, c.Ties, c.Weighted, c.Entry, c.Strata, c.Offset != nil), func(t *testing.T) {
			x, y, opt := c.load(t)
			opt.Offset = c.Offset
			m := mustFit(t, x, y, opt)
			d, err := Diagnose(context.Background(), x, y, m, DiagnosticOptions{Offset: c.Offset})
			if err != nil {
				t.Fatal(err)
			}
			c.compareTests(t, d, x.Rows)
			c.compareResiduals(t, d)
			c.compareProportional(t, d)
		})
	}
}

// relative compares to a share of |want|, or of 1 for numbers below it.
func relative(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	within(t, what, got, want, share*math.Max(1, math.Abs(want)))
}

func (c diagnosticsCase) compareTests(t *testing.T, d *Diagnostics, rows int) {
	t.Helper()
	groups := make([]int, rows)
	for i := range groups {
		groups[i] = i / 3
	}
	p := len(c.RobustSE)
	for j, b := range d.model.Report().Coefficients {
		within(t, b.Column, b.Value, c.Coef[j], 1e-8*math.Max(math.Abs(c.Coef[j]), b.SE))
	}
	if c.RobustScore != nil {
		robust, err := d.RobustScoreTest(context.Background(), groups)
		if err != nil {
			t.Fatal(err)
		}
		relative(t, "robust score test", robust.Statistic, *c.RobustScore, 1e-8)
	}
	for name, pair := range map[string][2]float64{
		"likelihood ratio": {d.LikelihoodRatio().Statistic, c.LikelihoodRatio},
		"Wald":             {d.Wald().Statistic, c.Wald},
		"score test":       {d.ScoreTest().Statistic, c.Score},
		"robust Wald":      {d.RobustWald(groups).Statistic, c.RobustWald},
	} {
		relative(t, name, pair[0], pair[1], 1e-8)
	}
	own, grouped := d.Robust(nil), d.Robust(groups)
	for j := range p {
		within(t, "robust SE", math.Sqrt(own[j*p+j]), c.RobustSE[j], 1e-8*c.RobustSE[j])
		within(t, "grouped SE", math.Sqrt(grouped[j*p+j]), c.GroupedSE[j], 1e-8*c.GroupedSE[j])
	}
}

func (c diagnosticsCase) compareResiduals(t *testing.T, d *Diagnostics) {
	t.Helper()
	martingale, deviance, score, dfbeta := d.Martingale(), d.Deviance(), d.Score(), d.DFBeta()
	for k, i := range c.Rows {
		within(t, "martingale residual", martingale[i], c.Martingale[k], 1e-9)
		within(t, "deviance residual", deviance[i], c.Deviance[k], 1e-8)
		for j, scale := range d.l.Matrix.Scale {
			within(t, "score residual", score[j][i], c.ScoreResiduals[k][j], 1e-8*scale)
			within(t, "dfbeta", dfbeta[j][i], c.DFBeta[k][j], 1e-8*d.standardError(j))
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
			within(t, what, sum, pair.want, 1e-8*pair.want)
		}
	}
}

func (c diagnosticsCase) compareProportional(t *testing.T, d *Diagnostics) {
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
		relative(t, "χ² of "+test.Term, test.Chisq, c.Chisq[k], 1e-8)
		within(t, "p of "+test.Term, test.P, c.P[k], 1e-8)
	}
}
