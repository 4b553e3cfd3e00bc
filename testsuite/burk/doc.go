// Package burk holds the check of models and metrics, as a library, against the published
// per-fold scores of the benchmark of Burk et al. in testdata/burk, and against in-sample
// numbers that R and scikit-survival print. It has tests only.
package burk
