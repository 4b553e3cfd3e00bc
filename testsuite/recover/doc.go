// Package recover runs unmodified programs against the ruins of runs: Temporal's database is
// gone, files are truncated, flipped, deleted, and `starter recover` makes of the folder alone
// what an undisturbed run left. It has tests only. The seed of it all, where the tracking
// server dies first, is told in testsuite/tracker.
//
// Preconditions: those of testsuite/harness.
package recover
