package workflows

import (
	"cmp"
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// The stages of a run.
const (
	stagePreparing   = "preparing"
	stageFitting     = "fitting"
	stageSummarizing = "summarizing"
	stageFinal       = "final fits"
	stagePredicting  = "predicting"
	stageReporting   = "reporting"
	stageTracking    = "tracking"
	stageFinished    = "finished"
)

// board is the state of every fold of the run: what the workflow decides by, what the
// query answers and what the Web UI shows. Order is the plan's, never a map's.
type board struct {
	stage   string
	models  []string
	cells   []*cell          // models in order, folds in order within
	finals  []*cell          // the fits on all rows, those to be preferred for predictions first
	at      map[foldID]*cell // look-up only; never ranged over
	skipped map[string]bool  // models skipped before the plan was there

	tracking *Tracking // nil: there is no tracker

	finalsExpect float64 // seconds of all final fits and predictions

	still bool // nothing is shown: see quietly
	drawn int  // how often the table was
}

type foldID struct {
	model string
	fold  int
}

// cell is one fold of one model.
type cell struct {
	foldID
	force   string
	state   FoldState
	action  activities.Action
	cindex  *float64
	ibs     *float64
	expects float64 // seconds, before it is fitted; 0: unknown
	seconds float64
	attempt int
	failure *Failure
}

func (c *cell) name() string { return taskName(c.model, c.fold) }

func (c *cell) isFinal() bool { return c.fold == activities.FinalFold }

// taskName is such as "rsf fold 3" or "rsf final fit".
func taskName(model string, fold int) string {
	if fold == activities.FinalFold {
		return model + " final fit"
	}
	return fmt.Sprintf("%s fold %d", model, fold)
}

func newBoard() *board {
	return &board{stage: stagePreparing, at: map[foldID]*cell{}, skipped: map[string]bool{}}
}

// begin lays out the plan; complete folds are done from the start.
func (b *board) begin(ctx workflow.Context, plan *activities.PrepareResult) {
	b.finalsExpect = plan.FinalSeconds
	for _, m := range plan.Models {
		b.models = append(b.models, m.Model)
		for _, f := range m.Folds {
			c := &cell{foldID: foldID{m.Model, f.Fold}, force: f.Force, state: Waiting, expects: m.Seconds, cindex: f.CIndex, ibs: f.IBS}
			switch {
			case f.Action == activities.Reuse:
				c.state, c.action = DoneState, activities.Reuse
			case b.skipped[m.Model]:
				c.state = Skipped
			}
			b.add(c)
		}
	}
	b.show(ctx)
}

func (b *board) add(c *cell) {
	b.cells = append(b.cells, c)
	b.at[c.foldID] = c
}

// choose lays out the final fits.
func (b *board) choose(models []string) {
	b.finals = nil
	for _, model := range models {
		c := &cell{foldID: foldID{model, activities.FinalFold}, state: Waiting}
		for _, fold := range b.cells {
			if fold.model == model {
				c.expects = fold.expects
			}
		}
		if b.skipped[model] {
			c.state = Skipped
		}
		b.finals = append(b.finals, c)
	}
}

func (b *board) enter(ctx workflow.Context, stage string) {
	b.stage = stage
	b.show(ctx)
}

func (b *board) set(ctx workflow.Context, c *cell, s FoldState) {
	c.state = s
	b.show(ctx)
}

func (b *board) done(ctx workflow.Context, c *cell, fit activities.FitFoldResult) {
	c.action, c.cindex, c.ibs = fit.Action, fit.CIndex, fit.IBS
	c.seconds, c.attempt = fit.Seconds, fit.Attempt
	b.set(ctx, c, DoneState)
}

func (b *board) fail(ctx workflow.Context, c *cell, f *Failure) {
	c.failure = f
	b.set(ctx, c, Failed)
}

// skip gives up what a model has waiting; fits in flight become skipped as they end.
func (b *board) skip(ctx workflow.Context, model string) {
	b.skipped[model] = true
	for _, cells := range [][]*cell{b.cells, b.finals} {
		for _, c := range cells {
			if c.model == model && c.state == Waiting {
				c.state = Skipped
			}
		}
	}
	b.show(ctx)
}

// again makes damaged folds wait for another fit.
func (b *board) again(ctx workflow.Context, folds []activities.Incomplete) {
	for _, f := range folds {
		if c := b.at[foldID{f.Model, f.Fold}]; c != nil {
			c.state, c.action, c.force = Waiting, "", ""
		}
	}
	b.show(ctx)
}

// giveUp records folds that were damaged again after every repair.
func (b *board) giveUp(ctx workflow.Context, folds []activities.Incomplete) {
	b.quietly(ctx, func() {
		for _, f := range folds {
			if c := b.at[foldID{f.Model, f.Fold}]; c != nil {
				b.fail(ctx, c, &Failure{Model: f.Model, Fold: f.Fold, Type: activities.ErrArtifactCorrupt, Message: f.Reason})
			}
		}
	})
}

// quietly has the table drawn once for all that f changes: drawing looks at every fold, and a replay
// draws as often as the run did.
func (b *board) quietly(ctx workflow.Context, f func()) {
	b.still = true
	f()
	b.still = false
	b.show(ctx)
}

// waiting lists the cells to fit among some.
func waiting(cells []*cell) []*cell {
	var out []*cell
	for _, c := range cells {
		if c.state == Waiting {
			out = append(out, c)
		}
	}
	return out
}

// longestFirst orders cells by the seconds they are expected to take, so that a long fit
// does not begin when all others are done. Equal ones, and those of plans that say nothing,
// keep the order of the spec. The plan is in history: a replay orders alike.
func longestFirst(cells []*cell) {
	slices.SortStableFunc(cells, func(a, b *cell) int { return cmp.Compare(b.expects, a.expects) })
}

// excused lists the folds whose artifacts Summarize must not miss.
func (b *board) excused() []activities.FoldRef {
	var out []activities.FoldRef
	for _, c := range b.cells {
		if c.state != DoneState {
			out = append(out, activities.FoldRef{Model: c.model, Fold: c.fold, Failed: c.state == Failed})
		}
	}
	return out
}

// count is the number of cells in a state.
func (b *board) count(s FoldState) int {
	n := 0
	for _, c := range b.cells {
		if c.state == s {
			n++
		}
	}
	return n
}
