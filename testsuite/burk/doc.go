// Package burk holds the check of models and metrics, as a library, against the published
// per-fold scores of the benchmark of Burk et al. in testdata/burk. It has tests only.
package burk
