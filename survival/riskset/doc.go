// Package riskset is the one sweep over sorted times that the Cox likelihood, the
// baseline hazards, the product-limit estimators and the metrics share.
//
// Row i is at risk at time t when L_i < t ≤ T_i (entry L_i = −∞ where absent), within
// its stratum. An [Order] sorts the rows once by (stratum, time, events before censored)
// and groups equal times; every quantity of the form
//
//	R_k = Σ_{i: L_i < t_k ≤ T_i} v_i        (a sum over the risk set of time t_k)
//	Λ_i = Σ_{k: L_i < t_k ≤ T_i} h_k        (a sum over the times at which row i is at risk)
//
// then costs one pass. Vectors passed to the methods of an Order are indexed by sorted
// position (see [Order.Gather]) or by group, as their names say.
//
// Preconditions: the outcome satisfies survival.Outcome.Validate; times are compared
// exactly, so merge near-equal times first with [Merge] where a convention asks for it.
//
// References: Breslow (1974), Biometrics 30:89; Efron (1977), JASA 72:557; for the
// left-truncated risk set Keiding (1992), in Survival Analysis: State of the Art.
//
// Not here: time-varying covariates, interval censoring, competing risks.
package riskset
