package nonparam

import (
	"math"

	"everfold/survival"
	"everfold/survival/riskset"
)

// KaplanMeier estimates S(t) from a valid outcome with case weights and entry times.
// It steps at the distinct event times; without events it is 1 everywhere. With entry
// times a risk set that dies out early leaves S = 0 for ever after, as the formula says.
func KaplanMeier(y survival.Outcome) survival.StepFunction {
	o := riskset.New(y, nil)
	events, atRisk := make([]float64, len(o.Groups)), make([]float64, len(o.Groups))
	w := o.Gather(y.Weight)
	o.EventSums(events, w)
	o.AtRisk(atRisk, w)
	return productLimit(o, events, atRisk)
}

// KaplanMeierError is KaplanMeier with the standard error of log S(t) by Greenwood's formula,
//
//	σ(t) = √( Σ_{t_k ≤ t} d_k / (n_k (n_k − d_k)) ),
//
// so that S·e^{±zσ} is the pointwise interval that R's survfit gives by default. σ is +Inf where
// S is 0. Case weights count as so many rows, which is right for frequencies alone.
func KaplanMeierError(y survival.Outcome) (s, sigma survival.StepFunction) {
	o := riskset.New(y, nil)
	events, atRisk := make([]float64, len(o.Groups)), make([]float64, len(o.Groups))
	w := o.Gather(y.Weight)
	o.EventSums(events, w)
	o.AtRisk(atRisk, w)
	s = productLimit(o, events, atRisk)
	sum := 0.0
	for k, g := range o.Groups {
		d, n := events[k], atRisk[k]
		if d <= 0 {
			continue
		}
		if left := n - d; left <= negligible*n {
			sum = math.Inf(1)
		} else {
			sum += d / float64(n*left)
		}
		sigma.Times, sigma.Values = append(sigma.Times, g.Time), append(sigma.Values, math.Sqrt(sum))
	}
	return s, sigma
}

// NelsonAalen estimates the cumulative hazard H(t), under the conditions of KaplanMeier.
func NelsonAalen(y survival.Outcome) survival.StepFunction {
	o := riskset.New(y, nil)
	return BaselineHazard(o, o.Gather(y.Weight), nil, riskset.Breslow)[0]
}

// negligible is a share of the case weight at risk that can only be rounding.
const negligible = 1e-12

// productLimit is Π(1 − d_k/n_k) with a step at every time with d_k > 0.
func productLimit(o *riskset.Order, d, n []float64) survival.StepFunction {
	f := survival.StepFunction{Before: 1}
	s := 1.0
	for k, g := range o.Groups {
		if d[k] <= 0 {
			continue
		}
		// All of the risk set fails: exactly 0, whatever the rounding of the weights' sums.
		if n[k]-d[k] <= negligible*n[k] {
			s = 0
		} else {
			s *= 1 - d[k]/n[k]
		}
		f.Times = append(f.Times, g.Time)
		f.Values = append(f.Values, s)
	}
	return f
}

// BaselineHazard estimates the cumulative baseline hazard H₀ of each stratum of o, in
// the order of o.Strata, given relative risks e^η. weight and risk are by sorted position
// (see riskset.Order.Gather), nil means 1. Ties follow the rule the coefficients were
// estimated with: Efron's hazard belongs to Efron's likelihood.
func BaselineHazard(o *riskset.Order, weight, risk []float64, ties riskset.Ties) []survival.StepFunction {
	groups := len(o.Groups)
	events, tied, atRisk := make([]float64, groups), make([]float64, groups), make([]float64, groups)
	v := product(weight, risk)
	o.EventSums(events, weight)
	o.EventSums(tied, v)
	o.AtRisk(atRisk, v)
	out := make([]survival.StepFunction, max(1, len(o.Strata)))
	for s, st := range o.Strata {
		h := 0.0
		for k := st.First; k < st.Last; k++ {
			g := o.Groups[k]
			if g.Events == 0 {
				continue
			}
			h += ties.At(atRisk[k], tied[k], events[k], g.Events).Hazard
			out[s].Times = append(out[s].Times, g.Time)
			out[s].Values = append(out[s].Values, h)
		}
	}
	return out
}

// product is the element-wise product where nil stands for ones.
func product(a, b []float64) []float64 {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] * b[i]
	}
	return out
}
