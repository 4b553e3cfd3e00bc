package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"everfold/workflows"
)

// bars redraws a block of lines in place: a heading, one bar per model, retries.
type bars struct {
	screen
	run runRef
}

// block is what bars have drawn last. The log is written by other goroutines, to what may
// be the same terminal.
type block struct {
	mu     sync.Mutex
	screen io.Writer
	lines  int // on the screen, 0: none
}

// erase is what takes the block off the screen: cursor up, clear to the end. The caller
// holds mu.
func (b *block) erase() string {
	n := b.lines
	b.lines = 0
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\x1b[J", n)
}

// aboveBlock is a log that may share the terminal with a block: a record takes the block
// away, and the next snapshot draws it again below.
type aboveBlock struct {
	io.Writer
	block *block
}

func (a aboveBlock) Write(record []byte) (int, error) {
	a.block.mu.Lock()
	defer a.block.mu.Unlock()
	if erase := a.block.erase(); erase != "" {
		fmt.Fprint(a.block.screen, erase)
	}
	return a.Writer.Write(record)
}

func (v *bars) show(s *snapshot) {
	v.draw(frame(v.run, s, v.width()))
}

// note writes a line above the block, which the next show draws again below it.
func (v *bars) note(line string) {
	v.draw(nil)
	v.printf("%s\n", line)
}

// close leaves the last block on the screen.
func (v *bars) close() {
	v.block.mu.Lock()
	defer v.block.mu.Unlock()
	v.block.lines = 0
}

// draw replaces the block.
func (v *bars) draw(lines []string) {
	v.block.mu.Lock()
	defer v.block.mu.Unlock()
	var b strings.Builder
	b.WriteString(v.block.erase())
	for i, line := range lines {
		if i == 0 {
			line = v.paint(line, text.Bold)
		}
		b.WriteString(line + "\n")
	}
	v.block.screen, v.block.lines = v.Writer, len(lines)
	v.printf("%s", b.String())
}

const (
	barCells   = 24
	maxRetries = 3 // lines of retries in a block
)

// frame is the block for one snapshot, without colour: a pure function, no line wider than
// the screen.
func frame(run runRef, s *snapshot, width int) []string {
	if s.progress == nil {
		return []string{clip(fmt.Sprintf("%s · waiting for a worker", run), width)}
	}
	p := s.progress
	block := []string{heading(run, s)}
	names := 0
	for _, m := range p.Models {
		names = max(names, utf8.RuneCountInString(m.Model))
	}
	for _, m := range p.Models {
		block = append(block, fmt.Sprintf("  %-*s  %s", names, m.Model, modelBar(m, s)))
	}
	for _, f := range p.Finals {
		line := fmt.Sprintf("  %-*s  final fit: %s", names, f.Model, finalState(f))
		if beat, beating := s.beats[cellID{f.Model, workflows.FinalFold}]; beating {
			line = fmt.Sprintf("  %-*s  %s", names, f.Model, doingNow(beat))
		}
		block = append(block, line)
	}
	if t := p.Tracker; t != nil && t.Failures > 0 {
		block = append(block, "  tracker: "+t.String())
	}
	for i, r := range s.retries {
		if i == maxRetries {
			block = append(block, fmt.Sprintf("  … and %d more are tried again", len(s.retries)-maxRetries))
			break
		}
		block = append(block, "  "+r.String())
	}
	for i := range block {
		block[i] = clip(block[i], width)
	}
	return block
}

func heading(run runRef, s *snapshot) string {
	p := s.progress
	parts := []string{run.String(), p.Stage}
	if p.Planned > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", p.Done, countOf(p.Planned, "fold")))
	}
	for _, count := range []struct {
		n    int
		what string
	}{{p.Reused, "reused"}, {p.Running, "running"}, {p.Failed, "failed"}, {p.Skipped, "skipped"}} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	if e, known := remaining(p, s.beats); known && e.String() != "" {
		parts = append(parts, e.String())
	}
	return strings.Join(parts, " · ")
}

// modelBar is one model's folds: done, in hand, to come.
func modelBar(m workflows.ModelProgress, s *snapshot) string {
	ended, share, failed := 0, 0.0, 0
	var doing []string
	for _, f := range m.Folds {
		beat, beating := s.beats[cellID{m.Model, f.Fold}]
		switch f.State {
		case workflows.Running:
			share += 1 - openShare(f, beat)
			if beating {
				doing = append(doing, doingNow(beat))
			}
		case workflows.Waiting:
		case workflows.Failed:
			failed++
			ended++
		default:
			ended++
		}
	}
	filled := 0
	if len(m.Folds) > 0 {
		filled = int((float64(ended) + share) / float64(len(m.Folds)) * barCells)
	}
	line := strings.Repeat("█", filled) + strings.Repeat("░", barCells-filled) + fmt.Sprintf("  %d/%d", ended, len(m.Folds))
	if failed > 0 {
		line += fmt.Sprintf("  %d failed", failed)
	}
	if len(doing) > 0 {
		line += "  " + strings.Join(doing, ", ")
	}
	return line
}

func doingNow(beat workflows.FitProgress) string {
	what := fmt.Sprintf("fold %d %s", beat.Fold, beat.Stage)
	if beat.Fold == workflows.FinalFold {
		what = "on all rows: " + beat.Stage
	}
	if beat.Total > 0 && (beat.Stage == "fit" || beat.Fold == workflows.FinalFold) {
		what += fmt.Sprintf(" %.0f %%", 100*min(1, beat.Done/beat.Total))
	}
	return what
}

// clip keeps a line within the screen: a wrapped one would be counted wrong.
func clip(line string, width int) string {
	if width < 2 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}
