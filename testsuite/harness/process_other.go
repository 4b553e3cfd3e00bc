//go:build unix && !linux

package harness

import "syscall"

// childAttributes: a group of its own. A killed test binary leaves its children behind.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
