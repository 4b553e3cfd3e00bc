// Package e2e runs the unmodified programs against a real Temporal server, as an operator
// would: starting, attaching, watching, changing and cancelling runs, every exit code, and
// the example in every command's help.
//
// Preconditions: those of testsuite/harness. Data: examples/, which the programs ship.
package e2e
