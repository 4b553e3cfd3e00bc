package e2e

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: cancel ends a run with exit code 1 for whoever watches; the next start goes on.
func TestCancel(t *testing.T) {
	l := newLab(t)
	l.worker(withoutTrain)
	watching := l.background("run", veteran)
	watching.WaitFor("preparing")
	l.starter(0, "cancel", "production/veteran")
	require.Equal(t, 1, watching.Wait())
	require.Contains(t, watching.Stderr(), "production/veteran was cancelled")
	require.Contains(t, l.starter(4, "cancel", "production/veteran").Stderr, "not running: it is cancelled")
	require.Contains(t, l.starter(4, "cancel", "production/other").Stderr, "knows no run production/other")
	l.worker()
	l.starter(0, "run", veteran)
}

// Claim: a skipped model is left out of this execution without being a failure, and the
// next start fits it; parallel bounds the fits that are scheduled.
func TestSkipAndParallel(t *testing.T) {
	l := newLab(t)
	l.worker(withoutTrain)
	l.starter(0, "run", veteran, "--detach")
	require.Contains(t, l.starter(0, "parallel", "production/veteran", "1").Stdout, "at most 1 fit at once")
	require.Contains(t, l.starter(0, "skip", "production/veteran", "weibull_aft").Stdout, "weibull_aft is skipped")
	require.Contains(t, l.starter(2, "skip", "production/veteran", "rsf").Stderr, `no model "rsf"`)
	require.Contains(t, l.starter(0, "status", "production/veteran").Stdout, "production/veteran running")
	l.worker()
	watched := document[ended](t, l.starter(0, "watch", "production/veteran", "--json"))
	require.Equal(t, []string{"weibull_aft"}, watched.Result.Skipped)
	require.Equal(t, 10, watched.Result.Trained)
	require.Zero(t, watched.Result.Failed)
	next := document[ended](t, l.starter(0, "run", veteran, "--json"))
	require.Equal(t, 5, next.Result.Trained)
}

// Claim: Ctrl-C ends the watching with 130 and says so; the run goes on and can be watched
// again.
func TestInterrupt(t *testing.T) {
	l := newLab(t)
	l.worker(withoutTrain)
	p := l.background("run", veteran)
	p.WaitFor("preparing")
	p.Signal(syscall.SIGINT)
	require.Equal(t, 130, p.Wait())
	require.Contains(t, p.Stderr(), "production/veteran goes on")
	require.Contains(t, p.Stderr(), "starter watch production/veteran")
	l.worker()
	require.Contains(t, l.starter(0, "watch", "production/veteran").Stdout, "15 folds: 15 trained")
}

// Claim: a watcher outlives its server: it waits, and goes on when the server is back.
func TestServerRestart(t *testing.T) {
	l := newLab(t)
	l.worker(withoutTrain)
	p := l.background("run", veteran)
	p.WaitFor("preparing")
	l.server.Kill()
	p.WaitFor("no answer from the Temporal server")
	l.server.Restart()
	p.WaitFor("the Temporal server answers again")
	l.worker()
	require.Zero(t, p.Wait())
	require.Contains(t, p.Stdout(), "15 folds: 15 trained")
}
