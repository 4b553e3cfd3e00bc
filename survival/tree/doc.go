// Package tree grows binary trees on binned covariates: one engine for every ensemble of
// the module. What makes a good split is a [Criterion]:
//
//   - [LogRank] maximises the two-sample log-rank statistic over all event times of the
//     node (Segal 1988, Biometrics 44:35; Ishwaran et al. 2008, Ann. Appl. Stat. 2:841);
//   - [Gradient] maximises the decrease of a second-order (Newton) or squared-error
//     approximation of a loss (Friedman 2001, Ann. Stat. 29:1189).
//
// A [Matrix] holds the covariates as small integer codes, packed into words: quantile bins
// or every distinct value. Columns of zeros and ones that exclude each other share a stored
// column, which changes no candidate. A split sends x ≤ threshold left; the threshold is the
// middle between the neighbouring values of the node. Missing values (NaN) go to the side
// that scores better; in nodes without any, to the side with more rows.
//
// # Exactness
//
// The searches for the log-rank split (bounds from packed histograms, bit sets for small
// nodes, Fenwick trees) only discard candidates that provably cannot win; what is left is
// evaluated by one definition, so that all of them return the split of a direct search.
// Candidates whose statistics agree to 1e-10 tie: the smaller (column, threshold) wins,
// missing values right before left. docs/METHODS.md derives the bounds.
//
// Results do not depend on threads: a tree draws from its own random stream, and all sums are
// of integers or have a fixed order.
//
// Preconditions: covariates are finite or NaN; outcomes are sorted by time. Not here:
// categorical splits beyond one level against the rest, surrogate splits, pruning.
package tree
