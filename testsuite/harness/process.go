package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a process; a busy machine is slow, a hang is forever.
const patience = 4 * time.Minute

// Process is a program under test, alone in its process group. Its output is kept, and
// logged when the test fails. It is killed when the test ends.
type Process struct {
	tb     testing.TB
	name   string
	cmd    *exec.Cmd
	stdout *Output
	stderr *Output
	exited chan struct{}
}

// Start starts a program. env is its whole environment.
func Start(tb testing.TB, dir string, env []string, program string, args ...string) *Process {
	tb.Helper()
	return StartWith(tb, nil, dir, env, program, args...)
}

// StartWith starts a program that has files as its descriptors 3 and on.
func StartWith(tb testing.TB, files []*os.File, dir string, env []string, program string, args ...string) *Process {
	tb.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.ExtraFiles = dir, env, childAttributes(), files
	return startCommand(tb, cmd)
}

func startCommand(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes
	p := &Process{
		tb: tb, name: strings.Join(cmd.Args, " "), cmd: cmd,
		stdout: NewOutput(), stderr: NewOutput(), exited: make(chan struct{}),
	}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	if err := spawn(cmd); err != nil {
		tb.Fatalf("harness: start %s: %v", p.name, err)
	}
	go func() {
		_ = cmd.Wait() // the exit code is in ProcessState
		close(p.exited)
	}()
	tb.Cleanup(p.cleanup)
	return p
}

func (p *Process) cleanup() {
	p.Kill()
	if p.tb.Failed() {
		p.tb.Logf("%s: exit %d\nstdout:\n%s\nstderr:\n%s", p.name, p.ExitCode(), p.stdout, p.stderr)
	}
}

// PID is the process id, which is also its group's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout returns what was written to standard output so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr returns what was written to standard error so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Signal sends a signal to the process alone. A process that has ended is not an error.
func (p *Process) Signal(s syscall.Signal) {
	p.tb.Helper()
	select {
	case <-p.exited:
	default:
		if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.tb.Errorf("harness: signal %v to %s: %v", s, p.name, err)
		}
	}
}

// StandsStill says whether every thread of the process stands still by SIGSTOP. The first one may, long
// before another one comes to the end of what it does in the kernel.
func (p *Process) StandsStill() bool {
	p.tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID()))
	if err != nil || len(threads) == 0 {
		p.tb.Fatalf("harness: %s has no threads: %v", p.name, err)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			return false // it has ended since
		}
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// Kill sends SIGKILL to the process group and waits until the process is gone.
func (p *Process) Kill() {
	select {
	case <-p.exited:
		return
	default:
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // it may have ended just now
	}
	<-p.exited
}

// Stop sends SIGTERM and returns the exit code.
func (p *Process) Stop() int {
	p.tb.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Wait returns the exit code once the process has ended; -1 after a signal.
func (p *Process) Wait() int {
	p.tb.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.tb.Fatalf("harness: %s still runs after %v", p.name, patience)
	}
	return p.ExitCode()
}

// Exited is closed once the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode is -1 while the process runs and after a signal.
func (p *Process) ExitCode() int {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// WaitFor returns once the process has written text to stdout or stderr. It fails the
// test when the process ends without.
func (p *Process) WaitFor(text string) {
	p.tb.Helper()
	limit := time.After(patience)
	for {
		out, err := p.stdout.grown(), p.stderr.grown()
		if strings.Contains(p.Stdout(), text) || strings.Contains(p.Stderr(), text) {
			return
		}
		select {
		case <-out:
		case <-err:
		case <-p.exited:
			if strings.Contains(p.Stdout(), text) || strings.Contains(p.Stderr(), text) {
				return
			}
			p.tb.Fatalf("harness: %s ended without %q", p.name, text)
		case <-limit:
			p.tb.Fatalf("harness: no %q from %s in %v", text, p.name, patience)
		}
	}
}

// Output keeps what is written to it and tells waiters. Safe for concurrent use.
type Output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	news chan struct{}
}

// NewOutput returns an empty one.
func NewOutput() *Output { return &Output{news: make(chan struct{})} }

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.news)
	o.news = make(chan struct{})
	return o.buf.Write(p)
}

// String returns everything written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// grown is closed by the next Write.
func (o *Output) grown() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.news
}

// Eventually returns once the condition holds. It fails the test when that takes too long.
func Eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	limit := time.After(patience)
	for !condition() {
		select {
		case <-limit:
			tb.Fatalf("harness: not in %v: %s", patience, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// spawner starts all processes on one operating-system thread that never ends: Linux ties
// a child's parent-death signal to the thread that forked it.
var spawner = sync.OnceValue(func() chan func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

func spawn(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	spawner() <- func() { done <- cmd.Start() }
	return <-done
}
