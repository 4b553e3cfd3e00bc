package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// maxKills bounds the kills of one run. Its spec allows one lost worker more: a fold that is
// hit by all of them is no poison fold.
const maxKills = 2

// moment is when to kill: some time after so many manifests exist.
type moment struct {
	manifests int
	after     time.Duration
}

// moments draws one to maxKills moments in the order of a run, whose undisturbed duration
// was took. Every fourth falls into starting and preparing, the others between the first
// fold and the end, however fast the machine is today.
func moments(seed int, took time.Duration) []moment {
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	folds := len(large.tasks())
	at := make([]moment, 1+r.IntN(maxKills))
	for i := range at {
		if r.IntN(4) == 0 {
			at[i] = moment{after: time.Duration(r.Int64N(int64(took) / 2))}
		} else {
			at[i] = moment{manifests: 1 + r.IntN(folds), after: time.Duration(r.Int64N(4 * int64(took) / int64(folds)))}
		}
	}
	slices.SortFunc(at, func(a, b moment) int { return a.manifests - b.manifests })
	return at
}

// eachSeed runs one subtest a seed.
func eachSeed(t *testing.T, test func(t *testing.T, seed int)) {
	t.Helper()
	undisturbed(t, large)
	seeds, _ := harness.Soak(t, 3)
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			test(t, seed)
		})
	}
}

// missed waits for a moment of the run that s watches. It reports whether the run's end
// came first.
func (l *lab) missed(s *harness.Process, at moment) bool {
	l.t.Helper()
	for len(l.manifests()) < at.manifests {
		if ended(s, time.Millisecond) {
			return true
		}
	}
	return ended(s, at.after)
}

// ended reports whether p ends within d, which is drawn: nothing is waited for.
func ended(p *harness.Process, d time.Duration) bool {
	select {
	case <-p.Exited():
		return true
	case <-time.After(d):
		return false
	}
}

// killed notes the manifests that a kill met; they must be there, untouched, at the end.
func (l *lab) killed(at moment) map[string]string {
	l.t.Helper()
	complete := l.manifests()
	l.t.Logf("killed %v after %d manifests, when there were %d", at.after, at.manifests, len(complete))
	return complete
}

// SIGKILL of the unmodified worker at any moment: on another worker the run ends with exit
// code 0 as if nothing had happened, and what was complete at the kill is untouched.
func TestWorkerKilled(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed int) {
		l := newServedLab(t, large)
		w := l.worker()
		s := l.starter()
		for _, at := range moments(seed, undisturbed(t, large).took) {
			if l.missed(s, at) {
				break
			}
			w.Kill()
			defer l.requireUntouched(l.killed(at))
			w = l.worker()
		}
		harness.Ended(l.t, s, 0)
		l.requireAsUndisturbed()
	})
}

// SIGKILL of the server at any moment, its database on disk: it comes back on it, worker and
// starter, both unmodified and never restarted, go on, and the run ends as if nothing had
// happened.
func TestServerKilled(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed int) {
		l := newServedLab(t, large)
		l.worker()
		s := l.starter()
		for _, at := range moments(seed, undisturbed(t, large).took) {
			if l.missed(s, at) {
				break
			}
			l.server.Kill()
			defer l.requireUntouched(l.killed(at))
			l.server.Restart()
		}
		harness.Ended(l.t, s, 0)
		l.requireAsUndisturbed()
	})
}

// SIGKILL of `starter run --embedded` at any moment, from the first instruction on: server
// and worker go with it, and the same command, typed again, goes on and ends as if nothing
// had happened.
func TestStarterKilled(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed int) {
		l := newLab(t, large)
		l.env.Home = filepath.Join(t.TempDir(), "home")
		program := l.embeddedPrograms()
		run := func() *harness.Process {
			return harness.StartProgram(t, l.env, program, "run", l.spec, "--embedded", "--json")
		}
		s := run()
		for _, at := range moments(seed, undisturbed(t, large).took) {
			if l.missed(s, at) {
				break
			}
			s.Signal(syscall.SIGKILL)
			l.await("the end of the starter", s.Exited())
			defer l.requireUntouched(l.killed(at))
			s = run()
		}
		harness.Ended(l.t, s, 0)
		l.requireAsUndisturbed()
		harness.NoProcesses(t, "EVERFOLD_HOME="+l.env.Home)
	})
}

// embeddedPrograms returns a starter whose embedded worker, the file beside it, is the
// unmodified one with a short heartbeat timeout.
func (l *lab) embeddedPrograms() string {
	l.t.Helper()
	programs := harness.Binaries(l.t)
	dir := l.t.TempDir()
	starter := filepath.Join(dir, "starter")
	content, err := os.ReadFile(programs.Starter)
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(starter, content, 0o700))
	script := fmt.Sprintf("#!/bin/sh\nexec %q --heartbeat-timeout %v \"$@\"\n", programs.Worker, heartbeatTimeout)
	require.NoError(l.t, os.WriteFile(filepath.Join(dir, "worker"), []byte(script), 0o700))
	return starter
}

// SIGKILL of a watched worker at any moment: no fold is fitted again once its manifest was
// acknowledged.
func TestWatchedWorkerKilled(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed int) {
		l := newServedLab(t, large)
		w := l.watched("first", 2, trap{})
		s := l.starter()
		for _, at := range moments(seed, undisturbed(t, large).took) {
			if l.missed(s, at) {
				break
			}
			w.Kill()
			defer l.requireUntouched(l.killed(at))
			w = l.watched("next", 2, trap{})
		}
		harness.Ended(l.t, s, 0)
		l.requireAsUndisturbed()
		l.records().requireTrainedOnce(t)
	})
}
