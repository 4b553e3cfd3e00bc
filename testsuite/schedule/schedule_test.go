package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// Claim: a schedule starts runs by the clock, without a starter; each is named by the time
// that it was due and is whole. While one runs the next start is skipped, and counted. The
// same create again changes nothing.
func TestScheduleFires(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker(withoutTrain) // the first run lasts until a start was skipped
	args := []string{"--interval", "1s", "--run-template", "night-{datetime}"}
	l.create(args...)
	require.Contains(t, l.starter(0, append([]string{"schedule", "create", "night.yaml"}, args...)...).Stdout, "production/night unchanged")
	l.until("a start was skipped", func(s shown) bool { return s.Skipped > 0 })
	l.worker("--queues=everfold-train")
	s := l.until("two runs are complete", func(s shown) bool { return s.ended("completed") >= 2 })
	l.starter(0, "schedule", "pause", "production/night")
	whole := l.until("the last run is complete", func(s shown) bool { return s.ended("running") == 0 }).Recent
	for _, r := range append(s.Recent, whole...) {
		require.Equal(t, "production/night-"+r.Due.UTC().Format("2006-01-02-150405"), r.Run)
		l.starter(0, "results", r.Run)
	}
	require.Contains(t, l.starter(0, "schedule", "list").Stdout, "production/night")
	l.starter(0, "schedule", "delete", "production/night")
	l.starter(4, "schedule", "show", "production/night")
	require.NotEmpty(t, l.runs(), "runs outlive their schedule")
}

// Claim: while a start runs, skip loses the next one and says so, buffer-one runs it
// afterwards, cancel-other ends the first in order and runs the second.
func TestOverlap(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker(withoutTrain)
	l.create("--cron", "0 0 1 1 *", "--run-template", "night-{datetime}")
	trigger := []string{"schedule", "trigger", "production/night"}
	l.starter(0, trigger...)
	first := l.until("it runs", func(s shown) bool { return s.ended("running") == 1 }).Recent[0]
	require.Contains(t, l.starter(1, trigger...).Stderr, "was skipped: another start is running")

	harness.Eventually(t, "the next second, and run", func() bool { return time.Since(first.Due) > time.Second })
	l.starter(0, append(trigger, "--overlap", "cancel-other")...)
	s := l.until("the second runs", func(s shown) bool { return s.Started == 2 && s.ended("running") == 1 })
	require.Equal(t, first.Run, s.Recent[1].Run)
	require.Equal(t, "cancelled", s.Recent[1].Status)
	require.Contains(t, l.starter(0, "status", first.Run).Stdout, "cancelled", "the cancellation has reached the run")

	second := s.Recent[0].Due
	harness.Eventually(t, "the next second, and run", func() bool { return time.Since(second) > time.Second })
	require.Contains(t, l.starter(0, append(trigger, "--overlap", "buffer-one")...).Stdout, "waits for the start that is running")
	l.worker("--queues=everfold-train")
	s = l.until("the second and the third are complete", func(s shown) bool { return s.ended("completed") == 2 })
	require.Equal(t, 3, s.Started)
	require.Equal(t, 1, s.Skipped)
	whole := l.whole()
	require.Equal(t, []string{s.Recent[1].Run, s.Recent[0].Run}, []string{"production/" + whole[0], "production/" + whole[1]})
}

// Claim: a schedule survives the death of the server, whose database is on disk: it is there
// afterwards, runs go on, and starts that were missed are made up for within the catch-up.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker()
	l.create("--interval", "2s", "--run-template", "night-{datetime}", "--overlap", "buffer-one")
	before := l.until("a run is complete", func(s shown) bool { return s.ended("completed") > 0 })
	l.server.Kill()
	l.server.Restart()
	after := l.until("runs go on", func(s shown) bool {
		return s.Started > before.Started+1 && s.ended("completed") > before.ended("completed")+1
	})
	require.Zero(t, after.ended("failed"))
	require.Zero(t, after.Missed)
	l.starter(0, "schedule", "delete", "production/night")
}

// Claim: starts that the server missed for longer than --catchup are counted, not made up for.
func TestCatchup(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.create("--interval", "1s", "--run-template", "night-{datetime}", "--catchup", "10s")
	l.until("it is due", func(s shown) bool { return s.Started > 0 })
	l.server.Kill()
	down := time.Now()
	harness.Eventually(t, "the catch-up is over", func() bool { return time.Since(down) > 15*time.Second })
	l.server.Restart()
	l.until("starts were missed", func(s shown) bool { return s.Missed > 0 })
	l.starter(0, "schedule", "delete", "production/night")
}

