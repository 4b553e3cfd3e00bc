// Package worker holds the tests of the unmodified worker program on a real Temporal
// server: how it starts, waits for the server, and ends.
package worker
