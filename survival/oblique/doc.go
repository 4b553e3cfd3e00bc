// Package oblique fits oblique random survival forests (Jaeger et al. 2019, Ann. Appl. Stat.
// 13:1847; Jaeger et al. 2024, J. Comput. Graph. Stat. 33:192): trees on bootstrap samples,
// each node split by a linear combination of mtry randomly drawn columns. Curves and risks
// are averages of the trees' leaves: package ensemble has the equations.
//
// At a node with the weights d_k of the events and Y_k of the rows at risk at event time k,
// and drawn columns z, the combination zᵀβ is
//
//	β = (V + ρ·diag V)⁻¹U
//	U = Σ_k (Σ_{events at k} w·z − d_k·z̄_k)
//	V = Σ_k d_k·(Y_k − d_k)/(Y_k − 1)·Cov_k(z),   z̄_k and Cov_k over the rows at risk
//
// with ρ = 1: U are the columns' log-rank scores and V is their covariance, so that ρ = 0
// is one Newton step from 0 of Cox's partial likelihood for discrete times. Rows go left
// where zᵀβ is at most a cut: of five of the rows' values, the one with the largest
// log-rank statistic that leaves min_leaf rows and an event on both sides.
//
// Preconditions: covariates are finite or missing (NaN counts as the mean of the column's
// present values in the tree's sample); right-censored outcomes. Case weights multiply the
// counts of bootstrap draws, which are uniform; min_split and min_leaf count distinct rows.
// The 1 in V is the weight of one subject (tree.Ranked.Unit), and min_stat is compared with
// statistics in that unit.
// The dummies of a factor are columns like any other. A column that deviates from its mean
// by more than 3e38, or less than 3e-39, is not used in a node.
//
// Not here: left truncation, competing risks, variable importance (package explain).
package oblique
