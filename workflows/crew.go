package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// crew fits the folds of a run that is too large for one history: by one child a model,
// TrainModel. The run keeps everything else, the board first of all: its children report which
// folds have ended, several in one signal, and the run does about them what it does about fits
// of its own.
//
// How many fits may be in flight is shared out: a child gets so many, and never needs more
// than it has folds left, so what it will not need any more is free for the next as soon as it
// has reported. Children that run come first, in the order of the plan, longest folds first.
type crew struct {
	*fanOut
	begin   string // names this start of the run
	reports workflow.ReceiveChannel
	members []*member          // in the order in which they are started
	at      map[string]*member // by model; look-up only
	running int
	shared  int  // the limit when fits were shared out last
	news    bool // since then a member has ended or reported
}

// member is one child.
type member struct {
	model string
	cells []*cell // in the order in which it fits them
	left  int     // of them, those that are not known to have ended
	fits  int     // how many it may have in flight, as it was told last
	state FoldState
	child workflow.ChildWorkflowFuture

	telling int  // grants on their way; more than one only in executions from before crewChange
	again   bool // it was started a second time, for folds that it had not reported
}

// divideChange is the version of the workflow from which on large runs have children:
// executions from before fit everything themselves.
const divideChange = "divide"

// divided says whether this run's folds are fitted by children. The decision is recorded, with
// the first folds of the run, so every replay and every later repair makes the same.
func (r *trainRun) divided(ctx workflow.Context) bool {
	return len(r.board.cells) > r.oneWorkflow() &&
		workflow.GetVersion(ctx, divideChange, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// crewChange is the version of the workflow from which on one grant is on its way to a child, folds
// that a child has not told of are asked for again, and complete folds count that it tells of after
// a skip. Executions in which one of these came up before it go their old way in all of them. (Builds
// between 6edc11f and 47e0187, no release, did all that without a version: divided runs that they began
// may not replay, and are to be reset or recovered.)
const crewChange = "crew"

// heeds says whether this execution minds that; it is asked only where the ways part, so that
// executions where they never do need no marker.
func (c *crew) heeds(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, crewChange, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

func newCrew(r *trainRun) *crew { return &crew{fanOut: r.fits, at: map[string]*member{}} }

// run fits cells as fanOut.run does.
func (c *crew) run(ctx workflow.Context, cells []*cell) error {
	longestFirst(cells)
	c.board.enter(ctx, stageFitting)
	c.enlist(cells)
	c.begin, c.reports = workflow.GetInfo(ctx).FirstRunID, workflow.GetSignalChannel(ctx, SignalFoldsEnded)
	ctx, cancelAll := workflow.WithCancel(ctx)
	defer cancelAll()
	for c.news = true; c.open() && c.fatal == nil; {
		changed := func() bool { return c.news || c.reports.Len() > 0 || c.limit() != c.shared }
		if err := workflow.Await(ctx, changed); err != nil {
			break // cancelled: wait below for the children
		}
		c.take(ctx)
		if c.fatal == nil {
			c.share(ctx)
		}
	}
	if c.fatal != nil {
		cancelAll()
	}
	return c.settle(ctx, func() bool { return c.running == 0 })
}

// enlist makes a member of each model, in the order of the cells.
func (c *crew) enlist(cells []*cell) {
	for _, cell := range cells {
		m := c.at[cell.model]
		if m == nil {
			m = &member{model: cell.model, state: Waiting}
			c.at[cell.model] = m
			c.members = append(c.members, m)
		}
		m.cells = append(m.cells, cell)
		m.left++
	}
}

// open says whether any member has something to do yet.
func (c *crew) open() bool {
	for _, m := range c.members {
		if m.state == Waiting || m.state == Running {
			return true
		}
	}
	return false
}

// holds is how many fits of a member are in flight at most.
func (m *member) holds() int {
	if m.state != Running {
		return 0
	}
	return min(m.fits, m.left)
}

// share gives out what is free of the limit, and takes back where an operator has lowered it,
// from the members that came last.
func (c *crew) share(ctx workflow.Context) {
	c.news, c.shared = false, c.limit()
	free := c.shared
	for _, m := range c.members {
		free -= m.holds()
	}
	for i := len(c.members) - 1; i >= 0 && free < 0; i-- {
		if back := min(c.members[i].holds(), -free); back > 0 {
			c.grant(ctx, c.members[i], c.members[i].holds()-back)
			free += back
		}
	}
	for _, m := range c.members {
		more := min(free, m.left-m.holds())
		switch {
		case m.state == Waiting && c.skipped[m.model]:
			c.drop(m)
		case m.state == Waiting && m.left == 0: // a reset run hears its reports before it starts it again
			if c.heeds(ctx) {
				m.state = DoneState
			}
		case more > 0 && m.state == Waiting:
			c.start(ctx, m, more)
			free -= more
		case more > 0 && m.state == Running:
			c.grant(ctx, m, m.holds()+more)
			free -= more
		}
	}
	c.mark()
	c.board.show(ctx)
}

// mark shows as running what a member has in flight: it fits its cells in order.
func (c *crew) mark() {
	for _, m := range c.members {
		n := m.holds()
		for _, cell := range m.cells {
			switch {
			case cell.state != Waiting && cell.state != Running:
			case n > 0:
				cell.state = Running
				n--
			default:
				cell.state = Waiting
			}
		}
	}
}

// drop leaves a member out that was skipped before it began.
func (c *crew) drop(m *member) {
	m.state = Skipped
	for _, cell := range m.cells {
		cell.state = Skipped
	}
}

// start starts a member's child, and records its end whenever that comes.
func (c *crew) start(ctx workflow.Context, m *member, fits int) {
	m.state, m.fits = Running, fits
	c.running++
	ctx, c.cancel[m.model] = workflow.WithCancel(ctx)
	options := c.modelOptions(workflow.GetInfo(ctx).WorkflowExecution, m.model, len(m.cells))
	if taggable(ctx) {
		options.TypedSearchAttributes = modelAttributes(c.work.Run)
	}
	m.child = workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), TrainModelName, c.input(m))
	workflow.GoNamed(ctx, m.model, func(ctx workflow.Context) {
		err := m.child.Get(ctx, nil)
		c.running--
		c.end(ctx, m, err)
	})
}

func (c *crew) input(m *member) TrainModelInput {
	in := TrainModelInput{Work: c.work, Start: c.begin, Model: m.model, Seconds: m.cells[0].expects, Fits: m.fits, FailFast: c.failFast}
	in.ReportEvery = (len(c.board.cells) + reportsAtMost - 1) / reportsAtMost
	for _, cell := range m.cells {
		in.Folds = append(in.Folds, FoldToFit{Fold: cell.fold, Force: cell.force})
	}
	return in
}

// grant tells a member how many fits it may have in flight. Two signals on their way could change
// places, so there is one, and the newest number follows it. One that has ended meanwhile does
// not hear it, and need not.
func (c *crew) grant(ctx workflow.Context, m *member, fits int) {
	m.fits = fits
	if m.telling > 0 && c.heeds(ctx) {
		return
	}
	m.telling++
	workflow.GoNamed(ctx, m.model+" may fit", func(ctx workflow.Context) {
		defer func() { m.telling-- }()
		for {
			if err := m.child.SignalChildWorkflow(ctx, SignalSetParallelism, SetParallelism{Fits: fits}).Get(ctx, nil); err != nil {
				workflow.GetLogger(ctx).Debug("the child has ended", "model", m.model, "error", err)
				return
			}
			if fits == m.fits || m.state != Running || !c.heeds(ctx) {
				return
			}
			fits = m.fits
		}
	})
}

// take records what the children have reported.
func (c *crew) take(ctx workflow.Context) { c.board.quietly(ctx, func() { c.listen(ctx) }) }

func (c *crew) listen(ctx workflow.Context) {
	for {
		var report FoldsEnded
		if !c.reports.ReceiveAsync(&report) {
			return
		}
		if report.Start != c.begin {
			continue // of a child of an earlier start
		}
		for _, f := range report.Folds {
			c.hear(ctx, foldID{report.Model, f.Fold}, f)
		}
		c.news = true
	}
}

// hear takes over one fold of a report. One that was complete before its model was skipped, and
// is told of afterwards, is complete.
func (c *crew) hear(ctx workflow.Context, id foldID, f FoldEnd) {
	m, cell := c.at[id.model], c.board.at[id]
	if m == nil || cell == nil {
		return
	}
	if cell.isOpen() || cell.state == Skipped && f.Failure == nil && c.heeds(ctx) {
		m.left--
		c.record(ctx, cell, f)
	}
}

// isOpen says that a fold is not known to have ended.
func (c *cell) isOpen() bool { return c.state == Waiting || c.state == Running }

// record takes over how one fold ended.
func (c *crew) record(ctx workflow.Context, cell *cell, f FoldEnd) {
	if f.Failure == nil {
		c.board.done(ctx, cell, f.fit())
		c.ended(ctx, cell)
		return
	}
	c.fail(ctx, cell, f.Failure)
}

func (c *crew) fail(ctx workflow.Context, cell *cell, f *Failure) {
	c.board.fail(ctx, cell, f)
	c.ended(ctx, cell)
	if c.failFast && c.fatal == nil {
		c.fatal = temporal.NewNonRetryableApplicationError(cell.name()+": "+f.Message, f.Type, nil)
	}
}

// end records how a child ended, and what that means for folds that it did not report. A
// child that somebody has cancelled by hand is a model that is skipped; one that ended otherwise
// before its folds did has failed them.
func (c *crew) end(ctx workflow.Context, m *member, err error) {
	c.take(ctx) // what it reported came before its end
	m.state, c.news = DoneState, true
	if temporal.IsCanceledError(err) && ctx.Err() == nil {
		c.skip(ctx, m.model)
	}
	if err == nil && ctx.Err() == nil {
		err = c.ask(ctx, m)
	}
	c.board.quietly(ctx, func() {
		for _, cell := range m.cells {
			switch {
			case !cell.isOpen():
			case c.skipped[m.model]:
				c.board.set(ctx, cell, Skipped)
			case err == nil || temporal.IsCanceledError(err):
				c.board.set(ctx, cell, Waiting)
			default:
				c.fail(ctx, cell, failureOfChild(cell, err))
			}
		}
	})
}

// ask has a member start once more whose child has ended well, with folds that the run has not
// heard of: a reset may leave reports out. Complete ones cost a look. It does so once.
func (c *crew) ask(ctx workflow.Context, m *member) error {
	var open []*cell
	for _, cell := range m.cells {
		if cell.isOpen() {
			open = append(open, cell)
		}
	}
	switch {
	case len(open) == 0 || !c.heeds(ctx):
		return nil
	case m.again:
		return fmt.Errorf("the workflow that fits %s has ended twice without a word of this fold", m.model)
	}
	m.cells, m.left, m.state, m.again = open, len(open), Waiting, true
	return nil
}

// failureOfChild names why a child could not fit a fold.
func failureOfChild(c *cell, err error) *Failure {
	f := failureOf(c, err)
	var terminated *temporal.TerminatedError
	if errors.As(err, &terminated) {
		f.Type, f.Message = "Terminated", fmt.Sprintf("the workflow that fits %s was terminated", c.model)
	}
	return f
}
