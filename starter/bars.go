package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"everfold/workflows"
)

// bars redraws a block of lines in place: a heading, one bar per model, retries.
type bars struct {
	screen
	run   runRef
	drawn int // lines of the block on the screen
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
func (v *bars) close() { v.drawn = 0 }

// draw replaces the block: cursor up, clear to the end of the screen, the new lines.
func (v *bars) draw(block []string) {
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", v.drawn)
	}
	for i, line := range block {
		if i == 0 {
			line = v.paint(line, text.Bold)
		}
		b.WriteString(line + "\n")
	}
	v.drawn = len(block)
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
	if e, known := remaining(p, s.beats); known && p.Stage == stageFitting && e.String() != "" {
		parts = append(parts, e.String())
	}
	return strings.Join(parts, " · ")
}

// stageFitting is the stage of workflows.Progress in which folds are fitted.
const stageFitting = "fitting"

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
	if beat.Total > 0 && beat.Stage == "fit" {
		return fmt.Sprintf("fold %d %s %.0f %%", beat.Fold, beat.Stage, 100*min(1, beat.Done/beat.Total))
	}
	return fmt.Sprintf("fold %d %s", beat.Fold, beat.Stage)
}

// clip keeps a line within the screen: a wrapped one would be counted wrong.
func clip(line string, width int) string {
	if width < 2 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}
