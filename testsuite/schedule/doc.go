// Package schedule holds the tests of schedules and retention by whole programs: starter, a
// worker and a Temporal server with its database on disk. Schedules fire, overlap as they
// say, survive the server's death, and name the runs of a backfill by their dates; retention
// removes what it should and never what somebody needs. It has tests only.
package schedule
