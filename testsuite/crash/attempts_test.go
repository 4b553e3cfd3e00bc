package crash

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/activities"
	"everfold/artifact"
	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// victim is the fold that these tests disturb.
var victim = artifact.Task{Model: "cox_ph", Fold: 1}

// A worker that hangs beyond the heartbeat timeout in the middle of a write, and comes back
// after another worker has finished its fold: the fold has one manifest, the second
// worker's, and it verifies.
func TestZombie(t *testing.T) {
	refused := record{Phase: phaseRefused, Worker: "zombie", Model: victim.Model, Fold: victim.Fold}
	for moment, want := range map[string]records{
		beforeRisk:     {}, // the attempt has been cancelled when it comes back, and goes no further
		beforeManifest: {refused},
	} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			l := newServedLab(t, small)
			zombie := l.watched("zombie", 1, trap{At: moment, Task: &victim, Nth: 1, Do: hang})
			s := l.starter()
			harness.Eventually(t, "the worker hangs", zombie.StandsStill)
			l.watched("second", 1, trap{})
			harness.Eventually(t, "the second worker's manifest", func() bool { return len(l.manifestsOf(victim)) == 1 })
			complete := l.manifests()
			zombie.Signal(syscall.SIGCONT)
			harness.Ended(l.t, s, 0)
			require.Zero(t, zombie.Stop(), "which waits for the attempt's end")
			l.requireUntouched(complete)
			l.requireAsUndisturbed()
			l.records().requireOneManifestEach(t, small)
			require.Equal(t, want, l.records().of(phaseRefused))
			require.Equal(t, "second", l.manifestsOf(victim)[0].Worker)
			var manifest struct{ Worker string }
			require.NoError(t, json.Unmarshal([]byte(l.file(artifact.ManifestKey(victim.Model, victim.Fold))), &manifest))
			require.Equal(t, "second", manifest.Worker)
		})
	}
}

// manifestsOf returns the acknowledgements of a fold's manifest.
func (l *lab) manifestsOf(task artifact.Task) records {
	var found records
	for _, r := range l.records().of(phaseManifest) {
		if r.task() == task {
			found = append(found, r)
		}
	}
	return found
}

// A fold that takes every worker with it fails as PoisonFold once max_lost_workers are
// lost, the run ends Partial with exit code 3, and every other fold is complete.
func TestPoisonFold(t *testing.T) {
	t.Parallel()
	l := newServedLab(t, small)
	poison := trap{At: beforeRisk, Task: &victim, Every: true, Do: kill}
	w := l.watched("worker-1", 1, poison)
	s := l.starter()
	lost := 0
	replaceUntilEnded(w, s, func() *harness.Process {
		lost++
		return l.watched(fmt.Sprintf("worker-%d", lost+1), 1, poison)
	})
	e := harness.Ended(l.t, s, 3)
	require.Equal(t, 2, lost)
	require.Equal(t, workflows.Partial, e.Outcome)
	require.Len(t, e.Result.Failures, 1)
	failure := e.Result.Failures[0]
	require.Equal(t, activities.ErrPoisonFold, failure.Type, failure.Message)
	require.Equal(t, victim, artifact.Task{Model: failure.Model, Fold: failure.Fold})
	require.Contains(t, failure.Message, "max_lost_workers: 2")
	require.Equal(t, len(small.tasks())-1, e.Result.Trained+e.Result.Reused, "what was held up and missed is found complete")
	require.Len(t, l.manifests(), len(small.tasks())-1)
	require.Empty(t, l.manifestsOf(victim))
}

