package embedded_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everfold/internal/app/embedded"
	"everfold/testsuite/harness"
)

// Claim: the server is ready within seconds, keeps histories for 30 days, and its lock
// file names ports and processes; after a stop nothing is left running, and the next start
// finds the same database.
func TestStartStopStart(t *testing.T) {
	home := newHome(t)
	first := start(t, home)
	s := readState(t, home, anyState)
	require.Equal(t, first.PID(), s.Starter)
	require.Contains(t, first.Stdout(), s.address())
	require.Len(t, harness.Processes(t, marker(home)), 4, "starter, supervisor, server, worker")

	c := dial(t, s.address())
	namespace, err := c.WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
	require.NoError(t, err)
	require.Equal(t, 720*time.Hour, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	leaveMark(t, c)

	require.Zero(t, first.Stop())
	harness.NoProcesses(t, marker(home))

	second := start(t, home)
	requireMark(t, dial(t, readState(t, home, anyState).address()))
	require.Zero(t, second.Stop())
}

// Claim: a second starter attaches to the first one's server, and takes it over, on the
// same ports and database, when the first is killed.
func TestAttachAndTakeOver(t *testing.T) {
	home := newHome(t)
	owner := start(t, home)
	guest := start(t, home)
	require.Contains(t, owner.Stdout(), "owner=true")
	require.Contains(t, guest.Stdout(), "owner=false")
	before := readState(t, home, anyState)
	c := dial(t, before.address())
	leaveMark(t, c)

	owner.Kill()
	guest.WaitFor("goes on with it")
	after := readState(t, home, func(s state) bool { return s.Starter == guest.PID() })
	require.Equal(t, before.address(), after.address())
	requireMark(t, c)

	late := start(t, home)
	require.Contains(t, late.Stdout(), "owner=false")
	require.Zero(t, late.Stop())
	requireMark(t, c) // a guest's end stops nothing
	require.Zero(t, guest.Stop())
}

// Claim: SIGKILL of the starter leaves no process behind, and the next start goes on.
func TestKilledStarter(t *testing.T) {
	home := newHome(t)
	p := start(t, home)
	leaveMark(t, dial(t, readState(t, home, anyState).address()))
	p.Kill()
	next := start(t, home) // at once, while the former server may still be ending
	s := readState(t, home, func(s state) bool { return s.Starter == next.PID() })
	requireMark(t, dial(t, s.address()))
	next.Kill()
	harness.NoProcesses(t, marker(home))
}

// Claim: SIGKILL of the supervisor ends its server with it; both come back, on the same
// port and database. So do the worker and the server when they are killed alone.
func TestKilledChildren(t *testing.T) {
	home := newHome(t)
	p := start(t, home)
	s := readState(t, home, anyState)
	c := dial(t, s.address())
	leaveMark(t, c)

	kill(t, s.Worker)
	worker := s.Worker
	s = readState(t, home, func(s state) bool { return s.Worker != worker })
	server := serverPID(t, home)
	kill(t, server)
	harness.Eventually(t, "another server", func() bool { return serverPID(t, home) != server })
	requireMark(t, c)

	server = serverPID(t, home)
	kill(t, s.Supervisor)
	supervisor := s.Supervisor
	readState(t, home, func(s state) bool { return s.Supervisor != supervisor })
	harness.Eventually(t, "another server", func() bool { return serverPID(t, home) != server })
	requireMark(t, c)
	require.Len(t, harness.Processes(t, marker(home)), 4)
	require.Zero(t, p.Stop())
}

// Claim: after a kill the next starter keeps the ports, and where they are taken moves to
// free ones, with its database.
func TestPortsTaken(t *testing.T) {
	home := newHome(t)
	first := start(t, home)
	former := readState(t, home, anyState)
	leaveMark(t, dial(t, former.address()))
	first.Kill()
	harness.NoProcesses(t, marker(home))
	kept := start(t, home)
	require.Equal(t, former.address(), readState(t, home, func(s state) bool { return s.Starter == kept.PID() }).address())
	kept.Kill()
	harness.NoProcesses(t, marker(home))

	taken, err := net.Listen("tcp", former.address())
	require.NoError(t, err)
	defer taken.Close()
	second := start(t, home)
	now := readState(t, home, func(s state) bool { return s.Starter == second.PID() })
	require.NotEqual(t, former.Port, now.Port)
	requireMark(t, dial(t, now.address()))
	require.Zero(t, second.Stop())
}

// Claim: two homes that start at once on the same free ports get a server each.
func TestTwoHomesAtOnce(t *testing.T) {
	one, two := newHome(t), newHome(t)
	former, err := os.ReadFile(filepath.Join(one, "everfold.lock"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(two, "everfold.lock"), former, 0o600))

	first, second := launch(t, one), launch(t, two)
	first.WaitFor("ready owner=true")
	second.WaitFor("ready owner=true")
	a, b := readState(t, one, anyState), readState(t, two, anyState)
	require.NotEqual(t, a.Port, b.Port)
	require.Zero(t, first.Stop())
	require.Zero(t, second.Stop())
}

// Claim: a starter does not attach to another home's server, even where its own lock file
// names that server's port.
func TestForeignServer(t *testing.T) {
	foreign, home := newHome(t), newHome(t)
	p := start(t, foreign)
	named, err := os.ReadFile(filepath.Join(foreign, "everfold.lock"))
	require.NoError(t, err)
	lock, err := os.OpenFile(filepath.Join(home, "everfold.lock"), os.O_RDWR|os.O_TRUNC, 0)
	require.NoError(t, err)
	defer lock.Close()
	_, err = lock.Write(named)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)) // as a starter that is just launching

	self, err := os.Executable()
	require.NoError(t, err)
	o, err := embedded.FromEnvironment(self, append(os.Environ(), "EVERFOLD_HOME="+home, "EVERFOLD_TEMPORAL="+harness.Temporal(t)))
	require.NoError(t, err)
	o.Worker = []string{self, playWorker}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = embedded.Ensure(ctx, o)
	require.ErrorContains(t, err, "does not answer")
	require.Zero(t, p.Stop())
}

