// Package rollout holds the tests of what happens to runs while workers are stopped and
// replaced: a graceful stop in the middle of a long fit, a drain that lets it end, a second
// signal; a run that begins on the worker of an earlier commit and ends on the present one; and
// worker deployments, where a run stays with the version that it began on. Real processes, a
// real Temporal server. It has tests only.
//
// The earlier commit is the newest tag v… before HEAD, else HEAD's parent, or what
// EVERFOLD_UPGRADE_FROM names. Its worker is built from the repository's history, so a clone
// must have some: git fetch --deepen=1 where it is shallow.
//
// Preconditions: those of testsuite/harness, and git.
package rollout
