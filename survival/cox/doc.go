// Package cox fits the proportional-hazards model
//
//	λ(t | x, stratum s) = λ₀ₛ(t)·e^{xβ}
//
// by maximum partial likelihood, with Efron's or Breslow's rule for tied events, case
// weights, left truncation, strata and an optional ridge penalty:
//
//	ℓ(β) = Σ_i δ_i w_i η_i − Σ_k Σ_{l<d_k} m_k·log φ_{k,l},   η_i = x_i β + offset_i
//	φ_{k,l} = Σ_{i∈R_k} w_i e^{η_i} − a_l·Σ_{i∈D_k} w_i e^{η_i},   a_l = l/d_k (Efron), 0 (Breslow)
//
// where R_k is the risk set of the k-th distinct event time of a stratum, D_k its d_k
// events and m_k their mean weight. [Fit] maximises ℓ(β) − ½·α·Σβ²; this is
// scikit-survival's −ℓ/n + α·Σβ²/(2n), with β per unit of the column as given.
//
// Preconditions: the outcome satisfies survival.Outcome.Validate (otherwise its error),
// covariates are finite, entry times are those of one interval a row. The range of the
// linear predictor may reach 1,300 before numbers leave float64.
//
// [Diagnose] gives residuals, robust variances and tests of a fitted model, and
// [TestProportional] the test of its assumption, from the same sums.
//
// References: Cox (1972), JRSS B 34:187; Efron (1977), JASA 72:557; Breslow (1974),
// Biometrics 30:89; Therneau and Grambsch, Modeling Survival Data (2000), ch. 4, 6 and 7.
//
// Not here: time-varying covariates, frailties, exact ties; L1 penalties (package coxnet).
package cox
