// Package bench measures what the whole of everfold costs: the programs on a real Temporal
// dev server with a local store. Benchmarks of single libraries are beside them.
//
// Results, with hardware and versions, are in docs/BENCHMARKS.md and bench/results.
//
// Preconditions: those of testsuite/harness, and a machine that does nothing else. Run by
// `make bench`.
package bench
