package docs

import (
	"context"
	"os/exec"
	"time"
)

// shell runs a script and returns what it printed.
func shell(ctx context.Context, dir string, env []string, script string) (string, error) {
	c := exec.CommandContext(ctx, "sh", "-c", script)
	c.Dir = dir
	c.Env = env
	c.WaitDelay = 10 * time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}
