// Package boost fits Cox's proportional hazards model λ(t|x) = λ₀(t)e^{F(x)} by gradient
// boosting (Friedman 2001, Ann. Stat. 29:1189; Ridgeway 1999, Comput. Sci. Stat. 31:172):
// F is a sum of small regression trees, each fitted to the gradient of Breslow's log
// partial likelihood at the sum so far. With R(t) = Σ_{T_k ≥ t} w_k e^{F_k} and d(t) the
// weight of the events at t,
//
//	g_i = ∂ℓ/∂F_i   = w_i·(δ_i − e^{F_i}·Σ_{t ≤ T_i} d(t)/R(t))
//	h_i = −∂²ℓ/∂F_i² = w_i·e^{F_i}·Σ_{t ≤ T_i} d(t)/R(t) − (w_i·e^{F_i})²·Σ_{t ≤ T_i} d(t)/R(t)²
//
// Weights are in units of the mean weight of the events, so that their own unit changes
// nothing; for leaves of kind [Mean] a weight of 2 is a copy of the row. Tied events all
// see the whole risk set R(t), tied rows alike. (XGBoost 1.7's survival:cox lets the risk
// set grow event by event within a tie, against its comment.) A round costs O(n) from rows
// sorted once.
//
// Leaves: [Mean] has the semantics of scikit-survival's GradientBoostingSurvivalAnalysis:
// least-squares splits of the residuals g/w, and their mean as leaf value. [Newton] takes
// Σg/(Σh + λ), one Newton step, as XGBoost does, with splits to match.
//
// The number of trees can be chosen on held-out rows: the best log partial likelihood of
// these rows among themselves.
//
// The baseline is Breslow's: H₀(t) = Σ_{s ≤ t} d(s)/R(s) at the final F.
//
// Preconditions: covariates are finite or missing (NaN: a direction is learned at every
// split); right-censored outcomes, optionally with case weights. Not here: left
// truncation, Efron's ties, other losses.
package boost
