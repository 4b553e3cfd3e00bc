package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// SuperviseCommand is the starter's hidden command that calls Supervise.
const SuperviseCommand = "__supervise"

const (
	// orphanGrace is how long the server goes on when its starter has gone. The worker, told
	// by the same event, hands its fits back within it; a server killed at once would have
	// the next start wait for their heartbeat timeouts.
	orphanGrace = 2 * time.Second
	// abandonedFor is how long a former server may hold the database: it is longer only where
	// the server lost its supervisor too and the kernel does not kill it (not Linux).
	abandonedFor = orphanGrace + serverGrace
	// early is how soon a server ends that could not start: port taken, damaged database. It
	// is as long as the starter waits: a busy machine takes seconds to get that far. Later
	// deaths are mended here, earlier ones by the starter.
	early = readyTimeout
	// onePartition makes a task queue give out fits in the order in which the workflow has
	// scheduled them, longest first: the default of four partitions mixes them. Only writing is
	// restricted, so that tasks of a database from before are still read.
	onePartition = "matching.numTaskqueueWritePartitions=1"
	// priorities lets the preparation of a run, and the end of one, come before the folds of
	// others. Fairness is left off: it would leave behind what waits in a database from before.
	priorities = "matching.useNewMatcher=true"
	// databaseFlag names the database on the server's command line.
	databaseFlag = "--db-filename"
)

var errParentGone = errors.New("the starter has ended")

// superviseArgs are the arguments of Supervise: the home folder, then the server's command
// line.
func superviseArgs(h home, temporal string, s state, attributes []string) []string {
	args := []string{
		string(h), temporal, "server", "start-dev", "--ip", "127.0.0.1",
		"--port", strconv.Itoa(s.Port), "--ui-port", strconv.Itoa(s.UIPort),
		databaseFlag, h.database(s.Server.Version), "--namespace", h.mark(), "--log-level", "error",
		"--disable-config-file", "--disable-config-env", "--env-file", h.path("no-environment.yaml"),
		"--dynamic-config-value", onePartition, "--dynamic-config-value", priorities,
	}
	for _, attribute := range attributes {
		args = append(args, "--search-attribute", attribute)
	}
	return args
}

// databaseOf is the database on a server's command line.
func databaseOf(argv []string) string { return argv[1+slices.Index(argv, databaseFlag)] }

// Supervise runs the server for a starter: args as that starter appended them. It starts
// the server again when it dies, kills it when standard input ends, because the starter
// has gone, and stops it gracefully on SIGTERM. It returns the exit code. A server that
// cannot start is not tried again: 1.
//
// Call it from main's goroutine.
func Supervise(args []string) int {
	// Linux ties the parent-death signal to the thread that forks; this one lives as long
	// as the process.
	runtime.LockOSThread()
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "supervise: want a home folder and a command line; this command is started by --embedded alone")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // the end is the message
		cancel(errParentGone)
	}()
	if err := supervise(ctx, home(args[0]), args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "supervise:", err)
		return 1
	}
	return 0
}

func supervise(ctx context.Context, h home, argv []string) error {
	lock, err := lockServer(ctx, h)
	if err != nil {
		return err
	}
	p := program{argv: argv, out: os.Stdout, extra: []*os.File{lock}, attr: serverAttributes()}
	wait := firstBackoff
	for first := true; ; first = false {
		if err := readyToServe(databaseOf(argv)); err != nil {
			return err
		}
		c, err := p.start()
		if err != nil {
			return err
		}
		recordServer(lock, c.cmd.Process.Pid)
		select {
		case <-ctx.Done():
			endServer(c, context.Cause(ctx))
			return nil
		case <-c.done:
		}
		recordServer(lock, 0)
		lived, ended := time.Since(c.born), c.cmd.ProcessState
		if first && lived < early && ended.ExitCode() > 0 {
			return fmt.Errorf("the server could not start: %v", ended)
		}
		if lived > stable {
			wait = firstBackoff
		}
		fmt.Fprintf(os.Stderr, "supervise: the server has ended (%v) and is started again in %v\n", ended, wait)
		if pause(ctx, wait) != nil {
			return nil
		}
		wait = min(2*wait, longestBackoff)
	}
}

// endServer asks the server to leave, or kills it where nobody waits for its last words: the
// database survives.
func endServer(c *child, cause error) {
	if !errors.Is(cause, errParentGone) {
		c.end(serverGrace)
		return
	}
	select {
	case <-c.done:
	case <-time.After(orphanGrace):
		c.end(0)
	}
}

// lockServer waits until no server holds the database. The server inherits the lock, so it
// is held exactly as long as supervisor or server live.
func lockServer(ctx context.Context, h home) (*os.File, error) {
	f, err := os.OpenFile(h.path("server.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for since := time.Now(); ; {
		ok, err := flock(f)
		if err != nil || ok {
			return f, err
		}
		if time.Since(since) > abandonedFor {
			killAbandoned(f)
			since = time.Now()
		}
		if err := pause(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
}

// killAbandoned kills the server whose id is in the lock that it still holds. While it
// does, the id cannot be another program's.
func killAbandoned(lock *os.File) {
	text := make([]byte, 20)
	n, _ := lock.ReadAt(text, 0) // shorter than the buffer: io.EOF
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n]))); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
}

// recordServer writes the server's process id into its lock; 0 when there is none.
func recordServer(lock *os.File, pid int) {
	_, _ = lock.WriteAt([]byte(fmt.Sprintf("%-19d\n", pid)), 0) // only killAbandoned reads it
}
