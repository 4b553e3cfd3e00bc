package cox

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/survival/riskset"
)

// Published fits, as printed: rossi with both tie rules (scikit-survival's tests; of the
// nine decimals printed for Efron the last is not converged there), lung and veteran (R's
// coxph).
func TestPublishedFits(t *testing.T) {
	for _, c := range []struct {
		set    string
		ties   riskset.Ties
		want   map[string]string
		loglik [2]string
	}{
		{set: "rossi", ties: riskset.Efron, want: map[string]string{"fin": "-0.37942217", "age": "-0.05743774", "race": "0.31389979",
			"wexp": "-0.14979570", "mar": "-0.43370388", "paro": "-0.08487108", "prio": "0.09149708"}, loglik: [2]string{"", "-658.75"}},
		{set: "rossi", ties: riskset.Breslow, want: map[string]string{"fin": "-0.37902189", "age": "-0.05724593", "race": "0.31412977",
			"wexp": "-0.15111460", "mar": "-0.43278257", "paro": "-0.08498284", "prio": "0.09111154"}},
		{set: "lung", ties: riskset.Efron, want: map[string]string{"age": "0.0110668", "sex": "-0.5526124", "ph.ecog": "0.4637285"}},
		{set: "veteran", ties: riskset.Efron, want: map[string]string{"Karnofsky_score": "-0.0328153", "Age_in_years": "-0.0087065",
			"Months_from_Diagnosis": "0.0000813", "Treatment=test": "0.2946028"}, loglik: [2]string{"-505.44905", "-474.39711"}},
		{set: "veteran", ties: riskset.Breslow, want: map[string]string{"Karnofsky_score": "-0.0326217", "Age_in_years": "-0.0085494"}},
	} {
		x, y, err := oracle.Load(filepath.Join("..", ".."), c.set)
		if err != nil {
			t.Fatal(err)
		}
		y.Weight, y.Entry = nil, nil
		rep := mustFit(t, x, y, Options{Ties: c.ties}).Report()
		for _, b := range rep.Coefficients {
			want, ok := c.want[b.Column]
			if delete(c.want, b.Column); ok {
				asPrinted(t, c.set+" "+c.ties.String()+" "+b.Column, b.Value, want)
			}
		}
		if len(c.want) > 0 {
			t.Errorf("%s: no columns %v", c.set, c.want)
		}
		for k, want := range c.loglik {
			if want != "" {
				asPrinted(t, c.set+" log-likelihood", rep.LogLik[k], want)
			}
		}
	}
}

// asPrinted compares in the decimals of want.
func asPrinted(t *testing.T, what string, got float64, want string) {
	t.Helper()
	digits := len(want) - strings.Index(want, ".") - 1
	if s := strconv.FormatFloat(got, 'f', digits, 64); s != want {
		t.Errorf("%s is %s, want %s", what, s, want)
	}
}

// A column that varies only among rows who leave before the first event tells nothing:
// coefficient 0 and a warning, not a number made of rounding.
func TestColumnOfRowsNeverAtRisk(t *testing.T) {
	x, y := simulated(60)
	y.Entry = nil
	early := make([]float64, 60)
	for i := range early {
		if i%5 == 0 {
			y.Time[i], y.Event[i], early[i] = 0.1, false, float64(i)/7
		}
	}
	rep := mustFit(t, &survival.Design{Rows: 60, Columns: append(x.Columns, column("early", early...))}, y, Options{}).Report()
	if c := rep.Coefficients[3]; c.Value != 0 || !warned(rep, "data", "early") || !rep.Converged {
		t.Errorf("%+v: %+v", c, rep)
	}
	alone := mustFit(t, design(column("early", early...)), y, Options{}).Report()
	if c := alone.Coefficients[0]; c.Value != 0 || !warned(alone, "data", "early") || !alone.Converged {
		t.Errorf("alone %+v: %+v", c, alone)
	}
}

// Columns that are all but collinear (1 − R² = 1e-9) are fitted, not dropped, and end at
// a zero of the score all the same.
func TestNearlyCollinear(t *testing.T) {
	x, y := simulated(200)
	near := make([]float64, 200)
	for i, v := range x.Columns[0].Values {
		near[i] = v + 1e-4*x.Columns[1].Values[(i+7)%200]
	}
	wide := &survival.Design{Rows: 200, Columns: append(x.Columns, column("near", near...))}
	rep := mustFit(t, wide, y, Options{}).Report()
	if !rep.Converged || rep.Coefficients[3].Value == 0 {
		t.Errorf("%+v", rep)
	}
}

// A long-running fit sees cancellation within an evaluation: the sweep, the curvature and
// the rank-n update all end.
func TestCancelledDuringEval(t *testing.T) {
	x, y := simulated(400)
	l, err := NewLikelihood(x, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Eval(ctx, make([]float64, 3), make([]float64, 3), make([]float64, 9)); err == nil {
		t.Error("the evaluation went on")
	}
}
