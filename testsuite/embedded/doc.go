// Package embedded holds the tests of internal/app/embedded on a real Temporal server and
// real processes: starting, attaching, taking over, being killed.
package embedded
