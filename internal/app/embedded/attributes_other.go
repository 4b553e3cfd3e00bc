//go:build unix && !linux

package embedded

import "syscall"

// serverAttributes: a group of its own. Where the supervisor is killed, the next one kills
// the server that it left behind (lockServer).
func serverAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
