package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// commands are those of the contract that this build has, in an order in which their
// examples work: veteran is run before it is looked at.
var offline = []string{"run", "plan", "validate", "schema", "list", "results", "summary", "predict", "doctor", "data generate", "version", "completion"}

// Claim: every command's help has an example, and the examples of commands that need no
// server, or bring their own, do what they show. (quickstart has a test of its own.)
func TestHelpExamples(t *testing.T) {
	l := embeddedLab(t)
	for _, command := range offline {
		for _, example := range l.examples(command) {
			l.shell(example)
		}
	}
	require.Equal(t, []string{"starter quickstart"}, l.examples("quickstart"))
}

// Claim: the examples of the operator's commands do what they show on a running run.
func TestOperatorExamples(t *testing.T) {
	l := newLab(t)
	partial := l.worker(withoutTrain)
	l.starter(0, "run", veteran, "--detach")
	for _, command := range []string{"status", "parallel", "skip"} {
		for _, example := range l.examples(command) {
			l.shell(example)
		}
	}
	whole := l.worker()
	for _, example := range l.examples("watch") {
		l.shell(example)
	}
	whole.Stop() // the skipped model is fitted by the next start, which waits for a worker
	l.starter(0, "run", veteran, "--detach")
	for _, example := range l.examples("cancel") {
		l.shell(example)
	}
	partial.Stop()
}

// examples are the command lines under "Examples:" in a command's help.
func (l *lab) examples(command string) []string {
	l.t.Helper()
	help := l.starter(0, append(strings.Fields(command), "--help")...).Stdout
	_, rest, found := strings.Cut(help, "Examples:\n")
	require.True(l.t, found, "%s --help has no example", command)
	block, _, _ := strings.Cut(rest, "\n\n")
	var lines []string
	for line := range strings.Lines(block) {
		lines = append(lines, strings.TrimSpace(line))
	}
	require.NotEmpty(l.t, lines, command)
	return lines
}

// shell runs an example as a person would type it, with the starter on the PATH.
func (l *lab) shell(line string) {
	l.t.Helper()
	programs := harness.Binaries(l.t)
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Dir = l.env.Dir
	c.Env = []string{
		"PATH=" + filepath.Dir(programs.Starter) + ":" + os.Getenv("PATH"), "HOME=" + l.env.Dir, "NO_COLOR=1",
		"EVERFOLD_HOME=" + l.env.Home, "EVERFOLD_TEMPORAL=" + programs.Temporal,
		"TEMPORAL_ADDRESS=" + l.env.Address, "TEMPORAL_CONFIG_FILE=" + os.DevNull,
	}
	out, err := c.CombinedOutput()
	require.NoError(l.t, err, "%s\n%s", line, out)
}
