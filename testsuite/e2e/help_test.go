package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
	"everfold/tracker/trackertest"
)

// onRunning are the commands whose examples want a run that is running; all others want what
// the examples of run leave behind, finished, with a server that knows of it.
var onRunning = []string{"status", "parallel", "skip", "watch", "cancel"}

// untilStopped wants keys and answers until it is stopped; testsuite/secure runs it.
const untilStopped = "codec serve"

// first and last say which examples come before and after those of all other commands. Names
// that the program does not have are no mistake: the order is the same without them.
var (
	first = []string{"run", "schedule create", "schedule list", "schedule show", "schedule pause", "schedule unpause", "schedule trigger", "schedule backfill"}
	last  = []string{"schedule delete", "prune"}
)

// tracking is the server that examples name.
const tracking = "http://tracking.example:5000"

// Claim: every command's help has an example, and every example does what it shows, on a
// finished run with a Temporal server, a worker and a tracking server. With --json the first of
// a command's examples, done again, writes exactly one JSON document on standard output, also
// where it fails, as a second creation of the same thing does. (quickstart has a test of its own.)
func TestExamples(t *testing.T) {
	l := embeddedLab(t)
	l.server = harness.Server(t)
	l.worker()
	mlflow := trackertest.NewServer(t)
	l.env.Set = []string{"MLFLOW_TRACKING_URI=" + mlflow.URL}
	for _, command := range l.commands() {
		examples := l.examples(command)
		if command == "quickstart" {
			require.Equal(t, []string{"starter quickstart"}, examples)
			continue
		}
		if slices.Contains(onRunning, command) || command == untilStopped {
			continue
		}
		for _, example := range examples {
			l.env.Address = l.server.Address
			l.shell(strings.ReplaceAll(example, tracking, mlflow.URL))
		}
		if command == "run" {
			l.starter(0, "run", veteran) // so that the server, too, knows of the run
		}
		if i := slices.IndexFunc(examples, func(e string) bool { return !strings.ContainsAny(e, "|>") }); i >= 0 {
			l.oneDocument(strings.ReplaceAll(examples[i], tracking, mlflow.URL) + " --json")
		}
	}
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

// listed is a command in a list of them: two blanks, a name, its explanation in a column.
var listed = regexp.MustCompile(`(?m)^  ([a-z]+)  +[a-z]`)

// commands are all that can be run, as the program's own help lists them, in the order in which
// their examples work.
func (l *lab) commands() []string {
	l.t.Helper()
	var all []string
	var walk func(path []string)
	walk = func(path []string) {
		help := l.starter(0, append(slices.Clone(path), "--help")...).Stdout
		names := listed.FindAllStringSubmatch(help[strings.Index(help, "Usage:"):], -1)
		if len(names) == 0 {
			all = append(all, strings.Join(path, " "))
		}
		for _, name := range names {
			if name[1] != "help" && name[1] != "starter" {
				walk(append(slices.Clone(path), name[1]))
			}
		}
	}
	walk(nil)
	require.Greater(l.t, len(all), 15)
	place := func(command string) int {
		if i := slices.Index(first, command); i >= 0 {
			return i - len(first)
		}
		return slices.Index(last, command) + 1
	}
	slices.SortStableFunc(all, func(a, b string) int { return place(a) - place(b) })
	return all
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
	r := harness.Typed(l.t, l.env, line)
	require.Zero(l.t, r.Exit, "%s\n%s%s", line, r.Stdout, r.Stderr)
}

// oneDocument runs a line, which may fail, and wants one JSON document.
func (l *lab) oneDocument(line string) {
	l.t.Helper()
	r := harness.Typed(l.t, l.env, line)
	decoder := json.NewDecoder(strings.NewReader(r.Stdout))
	var v any
	require.NoError(l.t, decoder.Decode(&v), "%s\n%s%s", line, r.Stdout, r.Stderr)
	require.False(l.t, decoder.More(), "more than one document: %s\n%s", line, r.Stdout)
}
