package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// embeddedLab is a lab without a server of its own. Its home remembers ports that are free
// now, as after an earlier start, so that tests beside it do not compete for the usual ones.
func embeddedLab(t *testing.T) *lab {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	require.NoError(t, os.Mkdir(home, 0o700))
	ports := harness.FreePorts(t, 2)
	state := fmt.Sprintf(`{"port":%d,"ui_port":%d}`, ports[0], ports[1])
	require.NoError(t, os.WriteFile(filepath.Join(home, "everfold.lock"), []byte(state), 0o600))
	t.Cleanup(func() { harness.NoProcesses(t, "EVERFOLD_HOME="+home) })
	return &lab{t: t, env: harness.Env{Home: home, Dir: exampleFolder(t)}}
}

// Claim: with --embedded nothing but the programs is needed; a starter that is killed goes
// on with the next start, and completes.
func TestEmbeddedKilled(t *testing.T) {
	l := embeddedLab(t)
	p := l.background("run", veteran, "--embedded")
	p.WaitFor("fold ")
	p.Signal(syscall.SIGKILL)
	<-p.Exited()
	again := l.starter(0, "run", veteran, "--embedded") // the heartbeat timeout of the fits that were lost is part of it
	require.Contains(t, again.Stdout, "Web UI   http://127.0.0.1:")
	require.Contains(t, again.Stdout, "15 folds")
	require.Contains(t, l.starter(0, "status", "production/veteran", "--embedded").Stdout, "completed")
}

// Claim: Ctrl-C under --embedded stops server and worker with exit code 130, and the same
// command goes on. A second starter meanwhile attaches, and takes over.
func TestEmbeddedInterrupted(t *testing.T) {
	l := embeddedLab(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	l.env.Set = []string{"EVERFOLD_METRICS_LISTEN=" + taken.Addr().String()} // no worker of the owner's serves: the run lasts
	owner := l.background("run", veteran, "--embedded")
	owner.WaitFor("production/veteran started") // its worker is "started again" before
	l.env.Set = nil
	guest := l.background("run", veteran, "--embedded")
	guest.WaitFor("is running already by the same spec")
	owner.Signal(syscall.SIGINT)
	require.Equal(t, 130, owner.Wait())
	require.Contains(t, owner.Stderr(), "go on where it was: starter run ")
	require.Zero(t, guest.Wait())
	require.Contains(t, guest.Stdout(), "15 folds: 15 trained")
}

// Claim: quickstart runs the shipped data from any folder, leaves its outputs in the
// current one, and when run again reuses everything.
func TestQuickstart(t *testing.T) {
	l := embeddedLab(t)
	l.env.Dir = t.TempDir()
	first := l.starter(0, "quickstart")
	require.Contains(t, first.Stdout, "15 folds: 15 trained")
	require.Contains(t, first.Stdout, filepath.Join("outputs", "production", "hdfail"))
	again := document[ended](t, l.starter(0, "quickstart", "--json"))
	require.Equal(t, 15, again.Result.Reused)
}
