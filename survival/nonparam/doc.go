// Package nonparam holds the estimators without covariates: Kaplan–Meier and
// Nelson–Aalen curves, the baseline hazard of a proportional-hazards model, the
// censoring distribution with its three conventions, and the model "km" that every run
// fits as its reference.
//
// With risk set R(t) = {i: L_i < t ≤ T_i}, d_k the case weight of the events at time t_k
// and n_k that of R(t_k):
//
//	Kaplan–Meier   S(t) = Π_{t_k ≤ t} (1 − d_k/n_k)
//	Nelson–Aalen   H(t) = Σ_{t_k ≤ t} d_k/n_k
//	Breslow        H₀(t) = Σ_{t_k ≤ t} d_k / Σ_{i∈R(t_k)} w_i e^{η_i}
//	Efron          the same with the ties' risk removed step by step, see riskset.Ties
//
// Every curve is a survival.StepFunction: right-continuous, its last value kept.
//
// Preconditions: the outcome satisfies survival.Outcome.Validate. Times are compared
// exactly but where a TimeRule or Convention says otherwise.
//
// References: Kaplan and Meier (1958), JASA 53:457; Aalen (1978), Ann. Statist. 6:701;
// Breslow (1974), Biometrics 30:89; Efron (1977), JASA 72:557.
//
// Not here: variances of the curves, competing risks, interval censoring.
package nonparam
