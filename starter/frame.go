package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"everfold/workflows"
)

const maxRetries = 3 // lines of retries in a block

// frame is the block for one snapshot: a pure function. No line is wider than the room, and
// the block is lower than it: where there are too many models, those in hand come first.
func frame(run runRef, s *snapshot, long paces, room size) []line {
	if s.progress == nil {
		return []line{words(run.String()+" · waiting for a worker", text.Bold).clip(room.width)}
	}
	f := framing{s: s, long: long, room: room, forecast: newForecast(s.progress, s)}
	f.measure()
	f.models()
	f.finals()
	f.troubles()
	block := headingLines(run, s, long.longest(s), room.width)
	block = append(block, f.trimmed(max(3, room.height-1-len(block)))...)
	for i := range block {
		block[i] = block[i].clip(room.width)
	}
	return block
}

// framing collects the lines below the heading.
type framing struct {
	s        *snapshot
	long     paces
	room     size
	forecast forecast
	names    int // columns of the models' names
	cells    int // of a bar
	lines    []weighted
}

// weighted is a line with what decides whether it stays where there is no room for all.
type weighted struct {
	line   line
	weight weight
	model  bool
	ended  bool // the model has no fold to come
	rank   int  // of the model; among equal weights the best come first
}

// weight orders lines by how much they are wanted, the most wanted first.
type weight int

const (
	inHand weight = iota
	longFit
	failing
	trouble
	ended
	toCome
)

func (f *framing) add(w weighted) { f.lines = append(f.lines, w) }

// measure shares the columns between names and bars.
func (f *framing) measure() {
	longest := len("all rows")
	for _, m := range f.s.progress.Models {
		longest = max(longest, len(m.Model))
	}
	switch {
	case f.room.width >= 80:
		f.cells = 24
	case f.room.width >= 60:
		f.cells = 16
	case f.room.width >= 50:
		f.cells = 8
	default:
		f.cells = 6
	}
	f.names = min(longest, max(8, f.room.width-f.cells-16)) // 16: rank, gaps, count
}

// named is the beginning of a line: rank or gap, name.
func (f *framing) named(rank, model string, colours ...text.Color) line {
	return words(fmt.Sprintf("%2s ", rank)).add(fmt.Sprintf("%-*s", f.names, clip(model, f.names)), colours...)
}

// models adds each model's line, and one for each of its fits that is long.
func (f *framing) models() {
	ranks := ranksSoFar(f.s.progress)
	for _, m := range f.s.progress.Models {
		n := tallyFolds(m)
		w := weighted{model: true, ended: n.open() == 0, weight: toCome, rank: ranks[m.Model]}
		switch {
		case f.beats(m):
			w.weight = inHand
		case n.failed > 0:
			w.weight = failing
		case w.ended:
			w.weight = ended
		}
		w.line = f.modelLine(m, n, ranks[m.Model])
		f.add(w)
		for _, fold := range m.Folds {
			if beat, ok := f.s.beats[cellID{m.Model, fold.Fold}]; ok && fold.State == workflows.Running && f.long.isLong(beat, f.s) {
				f.add(weighted{line: f.fitLine(beat, f.forecast.fold(m)), weight: longFit})
			}
		}
	}
}

// beats says whether a worker fits the model just now; other folds that run wait for one.
func (f *framing) beats(m workflows.ModelProgress) bool {
	return slices.ContainsFunc(m.Folds, func(fold workflows.FoldProgress) bool {
		_, beating := f.s.beats[cellID{m.Model, fold.Fold}]
		return beating && fold.State == workflows.Running
	})
}

// modelLine is rank, name, bar, count, scores so far, and what is in hand for a moment only.
func (f *framing) modelLine(m workflows.ModelProgress, n foldTally, rank int) line {
	var colours []text.Color
	if rank == 1 {
		colours = []text.Color{text.FgGreen}
	}
	l := f.named(place(rank), m.Model, colours...).add("  ")
	l = append(l, f.bar(m, n)...)
	l = l.add(fmt.Sprintf("  %*d/%d", len(strconv.Itoa(len(m.Folds))), n.ended(), len(m.Folds)))
	if n.failed > 0 {
		l = l.add(fmt.Sprintf("  %d failed", n.failed), text.FgRed)
	}
	l = f.optional(l, n.scores(), colours...)
	var doing []string
	for _, fold := range m.Folds {
		if beat, ok := f.s.beats[cellID{m.Model, fold.Fold}]; ok && fold.State == workflows.Running && !f.long.isLong(beat, f.s) {
			doing = append(doing, doingNow(beat))
		}
	}
	if len(doing) > 0 && f.room.width-l.width() > 12 {
		l = l.add("  "+strings.Join(doing, ", "), text.Faint)
	}
	return l
}

// optional appends the parts that fit.
func (f *framing) optional(l line, parts []string, colours ...text.Color) line {
	for _, part := range parts {
		if l.width()+2+len(part) <= f.room.width {
			l = l.add("  "+part, colours...)
		}
	}
	return l
}

// bar is done, failed, in hand, to come.
func (f *framing) bar(m workflows.ModelProgress, n foldTally) line {
	if len(m.Folds) == 0 {
		return words(strings.Repeat("░", f.cells), text.Faint)
	}
	share := 0.0
	for _, fold := range m.Folds {
		if fold.State == workflows.Running {
			share += 1 - openShare(fold, f.s.beats[cellID{m.Model, fold.Fold}])
		}
	}
	upTo := func(folds float64) int { return int(folds / float64(len(m.Folds)) * float64(f.cells)) }
	good, over := upTo(float64(n.ended()-n.failed)), upTo(float64(n.ended()))
	begun := upTo(float64(n.ended()) + share)
	return words(strings.Repeat("█", good), text.FgGreen).
		add(strings.Repeat("█", over-good), text.FgRed).
		add(strings.Repeat("█", begun-over)).
		add(strings.Repeat("░", f.cells-begun), text.Faint)
}

