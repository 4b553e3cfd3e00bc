package cox

import (
	"context"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/riskset"
)

// These fixtures are data on which a peer's formula gives another number than ours. Ours is
// worked out by hand or by the definition; the peer's is written out beside it.

// XGBoost's survival:cox lets the risk sum's hazard grow event by event within a tie, so of
// two tied events the first is exposed to half of it. Breslow: both to 2/4.
func TestPeerTiedEventsShareOneRiskSet(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 1, 2, 3}, Event: []bool{true, true, false, false}}
	d := mustDiagnose(t, &survival.Design{Rows: 4}, y, Options{Ties: riskset.Breslow})
	growing := []float64{1 - 1.0/4, 1 - 2.0/4}
	got := d.Martingale()
	within(t, "first", got[0], 0.5, 1e-15)
	within(t, "second", got[1], 0.5, 1e-15)
	if got[0] == growing[0] || growing[0] == growing[1] {
		t.Error("the fixture does not tell the formulas apart")
	}
}

// scikit-survival and lifelines put Breslow's baseline under Efron's coefficients: on tied data S
// differs. Ours is Efron's, Σ_l m/φ_l.
func TestPeerBaselineFollowsTies(t *testing.T) {
	x, y := worked()
	m := mustFit(t, x, y, Options{})
	b := m.Report().Coefficients[0].Value
	e := func(v float64) float64 { return math.Exp(b * v) }
	at2 := 1 / (2 + 2*e(1) + 2*e(2))    // two rows at 0, two at 1, two at 2
	risk, tied := 2+e(1)+2*e(2), 1+e(2) // at time 3, where x = 0 and x = 2 fail
	efron, breslow := at2+1/risk+1/(risk-tied/2), at2+2/risk
	zero := design(column("x", 0))
	s := curvesAt(t, m, zero, []float64{3})[0][0]
	within(t, "S(3)", s, math.Exp(-efron), 1e-13)
	if math.Abs(s-math.Exp(-breslow)) < 0.003 {
		t.Error("the fixture does not tell the formulas apart")
	}
}

// lifelines leaves entry times out of the baseline. Ours counts a row from its entry on.
func TestPeerBaselineKnowsEntry(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, false}, Entry: []float64{0, 0, 2, 1}}
	m := mustFit(t, &survival.Design{Rows: 4}, y, Options{Ties: riskset.Breslow})
	h, _, _ := m.Baseline(0)
	within(t, "H(3)", h.At(3), 1.0/2+1.0/2+1.0/2, 1e-15)
	y.Entry = nil
	if ignoring := nonparam.NelsonAalen(y); math.Abs(ignoring.At(3)-h.At(3)) < 0.1 {
		t.Error("the fixture does not tell the formulas apart")
	}
}

// R's timefix merges times that differ in the last digits; here times are compared exactly
// unless the mlr3proba convention asks for R's way.
func TestPeerNearTimesStayApart(t *testing.T) {
	x := design(column("x", 1, 0, 1, 0, 1))
	y := survival.Outcome{Time: []float64{1, 1 + 1e-12, 2, 3, 4}, Event: []bool{true, true, false, true, true}}
	apart := mustFit(t, x, y, Options{}).Report().LogLik[0]
	within(t, "ℓ(0), apart", apart, -math.Log(5)-math.Log(4)-math.Log(2), 1e-14)
	m, err := Fit(context.Background(), x, y, Options{Ties: riskset.Breslow}, survival.FitOptions{Times: survival.TimesMlr3proba})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "ℓ(0), merged", m.Report().LogLik[0], -2*math.Log(5)-math.Log(2), 1e-14)
}

// lifelines returns stratified curves in another order than asked; ours are in row order.
func TestPeerStrataKeepRowOrder(t *testing.T) {
	x := &survival.Design{Rows: 4, Strata: []int{1, 0, 1, 0}}
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	m := mustFit(t, x, y, Options{Stratified: true})
	for i, s := range curvesAt(t, m, x, []float64{1}) {
		want := 1.0
		if x.Strata[i] == 1 {
			want = math.Exp(-0.5)
		}
		within(t, "S(1)", s[0], want, 1e-15)
	}
}
