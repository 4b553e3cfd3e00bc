// Package burk holds the check of models and metrics against the published per-fold scores
// of the benchmark of Burk et al. in testdata/burk, as a library and through the unmodified
// programs, and against in-sample numbers that R and scikit-survival print. It has tests
// only; those of the programs need what testsuite/harness needs.
package burk
