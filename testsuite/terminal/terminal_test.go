package terminal

import (
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/examples"
	"everfold/testsuite/harness"
)

var picture = flag.String("picture", "", "write the README's picture of the terminal to this file")

// place is a folder with the shipped examples, and a home of its own for the embedded server.
func place(t *testing.T) harness.Env {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, examples.Install(filepath.Join(dir, "examples")))
	home := filepath.Join(t.TempDir(), "home")
	t.Cleanup(func() { harness.NoProcesses(t, "EVERFOLD_HOME="+home) })
	return harness.Env{Dir: dir, Home: home}
}

// until returns once the screen shows all of the words at once, and what it shows then.
func until(t *testing.T, s *Screen, words ...string) [][]Cell {
	t.Helper()
	limit := time.After(5 * time.Minute)
	for {
		news := s.Grown()
		rows := s.Rows()
		missing := false
		for _, w := range words {
			missing = missing || !strings.Contains(Text(rows), w)
		}
		if !missing {
			return rows
		}
		select {
		case <-news:
		case <-limit:
			t.Fatalf("the screen never shows %q; it shows\n%s", words, Text(s.All()))
		}
	}
}

// Claim: a person on a terminal sees a block that is redrawn in place, with each model's bar and
// scores, and at the end the leaderboard, what happened, where it is and what to type next;
// the heading stays on the screen once.
func TestRunOnATerminal(t *testing.T) {
	env := place(t)
	s := NewScreen(100, 40)
	p := harness.StartTerminal(t, env, 100, 40, s, harness.Binaries(t).Starter, "run", "examples/veteran.yaml", "--embedded", "--set", "folds.repeats=3")
	until(t, s, "started", "cox_ph", "/15", "C 0.")
	require.Zero(t, p.Wait())
	all := Text(s.All())
	for _, want := range []string{"│ Rank │ Model", "Done     45 folds: 45 trained", "Files    ", "Next     starter results production/veteran\n", "starter predict production/veteran --data NEW.csv"} {
		require.Contains(t, all, want)
	}
	require.Equal(t, 1, strings.Count(all, "45 of 45 folds"), all)
	require.NotContains(t, all, "\x1b")
}

// Claim: a terminal of 40 columns, and one that is made narrower meanwhile, show a block without
// remains of former ones.
func TestNarrowTerminal(t *testing.T) {
	env := place(t)
	s := NewScreen(90, 30)
	p := harness.StartTerminal(t, env, 90, 30, s, harness.Binaries(t).Starter, "run", "examples/veteran.yaml", "--embedded", "--set", "folds.repeats=8")
	until(t, s, "cox_ph", "/40")
	s.Resize(40, 30)
	p.Resize(40, 30)
	require.Zero(t, p.Wait())
	all := Text(s.All())
	require.Equal(t, 1, strings.Count(all, "120 of 120 folds"), all)
	for _, row := range s.All() {
		require.LessOrEqual(t, len(row), 90)
	}
}

// Claim: Ctrl-C on a terminal leaves the last block, no "^C" in front of a line, what it means
// to the run, and the command that goes on.
func TestInterruptedOnATerminal(t *testing.T) {
	env := place(t)
	s := NewScreen(100, 30)
	p := harness.StartTerminal(t, env, 100, 30, s, harness.Binaries(t).Starter, "run", "examples/veteran.yaml", "--embedded", "--set", "folds.repeats=40")
	until(t, s, "cox_ph", "/200")
	p.Type("\x03")
	require.Equal(t, 130, p.Wait())
	all := Text(s.All())
	require.Contains(t, all, "\nstopping: the worker saves a checkpoint …\n")
	require.Contains(t, all, "\n  go on where it was: starter run examples/veteran.yaml --embedded --set folds.repeats=40\n")
	require.NotContains(t, all, "^C")
}

// renamed puts a place that everybody has in place of the test's folder.
func renamed(rows [][]Cell, dir string) [][]Cell {
	out := slices.Clone(rows)
	for y, row := range rows {
		text := []rune(strings.TrimSuffix(Text([][]Cell{row}), "\n"))
		before, after, found := strings.Cut(string(text), dir)
		if !found {
			continue
		}
		at := len([]rune(before))
		out[y] = slices.Clone(row[:at])
		for _, r := range "/home/you" + after {
			out[y] = append(out[y], Cell{Rune: r, Style: row[at].Style})
		}
	}
	return out
}

// churn is the run of the README's picture.
const churn = `run: churn
type: production
data: {uri: churn.csv, id: account_entities_key, time: survival_months, event: is_terminated}
`

// Claim: the README's picture is drawn from a real run: while it fits, and when it is done. It
// is well-formed and small. With -picture the run takes a minute, and the picture is kept.
func TestPicture(t *testing.T) {
	const columns, rows = 92, 40
	env, starter := place(t), harness.Binaries(t).Starter
	spec, soon, file := "examples/gbsg2.yaml", []string{"C 0."}, filepath.Join(t.TempDir(), "terminal.svg")
	if *picture != "" {
		spec, soon, file = "churn.yaml", []string{"3/5  C 0.", "▓▓▓"}, *picture
		require.NoError(t, os.WriteFile(filepath.Join(env.Dir, spec), []byte(churn), 0o644))
		require.Zero(t, harness.Starter(t, env, "data", "generate", "--rows", "20000", "--out", "churn.csv").Exit)
	}
	s := NewScreen(columns, rows)
	p := harness.StartTerminal(t, env, columns, rows, s, starter, "run", spec, "--embedded")
	meanwhile := until(t, s, soon...)
	until(t, s, "Next")
	require.Zero(t, p.Wait())
	title := "starter run " + spec + " --embedded"
	drawn := SVG(columns, Window{Title: title, Rows: renamed(meanwhile, env.Dir)}, Window{Title: "… and when it is done", Rows: renamed(s.Rows(), env.Dir)})
	require.Less(t, len(drawn), 200_000)
	var any struct{}
	require.NoError(t, xml.Unmarshal(drawn, &any))
	require.NoError(t, os.WriteFile(file, drawn, 0o644))
}
