package embedded

import "syscall"

// serverAttributes: a group of its own, and no life after the supervisor.
func serverAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