// fitLine is a long fit's own bar, with the time it will still take. expected is what the
// whole fit should take, negative where nothing is known.
func (f *framing) fitLine(beat workflows.FitProgress, expected float64) line {
	name := fmt.Sprintf("fold %d", beat.Fold)
	if beat.Fold == workflows.FinalFold {
		name = "all rows"
	}
	l := f.named("·", name, text.Faint).add("  ")
	share := shareOf(beat)
	if share < 0 {
		return l.add(strings.Repeat("░", f.cells), text.Faint).add("  " + beat.Stage)
	}
	filled := int(share * float64(f.cells))
	l = l.add(strings.Repeat("▓", filled), text.FgCyan).add(strings.Repeat("░", f.cells-filled), text.Faint)
	l = l.add(fmt.Sprintf("  %s %.0f %%", beat.Stage, 100*share))
	left, known := f.long.left(beat, f.s)
	if !known && expected > 0 {
		left, known = inSeconds(expected*(1-share)), true
	}
	if known {
		l = f.optional(l, []string{estimate{left: left}.String()})
	}
	return l
}

// finals adds the fits on all rows.
func (f *framing) finals() {
	for _, final := range f.s.progress.Finals {
		beat, beating := f.s.beats[cellID{final.Model, workflows.FinalFold}]
		w := weighted{line: f.named("", final.Model).add("  final fit: " + finalState(final)), weight: ended}
		if final.State == workflows.Failed {
			w.weight = failing
		}
		if beating {
			w.weight = inHand
			w.line = f.named("", final.Model).add("  " + doingNow(beat))
		}
		f.add(w)
		if beating && f.long.isLong(beat, f.s) {
			f.add(weighted{line: f.fitLine(beat, f.forecast.final(f.s.progress)), weight: longFit})
		}
	}
}

// troubles adds the tracker, where it has any, and what is tried again.
func (f *framing) troubles() {
	add := func(s string) { f.add(weighted{line: words("   "+s, text.FgYellow), weight: trouble}) }
	if t := f.s.progress.Tracker; t != nil && t.Failures > 0 {
		add("tracker: " + t.String())
	}
	for i, r := range f.s.retries {
		if i == maxRetries {
			add(fmt.Sprintf("… and %d more are tried again", len(f.s.retries)-maxRetries))
			break
		}
		add(r.String())
	}
}

// trimmed are the lines that there is room for, the most wanted ones, in their order; the last
// then counts the models that are left out.
func (f *framing) trimmed(most int) []line {
	keep := make([]int, len(f.lines))
	for i := range keep {
		keep[i] = i
	}
	if len(keep) > most {
		slices.SortStableFunc(keep, func(a, b int) int {
			return cmp.Or(cmp.Compare(f.lines[a].weight, f.lines[b].weight), cmp.Compare(f.lines[a].rank, f.lines[b].rank))
		})
		keep = keep[:most-1]
		slices.Sort(keep)
	}
	var lines []line
	for _, i := range keep {
		lines = append(lines, f.lines[i].line)
	}
	if len(keep) == len(f.lines) {
		return lines
	}
	hidden, complete := 0, 0
	for i, w := range f.lines {
		if w.model && !slices.Contains(keep, i) {
			hidden++
			if w.ended {
				complete++
			}
		}
	}
	return append(lines, words(fmt.Sprintf("   … and %s more, %d of them done", countOf(hidden, "model"), complete), text.Faint))
}

// headingLines are run, stage and counts, on as many lines as they need.
func headingLines(run runRef, s *snapshot, least time.Duration, width int) []line {
	var lines []line
	now := ""
	for _, part := range heading(run, s, least) {
		switch {
		case now == "":
			now = part
		case len([]rune(now+" · "+part)) <= width:
			now += " · " + part
		default:
			lines = append(lines, words(now, text.Bold))
			now = part
		}
	}
	return append(lines, words(now, text.Bold))
}

// heading says of a run what there is to say in one line; it takes least more at least.
func heading(run runRef, s *snapshot, least time.Duration) []string {
	p := s.progress
	running, queued := p.Running, 0
	if s.inHand > 0 && s.inHand < running {
		running, queued = s.inHand, running-s.inHand
	}
	parts := []string{run.String(), p.Stage}
	if p.Planned > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", p.Done, countOf(p.Planned, "fold")))
	}
	for _, count := range []struct {
		n    int
		what string
	}{{p.Reused, "reused"}, {running, "running"}, {queued, "queued"}, {p.Failed, "failed"}, {p.Skipped, "skipped"}} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	if e, known := remaining(p, s); known && e.String() != "" {
		e.left = max(e.left, least)
		parts = append(parts, e.String())
	}
	return parts
}

func doingNow(beat workflows.FitProgress) string {
	what := fmt.Sprintf("fold %d %s", beat.Fold, beat.Stage)
	if beat.Fold == workflows.FinalFold {
		what = "on all rows: " + beat.Stage
	}
	if share := shareOf(beat); share >= 0 {
		what += fmt.Sprintf(" %.0f %%", 100*share)
	}
	return what
}