// Claim: a start that is terminated by the next one, or takes longer than --timeout, takes its
// run along, which ends as cancelled; the time-out counts as a failure.
func TestStartThatEndsOtherwise(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker(withoutTrain)
	args := []string{"--cron", "0 0 1 1 *", "--run-template", "night-{datetime}", "--pause-on-failure"}
	l.create(args...)
	trigger := []string{"schedule", "trigger", "production/night"}
	ends := func(run string) {
		harness.Eventually(t, run+" is cancelled", func() bool { return strings.Contains(l.starter(0, "status", run).Stdout, "cancelled at") })
	}
	l.starter(0, trigger...)
	first := l.until("it runs", func(s shown) bool { return s.ended("running") == 1 }).Recent[0]
	harness.Eventually(t, "the next second, and run", func() bool { return time.Since(first.Due) > time.Second })
	l.create(append(args, "--timeout", "4s")...)
	l.starter(0, append(trigger, "--overlap", "terminate-other")...)
	require.Equal(t, 1, l.until("the first is terminated", func(s shown) bool { return s.Started == 2 && s.ended("terminated") == 1 }).ended("terminated"))
	ends(first.Run)
	s := l.until("the second is out of time", func(s shown) bool { return s.Paused })
	require.Contains(t, s.Note, "timeout")
	ends(s.Recent[0].Run)
}

// Claim: a backfill gives the runs of those dates, in the schedule's zone, one after the
// other.
func TestBackfill(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker()
	l.create("--cron", "30 0 * * *", "--timezone", "Europe/Berlin")
	l.onDemand()
	l.starter(0, "schedule", "backfill", "production/night", "--from", "2026-03-28", "--to", "2026-03-30")
	s := l.until("three runs are complete", func(s shown) bool { return s.ended("completed") == 3 })
	require.Equal(t, []string{"night-2026-03-28", "night-2026-03-29", "night-2026-03-30"}, l.runs())
	require.Equal(t, "production/night-2026-03-28", s.Recent[2].Run)
	require.Equal(t, "2026-03-27T23:30:00Z", s.Recent[2].Due.UTC().Format("2006-01-02T15:04:05Z"))
	require.Equal(t, "2026-03-29T22:30:00Z", s.Recent[0].Due.UTC().Format("2006-01-02T15:04:05Z"), "in summer time")
}

// Claim: with --pause-on-failure a run that fails pauses the schedule, with the reason; once
// mended and unpaused it goes on.
func TestPauseOnFailure(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker()
	l.create("--cron", "0 0 1 1 *", "--pause-on-failure", "--set", "data.time=months")
	l.starter(0, "schedule", "trigger", "production/night")
	s := l.until("it is paused", func(s shown) bool { return s.Paused })
	require.Contains(t, s.Note, "paused due to workflow failure")
	require.Contains(t, s.Note, "prepare data")
	require.Equal(t, "failed", s.Recent[0].Status)
	l.create("--cron", "0 0 1 1 *", "--pause-on-failure")
	require.True(t, l.show().Paused, "an update leaves a pause alone")
	l.starter(0, "schedule", "unpause", "production/night", "--note", "the column's name was wrong")
	l.starter(0, "schedule", "trigger", "production/night")
	s = l.until("it is complete", func(s shown) bool { return s.ended("completed") == 1 })
	require.False(t, s.Paused)
}

// Claim: a run that somebody has started by hand is left alone: the start that finds its lock
// taken fails with that reason.
func TestRunStartedByHand(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.worker(withoutTrain)
	l.create("--cron", "0 0 1 1 *", "--run-template", "night-{year}", "--pause-on-failure")
	l.starter(0, "schedule", "backfill", "production/night", "--from", "2020-01-01", "--to", "2020-01-01")
	l.until("it runs", func(s shown) bool { return s.ended("running") == 1 })
	l.starter(0, "cancel", "production/night-2020")
	l.until("it is cancelled", func(s shown) bool { return s.ended("cancelled") == 1 })
	l.starter(0, "run", "night.yaml", "--run", "night-2020", "--detach")
	l.starter(0, "schedule", "backfill", "production/night", "--from", "2020-01-01", "--to", "2020-01-01")
	s := l.until("the start fails", func(s shown) bool { return s.Paused })
	require.Contains(t, s.Note, "production/night-2020 is running already")
	require.Contains(t, l.starter(0, "status", "production/night-2020").Stdout, "running since")
}
