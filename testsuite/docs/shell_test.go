package docs

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// shell runs a script and returns what it printed. When ctx ends, so does everything that
// the script started.
func shell(ctx context.Context, dir string, env []string, script string) (string, error) {
	c := exec.CommandContext(ctx, "sh", "-c", script)
	c.Dir = dir
	c.Env = env
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 10 * time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}