// Claim: a database that is no database ends the start with what the server said, the
// file's name and the way out, and leaves nothing running.
func TestDamagedDatabase(t *testing.T) {
	home := newHome(t)
	require.Zero(t, start(t, home).Stop())
	databases, err := filepath.Glob(filepath.Join(home, "temporal-*.db*"))
	require.NoError(t, err)
	require.NotEmpty(t, databases)
	for _, database := range databases {
		require.NoError(t, os.WriteFile(database, []byte("not a database, whatever its name says"), 0o600))
	}
	p := launch(t, home)
	require.Equal(t, 1, p.Wait())
	require.Contains(t, p.Stderr(), "file is not a database")
	require.Contains(t, p.Stderr(), databases[0])
	require.Contains(t, p.Stderr(), "move it away")
}

// Claim: a home that cannot be written is named, with the variable that moves it.
func TestUnwritableHome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	p := launch(t, filepath.Join(file, "home"))
	require.Equal(t, 1, p.Wait())
	require.Contains(t, p.Stderr(), file)
	require.Contains(t, p.Stderr(), "EVERFOLD_HOME")
}

const mark = "left-by-the-test"

// leaveMark starts a workflow that nobody serves: the database remembers it.
func leaveMark(t *testing.T, c client.Client) {
	t.Helper()
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: mark, TaskQueue: "nobody"}, "nothing")
	require.NoError(t, err)
}

// requireMark waits for the server and asks for the mark.
func requireMark(t *testing.T, c client.Client) {
	t.Helper()
	harness.Eventually(t, "the workflow "+mark, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.DescribeWorkflowExecution(ctx, mark, "")
		return err == nil
	})
}

func kill(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}
