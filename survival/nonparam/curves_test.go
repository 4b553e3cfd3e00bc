package nonparam

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/riskset"
)

// Five rows by hand: S(2) = 4/5, S(3) = 4/5·2/3 (one was censored at 2, but counts
// there), and S keeps its last value.
func ExampleKaplanMeier() {
	y := survival.Outcome{
		Time:  []float64{2, 2, 3, 3, 5},
		Event: []bool{true, false, true, false, false},
	}
	s := KaplanMeier(y)
	fmt.Printf("%.4f %.4f %.4f %.4f\n", s.At(1), s.At(2), s.At(3), s.At(100))
	// Output: 1.0000 0.8000 0.5333 0.5333
}

// The three conventions differ where an event and a censored row share a time, and in
// whether a failure at T is weighted by Ĝ(T) or by its left limit.
func ExampleCensoringDistribution() {
	y := survival.Outcome{
		Time:  []float64{1, 2, 2, 3},
		Event: []bool{true, true, false, true},
	}
	for _, c := range []Convention{RiskRegression, ScikitSurvival, Mlr3proba} {
		g, _ := CensoringDistribution(y, c)
		fmt.Printf("%s: failure at 2 %.4f, survivor at 2 %.4f\n", c, g.AtFailure(2), g.AtSurvivor(2))
	}
	// Output:
	// riskregression: failure at 2 1.0000, survivor at 2 0.5000
	// scikit-survival: failure at 2 0.5000, survivor at 2 0.5000
	// mlr3proba: failure at 2 0.6667, survivor at 2 0.6667
}

// Where the whole risk set fails S is exactly 0, whatever the weights' rounding.
func TestKaplanMeierReachesZero(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 2, 2}, Event: []bool{true, true, true, true}, Weight: []float64{.1, .2, .3, .7}}
	if s := KaplanMeier(y).At(2); s != 0 {
		t.Errorf("S is %g after all have failed", s)
	}
	y.Event[3] = false
	if g := mustCensor(t, y, RiskRegression).AtSurvivor(2); g != 0 {
		t.Errorf("G is %g after the last row, the only one left after the events, is censored", g)
	}
}

// Without events S is 1 everywhere, and without rows as well: nothing panics.
func TestNoEvents(t *testing.T) {
	for _, y := range []survival.Outcome{{}, {Time: []float64{1, 2}, Event: []bool{false, false}}} {
		if s := KaplanMeier(y); s.At(5) != 1 || len(s.Times) != 0 {
			t.Errorf("S without events is %+v", s)
		}
		if h := NelsonAalen(y); h.At(5) != 0 {
			t.Errorf("H without events is %+v", h)
		}
	}
}

// A left-truncated row counts only after its entry: at time 2 only rows 0 and 2 are at
// risk, at time 4 rows 1 and 2. (lifelines' baseline ignores entry times.)
func TestEntryByHand(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 4, 6}, Event: []bool{true, true, false}, Entry: []float64{0, 2, 1}}
	want := []float64{0.5, 0.25}
	if s := KaplanMeier(y); !slices.Equal(s.Values, want) {
		t.Errorf("S is %v, want %v", s.Values, want)
	}
	if h := NelsonAalen(y); !slices.Equal(h.Values, []float64{0.5, 1}) {
		t.Errorf("H is %v, want [0.5 1]", h.Values)
	}
}

// Efron ties have Efron's hazard, 1/4 + 1/3 for two of four, not Breslow's 2/4, which
// scikit-survival and lifelines use with either rule.
func TestBaselineFollowsTieRule(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 1, 2, 3}, Event: []bool{true, true, false, false}}
	o := riskset.New(y, nil)
	for ties, want := range map[riskset.Ties]float64{riskset.Efron: 1.0/4 + 1.0/3, riskset.Breslow: 2.0 / 4} {
		h := BaselineHazard(o, nil, nil, ties)[0]
		if len(h.Values) != 1 || math.Abs(h.Values[0]-want) > 1e-15 {
			t.Errorf("%v hazard is %v, want %g", ties, h.Values, want)
		}
	}
}

// Case weight 2 is the same as the row twice, for curves and Ĝ; Breslow's baseline too.
func TestWeightsAreCounts(t *testing.T) {
	y := survival.Outcome{Time: []float64{3, 1, 2, 2, 5}, Event: []bool{true, true, false, true, false}, Weight: []float64{2, 1, 2, 1, 1}}
	twice := y.Take([]int{0, 0, 1, 2, 2, 3, 4})
	twice.Weight = nil
	for _, c := range []Convention{RiskRegression, Mlr3proba} {
		a, b := mustCensor(t, y, c).G, mustCensor(t, twice, c).G
		if !slices.Equal(a.Values, b.Values) || !slices.Equal(a.Times, b.Times) {
			t.Errorf("%v: %v with weights, %v with rows repeated", c, a, b)
		}
	}
	if a, b := KaplanMeier(y), KaplanMeier(twice); !slices.Equal(a.Values, b.Values) {
		t.Errorf("S is %v with weights, %v with rows repeated", a.Values, b.Values)
	}
}

// Names of conventions are read and written alike; others are refused, naming the allowed.
func TestConventionNames(t *testing.T) {
	for _, c := range []Convention{RiskRegression, ScikitSurvival, Mlr3proba} {
		if got, err := ParseConvention(c.String()); err != nil || got != c {
			t.Errorf("%v reads back as %v, %v", c, got, err)
		}
	}
	if _, err := ParseConvention("pec"); err == nil {
		t.Error("an unknown convention was accepted")
	}
}

// Near-equal times are merged before Ĝ under mlr3proba only; with an entry time that
// falls on its own time the estimate is refused.
func TestCensoringMergesTimes(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 1 + 1e-9, 2}, Event: []bool{false, false, true}}
	if g := mustCensor(t, y, Mlr3proba).G; len(g.Times) != 1 {
		t.Errorf("steps at %v, want one", g.Times)
	}
	if g := mustCensor(t, y, ScikitSurvival).G; len(g.Times) != 2 {
		t.Errorf("steps at %v, want two", g.Times)
	}
	y.Entry = []float64{0, 1, 0}
	if _, err := CensoringDistribution(y, Mlr3proba); err == nil {
		t.Error("a row that is never at risk was accepted")
	}
}

// Greenwood's sum by hand, on the five rows of ExampleKaplanMeier: 1/(5·4) at 2, and 1/(3·2)
// more at 3; the curve is that of KaplanMeier. Where all fail S is 0 and its error infinite.
func TestKaplanMeierError(t *testing.T) {
	y := survival.Outcome{
		Time:  []float64{2, 2, 3, 3, 5},
		Event: []bool{true, false, true, false, false},
	}
	s, sigma := KaplanMeierError(y)
	want := KaplanMeier(y)
	if !slices.Equal(s.Times, want.Times) || !slices.Equal(s.Values, want.Values) {
		t.Errorf("curve %v, KaplanMeier has %v", s, want)
	}
	for at, variance := range map[float64]float64{1: 0, 2: 1. / 20, 2.5: 1. / 20, 3: 1./20 + 1./6, 9: 1./20 + 1./6} {
		if got := sigma.At(at); math.Abs(got-math.Sqrt(variance)) > 1e-15 {
			t.Errorf("error at %v: %v, want √%v", at, got, variance)
		}
	}
	_, sigma = KaplanMeierError(survival.Outcome{Time: []float64{1, 1}, Event: []bool{true, true}})
	if !math.IsInf(sigma.At(1), 1) {
		t.Errorf("error where S is 0: %v", sigma.At(1))
	}
}
