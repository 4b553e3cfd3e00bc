// Package forest fits random survival forests (Ishwaran, Kogalur, Blackstone and Lauer
// 2008, Ann. Appl. Stat. 2:841): trees on bootstrap samples, each node split by the largest
// log-rank statistic over all event times among mtry randomly drawn columns. Curves and
// risks are averages of the trees' leaves: package ensemble has the equations.
//
// Preconditions: covariates are finite or missing (NaN: a direction is learned at every
// split); right-censored outcomes. Case weights multiply the counts of bootstrap draws,
// which are uniform; min_split and min_leaf count distinct rows, as scikit-survival does
// (ranger counts draws, so its leaves are smaller at the same setting).
//
// Not here: left truncation, competing risks, variable importance (package explain).
package forest
