// Package stack averages models of several types with weights that cross-validation within
// the fitted rows has chosen: stacking (Wolpert 1992, Neural Networks 5:241; Breiman 1996,
// Machine Learning 24:49), for survival curves as Golmakani and Polley (2020, Int. J.
// Biostat. 16:20190065) and Westling, Luedtke, Gilbert and Carone (2023, JASA 119:1541).
//
//	S(t|x) = Σ_b w_b·S_b(t|x),   w_b ≥ 0, Σ_b w_b = 1
//	w      = argmin Σ_i Σ_j q_j·v_ij·[1(T_i > t_j) − Σ_b w_b·S_b^(−k(i))(t_j|x_i)]² + λ·ℓ·‖w − 1/B‖²
//	risk(x) = Σ_j (1 − S(t_j|x)),   t_j the times of FitOptions.Grid
//
// S_b^(−k(i)) is base b fitted without the inner fold that holds row i, preprocessing
// included where FitOptions.Inner says how. The sum is the integrated Brier score of all
// out-of-fold curves: q_j are the weights of the trapezoid rule over the grid and
//
//	v_ij = w_i·[1(T_i > t_j)/Ĝ(t_j) + 1(T_i ≤ t_j, δ_i = 1)/Ĝ(T_i−)]
//
// with w_i the case weight and Ĝ the censoring distribution of the rows that the curve was
// fitted on. Under TimesMlr3proba Ĝ is that convention's, and Ĝ(T_i) takes the place of
// Ĝ(T_i−). The grid ends before the first time at which a weight would divide by zero.
//
// The sum is a convex quadratic form wᵀRw on the simplex, R_bc the cross-products of the
// bases' residuals; an active-set method finds its minimum exactly. The last term draws the
// weights towards equal ones, ℓ the mean loss of the B bases: out-of-fold losses of similar
// models differ by less than their noise, which falls with the number of events, and so does
// λ = [Options].PriorEvents/events. Bases that are copies of each other share their weight.
//
// Bases are taken in the order of their names, and a base's seed follows from its name: the
// order in which they are given changes nothing. A base with weight 0 is not fitted again.
//
// A base that cannot be fitted (survival.ErrNotConverged, survival.ErrNoEvents) without some
// fold, or on all rows, gets weight 0, with a warning; where none is left, that is the error.
// Where the rows leave nothing to validate with, weights are equal, with a warning.
//
// Preconditions: right-censored outcomes. Missing covariates are for the bases to accept.
//
// Not here: left truncation, strata, stacks of stacks, weights that depend on time.
package stack
