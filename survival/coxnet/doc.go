// Package coxnet fits the proportional-hazards model λ(t|x) = λ₀(t)·e^{xβ} with an
// elastic-net penalty, along a path of penalties α:
//
//	β(α) = argmin −ℓ(β)/W + α·Σ_j f_j·(r·|b_j| + ½(1−r)·b_j²),   W = Σ w_i
//	ℓ(β) = Σ_i δ_i w_i η_i − Σ_k d_k·log Σ_{i∈R_k} w_i e^{η_i},   η_i = x_i β
//
// with Breslow's rule for ties, d_k the case weight of the events at t_k and R_k the rows
// with T_i ≥ t_k. b_j is β_j, or with Options.Standardize the coefficient of the column
// divided by its weighted population standard deviation; f_j are penalty factors, rescaled
// to sum to their number. β(α) itself is always per unit of the column as given.
//
// The path starts at α_max, the smallest α at which every penalised coefficient is 0, falls
// geometrically to α_max·ratio, and stops early where it explains nothing more, see
// [Options]. Each point is a proximal Newton method: coordinate descent on a quadratic
// model whose Hessian is that of the partial likelihood, brought up to date by BFGS
// formulas between its evaluations, started where the points before lead. With many columns only
// those that the sequential strong rule keeps are looked at; the conditions of optimality
// (Karush, Kuhn, Tucker) are then checked on all columns, and violators join.
//
// Preconditions: the outcome satisfies survival.Outcome.Validate (otherwise its error) and
// has no entry times; covariates are finite. The range of the linear predictor may reach
// 1,300 before numbers leave float64.
//
// References: Simon, Friedman, Hastie and Tibshirani (2011), J. Stat. Softw. 39(5);
// Tibshirani, Bien, Friedman, Hastie, Simon, Taylor and Tibshirani (2012), JRSS B 74:245
// (strong rules); Lee, Sun and Saunders (2014), SIAM J. Optim. 24:1420 (proximal Newton);
// Verweij and van Houwelingen (1993), Stat. Med. 12:2305 (cross-validated likelihood).
//
// Not here: Efron ties, strata, left truncation, standard errors after selection.
package coxnet
