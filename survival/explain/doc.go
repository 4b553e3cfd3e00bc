// Package explain says which columns a fitted model relies on, and how, from its
// predictions alone.
//
// Permutation importance of column S (Breiman 2001, Machine Learning 45:5; Fisher, Rudin and
// Dominici 2019, JMLR 20(177):1) is the mean over repeats of
//
//	loss(rows with column S permuted) − loss(rows),
//
// and partial dependence (Friedman 2001, Annals of Statistics 29:1189) the mean of the
// predicted survival over the rows when column S is set to v in all of them:
//
//	Ŝ_S(t; v) = (1/n)·Σ_i S(t | x_S = v, x_i without S).
//
// Columns are source columns, before encoding: the dummies of a factor and a missing
// indicator move with their column. Losses and predictions are functions that the caller
// gives, so that a whole pipeline of preprocessing and model is explained and not its last
// step.
//
// Both set columns apart that may belong together: where columns depend on each other, rows
// arise that no data have, and the model is asked beyond what it has seen; a column whose
// information another one has as well seems unimportant. Neither says anything about causes.
//
// Preconditions: rows that the model was not fitted on; on training rows importance rewards
// overfitting. Non-goals: Shapley values, importance of groups of columns, drawing.
package explain
