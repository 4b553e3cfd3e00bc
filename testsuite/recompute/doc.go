// Package recompute holds the check that every number of a run's tables follows from the
// files beside them: unmodified programs train on the public data sets under all three
// conventions, with case weights, entry times, groups and repeats; then tau, grids, each
// column of model_metrics.csv and model_summary.csv are computed again from the .npy files
// by the definitions of docs/METHODS.md, written out here as plain loops that share no code
// with survival/metric. It has tests only and needs what testsuite/harness needs.
package recompute