// Claim: predictions that take every worker with them are given up once max_lost_workers are lost, so
// the run ends Partial with exit code 3; a report that does so is a warning that says what writes it.
func TestStepsThatKillWorkers(t *testing.T) {
	t.Parallel()
	l := newServedLab(t, small)
	moments := []string{beforePredictions, beforePredictions, beforeReport, beforeReport, ""}
	next := func() *harness.Process {
		require.NotEmpty(t, moments)
		moment := moments[0]
		moments = moments[1:]
		return l.watched(fmt.Sprintf("worker-%d", len(moments)), 1, trap{At: moment, Every: true, Do: kill})
	}
	w := next()
	s := l.starter()
	replaceUntilEnded(w, s, next)
	require.Empty(t, moments, "four workers died")
	e := harness.Ended(l.t, s, 3)
	require.Equal(t, workflows.Partial, e.Outcome)
	require.Len(t, e.Result.Failures, 1)
	failure := e.Result.Failures[0]
	require.Equal(t, activities.ErrWorkersLost, failure.Type, failure.Message)
	require.Equal(t, finalModel, failure.Model)
	require.Contains(t, failure.Message, "its predictions: workers lost: 2 attempts ended")
	require.Len(t, l.manifests(), len(small.tasks()))
	require.Empty(t, e.Result.Report)
	require.Len(t, e.Result.Warnings, 1)
	require.Contains(t, e.Result.Warnings[0], "no report: WorkersLost: workers lost: 2 attempts")
	require.Contains(t, e.Result.Warnings[0], "starter report "+l.store)
}

// replaceUntilEnded has the next worker after each that dies, until the starter ends.
func replaceUntilEnded(w, s *harness.Process, next func() *harness.Process) {
	for {
		select {
		case <-w.Exited():
			w = next()
		case <-s.Exited():
			return
		}
	}
}

// SIGTERM ends the unmodified worker with exit code 0 within its stop timeout, however
// often, and the next worker goes on.
func TestWorkerStopped(t *testing.T) {
	t.Parallel()
	l := newServedLab(t, large)
	w := l.worker()
	s := l.starter()
	for stops := 1; stops <= 3; stops++ {
		want := stops * len(large.tasks()) / 4
		harness.Eventually(t, "more manifests", func() bool { return len(l.manifests()) >= want })
		complete := l.manifests()
		defer l.requireUntouched(complete)
		began := time.Now()
		require.Zero(t, w.Stop())
		require.Less(t, time.Since(began), app.DefaultStopTimeout)
		w = l.worker()
	}
	harness.Ended(l.t, s, 0)
	l.requireAsUndisturbed()
}

// A fold in the middle of its fit when its worker is told to stop goes back at once, and
// any number of such stops neither exhausts its attempts nor makes it a poison fold, nor the first
// error of no known class after them its last.
func TestStopsDoNotExhaustAttempts(t *testing.T) {
	t.Parallel()
	const stops = 7 // more than max_lost_workers, and than the attempts of an unknown error
	l := newServedLab(t, small)
	l.heartbeat = workflows.DefaultHeartbeatTimeout // nobody vanishes: a worker that is slow to stop is not missed
	s := (*harness.Process)(nil)
	for i := range stops {
		w := l.watched(fmt.Sprintf("worker-%d", i), 1, trap{At: beforeRisk, Task: &victim, Nth: 1, Do: wait})
		if s == nil {
			s = l.starter()
		}
		harness.Eventually(t, "the fit is under way", func() bool { return l.fitsOf(victim) == i+1 })
		require.Zero(t, w.Stop())
	}
	l.watched("last", 1, trap{At: beforeRisk, Task: &victim, Nth: 1, Do: fail})
	e := harness.Ended(l.t, s, 0)
	require.Equal(t, []workflows.Retried{{Model: victim.Model, Fold: victim.Fold, Attempts: stops + 2}}, e.Result.Retried)
	l.requireAsUndisturbed()
	l.records().requireOneManifestEach(t, small)
}

// fitsOf counts how often a fold's fit has begun.
func (l *lab) fitsOf(task artifact.Task) int {
	n := 0
	for _, r := range l.records().of(phaseFit) {
		if r.task() == task {
			n++
		}
	}
	return n
}
