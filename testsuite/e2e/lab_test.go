package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/examples"
	"everfold/testsuite/harness"
)

// withoutTrain leaves out the queue on which data is prepared and models are fitted: a run
// then waits, but answers.
const withoutTrain = "--queues=everfold-workflows,everfold-io"

// lab is a server, a folder with the shipped examples, and an environment for programs.
type lab struct {
	t      *testing.T
	server *harness.TemporalServer
	env    harness.Env
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, server: harness.Server(t)}
	l.env = harness.Env{Address: l.server.Address, Dir: exampleFolder(t)}
	return l
}

// exampleFolder is a current folder with the shipped examples in examples/.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, examples.Install(filepath.Join(dir, "examples")))
	return dir
}

func (l *lab) worker(args ...string) *harness.Process {
	l.t.Helper()
	return harness.Worker(l.t, l.server.Address, args...)
}

// starter runs a command to its end and checks its exit code.
func (l *lab) starter(exit int, args ...string) harness.Result {
	l.t.Helper()
	r := harness.Starter(l.t, l.env, args...)
	require.Equal(l.t, exit, r.Exit, "starter %s\n%s%s", strings.Join(args, " "), r.Stdout, r.Stderr)
	return r
}

// background starts a command.
func (l *lab) background(args ...string) *harness.Process {
	l.t.Helper()
	return harness.StartStarter(l.t, l.env, args...)
}

// file reads a file of the run production/veteran.
func (l *lab) file(elements ...string) string {
	l.t.Helper()
	content, err := os.ReadFile(l.path(elements...))
	require.NoError(l.t, err)
	return string(content)
}

func (l *lab) path(elements ...string) string {
	return filepath.Join(append([]string{l.env.Dir, "outputs", "production", "veteran"}, elements...)...)
}

// document decodes standard output as exactly one JSON document.
func document[T any](t *testing.T, r harness.Result) T {
	t.Helper()
	var v T
	decoder := json.NewDecoder(strings.NewReader(r.Stdout))
	require.NoError(t, decoder.Decode(&v), r.Stdout)
	require.False(t, decoder.More(), "more than one document: %s", r.Stdout)
	return v
}

// ended is what `run --json` and `watch --json` print.
type ended struct {
	Outcome  string `json:"outcome"`
	ExitCode int    `json:"exit_code"`
	Error    string `json:"error"`
	Output   string `json:"output"`
	Result   struct {
		Planned, Trained, Reused, Failed int
		Skipped                          []string
		Leaderboard                      []struct {
			Model string
			Rank  int
		}
	} `json:"result"`
}
