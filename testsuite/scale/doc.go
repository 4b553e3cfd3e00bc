// Package scale holds tests of what happens when there is much of everything: runs so large that
// their folds are fitted by child workflows, and many runs that wait for the same workers.
// Real server, real store, real fits; fits that are to take long wait.
//
// EVERFOLD_SCALE=1 runs the long forms (make scale), whose figures are in docs/BENCHMARKS.md;
// without it the tests show the same on less.
//
// Preconditions: those of testsuite/harness.
package scale
