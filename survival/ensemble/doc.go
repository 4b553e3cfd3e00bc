// Package ensemble is what all random survival forests share, however their trees send a
// row to a leaf: the bootstrap, growing trees on goroutines, and prediction from the leaves.
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
// Reference: Ishwaran, Kogalur, Blackstone and Lauer (2008), Ann. Appl. Stat. 2:841.
//
// Preconditions: right-censored outcomes. Case weights multiply the counts of bootstrap
// draws, which are uniform.
//
// Not here: how a tree splits (packages tree and oblique), boosting, left truncation.
package ensemble
