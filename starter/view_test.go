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

	"github.com/jedib0t/go-pretty/v6/table"
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

// text is a block without colour.
func plainText(block []line) string {
	var b strings.Builder
	for _, l := range block {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

// watched is a snapshot of a run with a fit that has been watched for a while, at several
// moments.
func watched() (*snapshot, paces) {
	p := tiny()
	p.Models = append([]workflows.ModelProgress{{Model: "rsf", Seconds: 60, Folds: []workflows.FoldProgress{
		{Fold: 0, State: workflows.Running}, {Fold: 1, State: workflows.Failed, Error: "NotConverged"},
	}}}, p.Models...)
	at := time.Unix(1000, 0)
	long := paces{}
	s := &snapshot{progress: &p, at: at}
	for _, done := range []float64{10, 20, 40} {
		s = &snapshot{progress: &p, at: at, beats: map[cellID]workflows.FitProgress{
			{"rsf", 0}: {Model: "rsf", Fold: 0, Stage: "fit", Done: done, Total: 100},
			{"km", 0}:  {Model: "km", Fold: 0, Stage: "load"},
		}, retries: []retry{{activity: "PublishMetrics", attempt: 2, reason: strings.Repeat("long ", 40)}}}
		if done < 40 {
			delete(s.beats, cellID{"km", 0})
		}
		long.update(s)
		at = at.Add(10 * time.Second)
	}
	return s, long
}

// Claim: the live block shows the leaderboard as it fills, bars, what is in hand, a long fit's
// own bar with its time left at the pace it has had, and retries; however narrow the terminal
// is, no line is wider.
func TestBars(t *testing.T) {
	s, long := watched()
	for _, width := range []int{100, 60, 40, 20} {
		block := frame(runRef{"production", "tiny"}, s, long, size{width, 24})
		golden(t, fmt.Sprintf("progress.bars.%d", width), plainText(block))
		for _, l := range block {
			require.LessOrEqual(t, l.width(), width)
		}
	}
	s.progress.Running, s.inHand = 20, 2
	require.Contains(t, plainText(headingLines(runRef{"production", "tiny"}, s, 0, 100)), " · 2 running · 18 queued · ")
	waiting := frame(runRef{"production", "tiny"}, &snapshot{silence: errors.New("no worker")}, nil, size{80, 24})
	require.Equal(t, "production/tiny · waiting for a worker\n", plainText(waiting))
}

// Claim: where there are more models than lines, those in hand stay, then those that failed and
// are done, and the last line counts the others; the block is always lower than the terminal.
func TestBarsOfManyModels(t *testing.T) {
	p := workflows.Progress{Stage: "fitting", Planned: 120}
	for i := range 60 {
		m := workflows.ModelProgress{Model: fmt.Sprintf("model_%02d", i), Folds: []workflows.FoldProgress{{State: workflows.Waiting}, {Fold: 1, State: workflows.Waiting}}}
		switch {
		case i < 40:
			m.Folds[0] = workflows.FoldProgress{State: workflows.DoneState, CIndex: number(0.5 + float64(i)/1000)}
			m.Folds[1] = m.Folds[0]
		case i == 50:
			m.Folds[0].State = workflows.Running
		}
		p.Models = append(p.Models, m)
	}
	s := &snapshot{progress: &p, beats: map[cellID]workflows.FitProgress{{"model_50", 0}: {Model: "model_50", Stage: "load"}}}
	for _, height := range []int{200, 24, 10, 3} {
		block := frame(runRef{"production", "tiny"}, s, nil, size{80, height})
		require.LessOrEqual(t, len(block), max(4, height-1))
		require.Contains(t, plainText(block), "model_50")
	}
	golden(t, "progress.many", plainText(frame(runRef{"production", "tiny"}, s, nil, size{80, 10})))
}

// Claim: a fit has a line of its own after it was watched for some seconds, and what it has
// gained since tells what is left; a new stage or attempt starts anew, and what is over is
// forgotten.
func TestPaces(t *testing.T) {
	s, long := watched()
	rsf := s.beats[cellID{"rsf", 0}]
	require.True(t, long.isLong(rsf, s))
	left, known := long.left(rsf, s)
	require.True(t, known)
	require.InDelta(t, 40, left.Seconds(), 1e-6, "30 % in 20 s, 60 % to go")
	require.False(t, long.isLong(s.beats[cellID{"km", 0}], s))

	again := *s
	again.at = s.at.Add(time.Second)
	again.beats = map[cellID]workflows.FitProgress{{"rsf", 0}: {Model: "rsf", Stage: "fit", Done: 5, Total: 100}}
	long.update(&again)
	_, known = long.left(again.beats[cellID{"rsf", 0}], &again)
	require.False(t, known)
	require.Len(t, long, 1)
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
	require.Equal(t, "before\n"+block+"\r\x1b[1A\x1b[Jthe worker has ended\nand is started again\n"+block+"after\n", out.String())
}

// Claim: a log of a run that takes long says now and then that it goes on, and no more often.
func TestQuietLines(t *testing.T) {
	var out bytes.Buffer
	v := newView(screen{Writer: &out}, runRef{"production", "tiny"})
	half := tiny()
	for seconds := range 200 {
		v.show(&snapshot{at: time.Unix(int64(1000+seconds), 0), progress: &half, beats: map[cellID]workflows.FitProgress{
			{"km", 0}: {Model: "km", Fold: 0, Stage: "fit", Done: float64(seconds), Total: 200},
		}})
	}
	require.Equal(t, 3, strings.Count(out.String(), "fitting · 2 of 4 folds · 1 reused · 1 running · about "), out.String())
	require.Contains(t, out.String(), "km fold 0 fit 30 %\n")
}

// Claim: the leaderboard loses its frame where that does not fit, then all but the two scores.
func TestNarrowLeaderboard(t *testing.T) {
	framed, plain, narrow := leaderboardTable(board(), true), leaderboardTable(board(), false), narrowLeaderboard(board())
	require.LessOrEqual(t, widest(narrow.Render()), 40)
	for width, want := range map[int]table.Writer{100: framed, 80: plain, 40: narrow, 20: narrow} {
		require.Equal(t, want.Render(), firstThatFits(width, framed, plain, narrow))
	}
	require.Equal(t, 5, widest("abc\n\x1b[1m12345\x1b[0m\n"))
}

// Claim: lines that a terminal has wrapped since it became narrower are erased, too.
func TestEraseAfterResize(t *testing.T) {
	b := &block{screen: screen{Writer: &bytes.Buffer{}}, widths: []int{defaultSize.width + 1, 10, 0}}
	require.Equal(t, "\r\x1b[4A\x1b[J", b.erase())
	require.Empty(t, b.erase())
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
