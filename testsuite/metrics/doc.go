// Package metrics scrapes a real worker and holds the shipped Prometheus alert rules against
// what it shows: every metric and label that a rule asks for exists, the rules are good by
// Prometheus's own parsers, and every runbook section that they name is there. It has tests
// only.
//
// Preconditions: those of testsuite/harness, and the Go tool, which builds testsuite/rules.
package metrics
