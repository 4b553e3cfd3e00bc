// Package crash holds the tests that kill everything at any moment: worker, server and
// starter by SIGKILL at seeded random moments, a worker at every named point of a fold's
// way into the store, workers that hang and come back, databases and manifests that are
// lost. Real processes, a real Temporal server with its database on disk.
//
// The claim is always the same: the run ends, its tables equal those of an undisturbed run
// byte for byte (timings apart), and no fold is trained again once its manifest is written.
// What really happened is told by a journal outside the store, see journal_test.go.
//
// EVERFOLD_SOAK=N raises the number of seeds of the random moments, 3 otherwise.
package crash
