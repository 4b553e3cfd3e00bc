package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"everfold/workflows"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files from the present output")

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./starter -rewrite writes the golden files")
	require.Equal(t, string(want), got)
}

func board() []workflows.Standing {
	return []workflows.Standing{
		{Rank: 1, Model: "cox_ph", CIndexMean: number(0.71234567), CIndexStd: number(0.0123), IBSMean: number(0.15), IBSStd: number(0.002), IPAMean: number(0.21), Folds: 5},
		{Rank: 2, Model: "weibull_aft", CIndexMean: number(0.7), IBSMean: number(0.16), IPAMean: number(-0.01), Folds: 1, FailedFolds: 4},
		{Model: "km", CIndexMean: number(0.5), CIndexStd: number(0), Folds: 5},
	}
}

// Claim: the leaderboard in every format: tables rounded, CSV and JSON with every digit,
// undefined scores never as NaN.
func TestLeaderboard(t *testing.T) {
	for _, f := range formats {
		var out bytes.Buffer
		require.NoError(t, writeLeaderboard(screen{Writer: &out}, f, board()))
		golden(t, "leaderboard."+string(f), out.String())
		require.NotContains(t, out.String(), "NaN")
	}
	var out bytes.Buffer
	require.NoError(t, writeLeaderboard(screen{Writer: &out, live: true}, formatTable, board()))
	golden(t, "leaderboard.live", out.String())
	_, err := parseFormat("xml")
	require.Equal(t, exitUsage, exitCode(err))
}

// Claim: a pipe gets one line per change, no line twice, and nothing that moves a cursor.
func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	v := newView(screen{Writer: &out}, runRef{"production", "tiny"})
	v.show(&snapshot{silence: errors.New("no worker")})
	preparing := workflows.Progress{Stage: "preparing"}
	v.show(&snapshot{progress: &preparing, retries: []retry{{activity: "PrepareData", attempt: 2, reason: "store unavailable"}}})
	half := tiny()
	again := retry{activity: "FitFold", cell: &cellID{"km", 0}, attempt: 3, reason: "heartbeat timeout"}
	v.show(&snapshot{progress: &half, retries: []retry{again}})
	v.show(&snapshot{progress: &half, retries: []retry{again}})
	v.note("no answer from the Temporal server")
	end := tiny()
	end.Stage, end.Done, end.Failed, end.Skipped = "summarizing", 2, 1, 1
	end.Models[1].Folds[0] = workflows.FoldProgress{Fold: 0, State: workflows.Failed, Error: "NotConverged: no finite estimate"}
	end.Models[1].Folds[1].State = workflows.Skipped
	v.show(&snapshot{progress: &end})
	v.close()
	golden(t, "progress.lines", out.String())
	require.NotContains(t, out.String(), "\x1b")
}

// Claim: the live block shows bars, what is in hand, retries and the time left, and no
// line is wider than the terminal.
func TestBars(t *testing.T) {
	half := tiny()
	s := &snapshot{
		progress: &half,
		beats:    map[cellID]workflows.FitProgress{{"km", 0}: {Model: "km", Fold: 0, Stage: "fit", Done: 1, Total: 4}},
		retries:  []retry{{activity: "PublishMetrics", attempt: 2, reason: strings.Repeat("long ", 40)}},
	}
	block := frame(runRef{"production", "tiny"}, s, 80)
	golden(t, "progress.bars", strings.Join(block, "\n")+"\n")
	for _, line := range block {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 80)
	}
	waiting := frame(runRef{"production", "tiny"}, &snapshot{silence: errors.New("no worker")}, 80)
	require.Equal(t, []string{"production/tiny · waiting for a worker"}, waiting)
}

// Claim: a block replaces the one before it, a note stays above it.
func TestBarsRedraw(t *testing.T) {
	var out bytes.Buffer
	v := newView(screen{Writer: &out, live: true}, runRef{"production", "tiny"})
	half := tiny()
	v.show(&snapshot{progress: &half})
	v.note("the server answers again")
	v.show(&snapshot{progress: &half})
	v.show(&snapshot{progress: &half})
	v.close()
	golden(t, "progress.live", out.String())
}

// Claim: a log record on the terminal of the bars takes the block away before it is
// written, and none where no block is drawn.
func TestLogAboveBars(t *testing.T) {
	var out bytes.Buffer
	c := &console{out: &out, err: &out, outLive: true}
	fmt.Fprintln(c.log(), "before")
	v := newView(c.screen(false), runRef{"production", "tiny"})
	v.show(&snapshot{silence: errors.New("no worker")})
	fmt.Fprintln(c.log(), "the worker has ended")
	fmt.Fprintln(c.log(), "and is started again")
	v.show(&snapshot{silence: errors.New("no worker")})
	v.close()
	fmt.Fprintln(c.log(), "after")
	block := c.screen(false).paint("production/tiny · waiting for a worker", text.Bold) + "\n"
	require.Equal(t, "before\n"+block+"\x1b[1A\x1b[Jthe worker has ended\nand is started again\n"+block+"after\n", out.String())
}

// Claim: numbers are short and have units; undefined is a dash.
func TestNumbers(t *testing.T) {
	require.Equal(t, "–", score(nil))
	require.Equal(t, "0.7123", score(number(0.71234)))
	require.Equal(t, "0.7000", scoreWithSpread(number(0.7), nil))
	for want, s := range map[string]float64{"< 1 ms": 0.0001, "12 ms": 0.0123, "1.23 s": 1.2345, "59.9 s": 59.94, "2 min 05 s": 125, "3 h 00 min": 3 * 3600} {
		require.Equal(t, want, seconds(s))
	}
	require.Equal(t, "3 days", rough(70*time.Hour))
	require.Equal(t, "1 fold", countOf(1, "fold"))
	require.Equal(t, "0 folds", countOf(0, "fold"))
}

// Claim: bars and colour are for a person on a terminal only.
func TestIsLive(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      string
		want     bool
	}{{true, "", true}, {false, "", false}, {true, "NO_COLOR", false}, {true, "CI", false}} {
		getenv := func(name string) string {
			if name == c.env {
				return "1"
			}
			return ""
		}
		require.Equal(t, c.want, isLive(c.terminal, getenv), c)
	}
	require.False(t, isLive(true, func(name string) string { return map[string]string{"TERM": "dumb"}[name] }))
}
