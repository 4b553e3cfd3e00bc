package harness

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal is a program on a pseudo-terminal of its own, as a person would start it.
type Terminal struct {
	tb     testing.TB
	cmd    *exec.Cmd
	master *os.File
	exited chan struct{}
	drawn  chan struct{} // all output has been written to the screen
}

// StartTerminal starts a program on a terminal of that size; screen gets all that it writes
// there. The environment is e's, with colour.
func StartTerminal(tb testing.TB, e Env, columns, rows int, screen io.Writer, program string, args ...string) *Terminal {
	tb.Helper()
	master, slave, err := openTerminal(columns, rows)
	if err != nil {
		tb.Fatalf("harness: open a terminal: %v", err)
	}
	defer slave.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir = e.Dir
	cmd.Env = slices.DeleteFunc(environment(tb, e), func(s string) bool { return strings.HasPrefix(s, "NO_COLOR=") })
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := spawn(cmd); err != nil {
		tb.Fatalf("harness: start %s: %v", program, err)
	}
	t := &Terminal{tb: tb, cmd: cmd, master: master, exited: make(chan struct{}), drawn: make(chan struct{})}
	go func() {
		_, _ = io.Copy(screen, master) // ends with an error when the last writer is gone
		close(t.drawn)
	}()
	go func() {
		_ = cmd.Wait() // the exit code is in ProcessState
		close(t.exited)
	}()
	tb.Cleanup(t.cleanup)
	return t
}

func openTerminal(columns, rows int) (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, slave, nil
}

func (t *Terminal) cleanup() {
	select {
	case <-t.exited:
	default:
		_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL) // it may have ended just now
		<-t.exited
	}
	t.master.Close()
}

// Resize changes the terminal's size; the program is told by a signal.
func (t *Terminal) Resize(columns, rows int) {
	t.tb.Helper()
	if err := unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}); err != nil {
		t.tb.Fatalf("harness: resize the terminal: %v", err)
	}
}

// Type writes to the program's standard input, as a keyboard would: "\x03" is Ctrl-C.
func (t *Terminal) Type(keys string) {
	t.tb.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		t.tb.Fatalf("harness: type into the terminal: %v", err)
	}
}

// Wait returns the exit code once the program has ended and all it wrote is on the screen.
func (t *Terminal) Wait() int {
	t.tb.Helper()
	select {
	case <-t.exited:
	case <-time.After(patience):
		t.tb.Fatalf("harness: %s still runs after %v", t.cmd.Path, patience)
	}
	select {
	case <-t.drawn:
	case <-time.After(patience): // somebody else holds the terminal open
		t.tb.Fatalf("harness: the terminal of %s is still open", t.cmd.Path)
	}
	return t.cmd.ProcessState.ExitCode()
}
