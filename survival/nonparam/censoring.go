package nonparam

import (
	"fmt"

	"everfold/survival"
	"everfold/survival/riskset"
)

// Convention names how the distribution Ĝ of the censoring times treats ties.
// The three are those of docs/METHODS.md, "Censoring weights".
type Convention int

const (
	// RiskRegression: at a tied time events leave before the censored (n_k − d_k at
	// risk); a failure at T is weighted by the left limit Ĝ(T−). As prodlim, pec and
	// riskRegression.
	RiskRegression Convention = iota
	// ScikitSurvival: the same estimate, but a failure at T is weighted by Ĝ(T).
	ScikitSurvival
	// Mlr3proba: plain Kaplan–Meier of (time, 1 − event) with all n_k at risk, near-equal
	// times merged first; a failure at T is weighted by Ĝ(T).
	Mlr3proba
)

// ParseConvention reads "riskregression", "scikit-survival" or "mlr3proba".
func ParseConvention(name string) (Convention, error) {
	for _, c := range []Convention{RiskRegression, ScikitSurvival, Mlr3proba} {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("convention is %q: allowed are riskregression, scikit-survival and mlr3proba", name)
}

// String is the name that ParseConvention reads.
func (c Convention) String() string {
	return [...]string{"riskregression", "scikit-survival", "mlr3proba"}[c]
}

// Censoring is an estimate of G(t) = P(censoring time > t).
type Censoring struct {
	G          survival.StepFunction // right-continuous, 1 before the first censored time
	Convention Convention
}

// CensoringDistribution estimates Ĝ, from the training rows only, with case weights and
// entry times. It never is 0/0: a time at which nobody is left after the events keeps Ĝ.
// The only error is that of riskset.Merge, under Mlr3proba with entry times.
func CensoringDistribution(y survival.Outcome, c Convention) (Censoring, error) {
	rule := survival.TimesExact
	if c == Mlr3proba {
		rule = survival.TimesMlr3proba
	}
	y, err := riskset.Merge(y, rule)
	if err != nil {
		return Censoring{}, fmt.Errorf("censoring distribution: %w", err)
	}
	o := riskset.New(y, nil)
	groups := len(o.Groups)
	censored, atRisk := make([]float64, groups), make([]float64, groups)
	w := o.Gather(y.Weight)
	o.CensoredSums(censored, w)
	o.AtRisk(atRisk, w)
	if c != Mlr3proba {
		events := make([]float64, groups)
		o.EventSums(events, w)
		for k := range atRisk {
			atRisk[k] -= events[k]
		}
	}
	return Censoring{G: productLimit(o, censored, atRisk), Convention: c}, nil
}

// AtFailure is Ĝ as it weights a row that failed at time t: Ĝ(t−) or Ĝ(t).
func (c Censoring) AtFailure(t float64) float64 {
	if c.Convention == RiskRegression {
		return c.G.Left(t)
	}
	return c.G.At(t)
}

// AtSurvivor is Ĝ(t), which weights a row still under observation after t.
func (c Censoring) AtSurvivor(t float64) float64 { return c.G.At(t) }
