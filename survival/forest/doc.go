// Package forest fits random survival forests (Ishwaran, Kogalur, Blackstone and Lauer
// 2008, Ann. Appl. Stat. 2:841): trees on bootstrap samples, each node split by the largest
// log-rank statistic over all event times among mtry randomly drawn columns.
//
// With events d and rows at risk Y in the leaf that x falls into, tree b has
//
//	H_b(t|x) = Σ_{t_k ≤ t} d_k/Y_k   (Nelson–Aalen),   S_b(t|x) = Π_{t_k ≤ t} (1 − d_k/Y_k)   (Kaplan–Meier)
//
// and the forest averages each over its trees:
//
//	S(t|x) = mean_b S_b(t|x)                         (so S ≠ exp(−H); exp(−H) is Options.ExpHazard)
//	risk(x) = Σ_j mean_b H_b(τ_j|x),   τ_j the distinct event times of the training rows.
//
// Preconditions: covariates are finite or missing (NaN: a direction is learned at every
// split); right-censored outcomes. Case weights multiply the counts of bootstrap draws,
// which are uniform; min_split and min_leaf count distinct rows, as scikit-survival does
// (ranger counts draws, so its leaves are smaller at the same setting).
//
// Not here: left truncation, competing risks, variable importance (package explain).
package forest
