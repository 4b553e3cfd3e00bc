package harness

import (
	"os/exec"
	"syscall"
	"testing"
)

// childAttributes: a group of its own, and no life after the test binary.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// StartIn starts a program in new namespaces, CLONE_NEW… of package syscall.
func StartIn(tb testing.TB, namespaces uintptr, env []string, program string, args ...string) *Process {
	tb.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", env, childAttributes()
	cmd.SysProcAttr.Cloneflags = namespaces
	return startCommand(tb, cmd)
}
