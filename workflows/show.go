package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// wideTable is the number of folds up to which the live table has a column a fold.
const wideTable = 12

// show puts the live table into the Web UI's details. It adds no history event.
func (b *board) show(ctx workflow.Context) {
	if b.still {
		return
	}
	b.drawn++
	workflow.SetCurrentDetails(ctx, b.markdown())
}

// progress is the board as the query answers it, without what only the run knows.
func (b *board) progress() Progress {
	p := Progress{
		Stage: b.stage, Planned: len(b.cells),
		FinalSeconds: b.finalsExpect,
		Done:         b.count(DoneState), Running: b.count(Running), Failed: b.count(Failed), Skipped: b.count(Skipped),
	}
	errors := 0
	for _, c := range b.cells {
		if c.action == activities.Reuse && c.state == DoneState {
			p.Reused++
		}
		if n := len(p.Models); n == 0 || p.Models[n-1].Model != c.model {
			p.Models = append(p.Models, ModelProgress{Model: c.model, Seconds: c.expects})
		}
		m := &p.Models[len(p.Models)-1]
		fold := c.progress()
		if fold.Error != "" {
			fold.Error = activities.Briefly(errors, fold.Error)
			errors++
		}
		m.Folds = append(m.Folds, fold)
	}
	for _, c := range b.finals {
		p.Finals = append(p.Finals, c.final())
	}
	return p
}

func (c *cell) final() Final {
	f := Final{Model: c.model, State: c.state, Action: c.action, Seconds: c.seconds, Attempt: c.attempt}
	if c.failure != nil {
		f.Error = c.failure.Type + ": " + c.failure.Message
	}
	return f
}

func (c *cell) progress() FoldProgress {
	p := FoldProgress{
		Fold: c.fold, State: c.state, Action: c.action, CIndex: c.cindex, IBS: c.ibs,
		Seconds: c.seconds, Attempt: c.attempt,
	}
	if c.failure != nil {
		p.Error = c.failure.Type + ": " + c.failure.Message
	}
	return p
}

// filler ends the text, two lines of a space that is not blank: the Web UI cuts the last ones.
const filler = "\n\u00a0\n\n\u00a0\n"

// markdown is a table of models × folds: scores where done, else the state.
func (b *board) markdown() string {
	var s strings.Builder
	fmt.Fprintf(&s, "**%s**: %d of %d folds done, %d running, %d failed\n\n",
		b.stage, b.count(DoneState), len(b.cells), b.count(Running), b.count(Failed))
	s.WriteString("Numbers are the column `cindex` of `model_metrics.csv`.\n\n")
	for start := 0; start < len(b.cells); {
		end := start
		for end < len(b.cells) && b.cells[end].model == b.cells[start].model {
			end++
		}
		if start == 0 {
			writeHeader(&s, b.cells[start:end])
		}
		writeRow(&s, b.cells[start:end])
		start = end
	}
	for i, c := range b.finals {
		if i == 0 {
			s.WriteString("\n| final model | state |\n|:---|:---|\n")
		}
		fmt.Fprintf(&s, "| %s | %s |\n", c.model, c.text())
	}
	if b.tracking != nil {
		fmt.Fprintf(&s, "\nTracker: %s\n", b.tracking)
	}
	s.WriteString(filler)
	return s.String()
}

func writeHeader(s *strings.Builder, row []*cell) {
	if len(row) > wideTable {
		s.WriteString("| model | done | running | waiting | failed | skipped | mean |\n|:---|---:|---:|---:|---:|---:|---:|\n")
		return
	}
	s.WriteString("| model |")
	for _, c := range row {
		fmt.Fprintf(s, " fold %d |", c.fold)
	}
	s.WriteString(" mean |\n|:---|" + strings.Repeat("---:|", len(row)+1) + "\n")
}

func writeRow(s *strings.Builder, row []*cell) {
	fmt.Fprintf(s, "| %s |", row[0].model)
	if len(row) > wideTable {
		states := board{cells: row}
		for _, state := range []FoldState{DoneState, Running, Waiting, Failed, Skipped} {
			fmt.Fprintf(s, " %d |", states.count(state))
		}
	} else {
		for _, c := range row {
			fmt.Fprintf(s, " %s |", c.text())
		}
	}
	fmt.Fprintf(s, " %s |\n", meanOf(row))
}

// meanOf is the mean of the scores so far.
func meanOf(row []*cell) string {
	sum, n := 0.0, 0
	for _, c := range row {
		if c.state == DoneState && c.cindex != nil {
			sum += *c.cindex
			n++
		}
	}
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("**%.4f**", sum/float64(n))
}

// text is what a fold shows in the table.
func (c *cell) text() string {
	switch {
	case c.state == DoneState && c.cindex != nil:
		return fmt.Sprintf("%.4f", *c.cindex)
	case c.state == DoneState:
		return "done"
	case c.failure != nil:
		return c.failure.Type
	}
	return string(c.state)
}
