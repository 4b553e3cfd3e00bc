package rollout

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// heartbeat is the default timeout after which a vanished fit goes to another worker: what
// goes back by itself does so long before.
const heartbeat = workflows.DefaultHeartbeatTimeout

// Claim: a worker that is stopped in the middle of a long fit saves it and gives it back
// within its stop timeout, with exit code 0 and a last line that says so; another worker goes
// on from there at once, long before a heartbeat could be missed; the stop is no lost worker
// (max_lost_workers is 1), and the run has the bytes of an undisturbed one.
func TestStopHandsOver(t *testing.T) {
	t.Parallel()
	l := newLab(t, long)
	first := l.worker(harness.WorkerBinary(t), "first")
	l.start("rollout")
	l.underWay("rollout", "first")
	second := l.worker(harness.WorkerBinary(t), "second")
	asked := time.Now()
	require.Zero(t, first.Stop())
	stopped := time.Since(asked)
	require.Less(t, stopped, app.DefaultStopTimeout)
	last := lines(t, first)
	require.Equal(t, "worker has stopped", last[len(last)-1].Msg)
	require.Positive(t, last[len(last)-1].Interrupted)

	second.WaitFor("going on from a checkpoint")
	result := l.result("rollout")
	for _, line := range lines(t, second) {
		if line.Msg == "going on from a checkpoint" {
			t.Logf("stopped after %v, taken up after %v", stopped, line.Time.Sub(asked))
			require.Less(t, line.Time.Sub(asked), heartbeat*2/3)
		}
	}
	require.Equal(t, manifest{2, "second"}, l.manifest("rollout", "gbsa"))
	require.Contains(t, result.Retried, workflows.Retried{Model: "gbsa", Fold: 0, Attempts: 2})
	l.requireWorth("rollout", long)
}

// missed is the heartbeat timeout of TestDrain: soon over, and twice the time between two heartbeats.
// Of a shorter one, what a busy machine may be late by is a fifth.
const missed = "10s"

// Claim: with a drain a fit in hand ends where it is, and the worker with it, well before the
// drain is over. A second signal calls the drain off: the fit is saved and goes back within the
// stop timeout, which is a stop as any other. One more ends the worker at once, with the code and
// the line that say so, and the fit goes on elsewhere once it is missed.
func TestDrain(t *testing.T) {
	t.Parallel()
	l := newLab(t, long)
	hasty := l.worker(harness.WorkerBinary(t), "hasty", "--slots", "1", "--drain", "1h", "--heartbeat-timeout", missed)
	l.start("rollout", "--set", "resources.max_lost_workers=2")
	l.underWay("rollout", "hasty")
	hasty.Signal(syscall.SIGTERM)
	hasty.WaitFor("worker is stopping")
	asked := time.Now()
	hasty.Signal(syscall.SIGTERM)
	require.Zero(t, hasty.Wait())
	require.Less(t, time.Since(asked), app.DefaultStopTimeout)
	last := lines(t, hasty)
	require.Contains(t, hasty.Stderr(), "the drain is called off")
	require.Equal(t, "worker has stopped", last[len(last)-1].Msg)
	require.Positive(t, last[len(last)-1].Interrupted)

	hastier := l.worker(harness.WorkerBinary(t), "hastier", "--slots", "1", "--heartbeat-timeout", missed, "--stop-timeout", "1h")
	l.underWay("rollout", "hastier")
	l.server.Pause() // else the fit goes back in milliseconds, and the worker may have stopped before the second signal
	hastier.Signal(syscall.SIGTERM)
	hastier.WaitFor("worker is stopping")
	hastier.Signal(syscall.SIGINT)
	require.Equal(t, 128+int(syscall.SIGINT), hastier.Wait())
	require.Contains(t, hastier.Stderr(), "ended at once by one more signal")
	l.server.Resume()

	patient := l.worker(harness.WorkerBinary(t), "patient", "--slots", "1", "--drain", "1h", "--heartbeat-timeout", missed)
	l.underWay("rollout", "patient")
	began := time.Now()
	require.Zero(t, patient.Stop())
	t.Logf("drained in %v", time.Since(began))
	last = lines(t, patient)
	require.Equal(t, "worker has stopped", last[len(last)-1].Msg)
	require.Zero(t, last[len(last)-1].Interrupted)
	require.Positive(t, last[len(last)-1].Finished)
	require.Equal(t, "patient", l.manifest("rollout", "gbsa").Worker)

	l.worker(harness.WorkerBinary(t), "next")
	result := l.result("rollout")
	require.Contains(t, result.Retried, workflows.Retried{Model: "gbsa", Fold: 0, Attempts: 3}, "by what was interrupted and what was missed")
	l.requireWorth("rollout", long)
}

// Claim: a worker with nothing in hand ends as soon as it is asked, drain or not.
func TestStopWhileIdle(t *testing.T) {
	t.Parallel()
	server := harness.Server(t)
	for _, args := range []string{"", "--drain 1h"} {
		w := harness.Worker(t, server.Address, strings.Fields(args)...)
		began := time.Now()
		require.Zero(t, w.Stop())
		t.Logf("ended in %v %s", time.Since(began), args)
		require.Contains(t, w.Stderr(), "worker has stopped")
	}
}
