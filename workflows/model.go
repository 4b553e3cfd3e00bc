package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// TrainModelInput is what a run asks of a child: folds of one model.
type TrainModelInput struct {
	Work
	Start       string      `json:"start"` // of the run: its first execution, which a reset keeps
	Model       string      `json:"model"`
	Folds       []FoldToFit `json:"folds"`                      // in the order in which they begin
	Seconds     float64     `json:"expected_seconds,omitempty"` // of one fold on one core, by the plan
	Fits        int         `json:"fits"`                       // in flight at most, until a signal tells otherwise
	ReportEvery int         `json:"report_every"`               // so many folds are one report
	FailFast    bool        `json:"fail_fast,omitempty"`        // a failure is reported at once
}

// FoldToFit is one fold of a TrainModelInput.
type FoldToFit struct {
	Fold  int    `json:"fold"`
	Force string `json:"force,omitempty"` // as in the plan
}

// FoldsEnded is what the signal "folds-ended" tells the run.
type FoldsEnded struct {
	Start string    `json:"start"` // of the run that the child belongs to
	Model string    `json:"model"`
	Folds []FoldEnd `json:"folds"`
}

// FoldEnd is how one fold ended. Undefined scores are absent.
type FoldEnd struct {
	Fold    int               `json:"fold"`
	Action  activities.Action `json:"action,omitempty"` // what was really done
	CIndex  *float64          `json:"cindex,omitempty"`
	IBS     *float64          `json:"ibs,omitempty"`
	Seconds float64           `json:"seconds,omitempty"`
	Attempt int               `json:"attempt,omitempty"`
	Failure *Failure          `json:"failure,omitempty"` // nil: it is complete
}

func (c *cell) end() FoldEnd {
	return FoldEnd{Fold: c.fold, Action: c.action, CIndex: c.cindex, IBS: c.ibs, Seconds: c.seconds, Attempt: c.attempt, Failure: c.failure}
}

func (f FoldEnd) fit() activities.FitFoldResult {
	return activities.FitFoldResult{Action: f.Action, CIndex: f.CIndex, IBS: f.IBS, Seconds: f.Seconds, Attempt: f.Attempt}
}

// TrainModelResult counts a child's folds. The run knows each of them by reports.
type TrainModelResult struct {
	Model  string `json:"model"`
	Done   int    `json:"done"`
	Failed int    `json:"failed"`
}

// modelID is the id of a run's child.
func modelID(run, model string) string { return run + "/" + model }

// TrainModel fits folds of one model for a run that is too large for one history. It is
// started by such a run alone, which shares out how many fits may be in flight and hears of
// each fold that ends. It ends when its folds have, and as cancelled when it was cancelled, with
// its fits ended and reported.
func (w *Workflows) TrainModel(ctx workflow.Context, in TrainModelInput) (*TrainModelResult, error) {
	info := workflow.GetInfo(ctx)
	parent := info.ParentWorkflowExecution
	if parent == nil || info.WorkflowExecution.ID != modelID(parent.ID, in.Model) {
		message := fmt.Sprintf("%s is started by a run, as its child <run>/<model>; start %s", TrainModelName, TrainSurvivalModelsName)
		return nil, temporal.NewNonRetryableApplicationError(message, activities.ErrInvalidSpec, nil)
	}
	m := &modelRun{fanOut: w.newFanOut(in.Work, newBoard()), in: in, parent: *parent, fits: in.Fits}
	m.limit, m.ended = func() int { return m.fits }, m.note
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryProgress, m.progress,
		workflow.QueryHandlerOptions{Description: "counts and scores per fold of this model"}); err != nil {
		return nil, fmt.Errorf("register query %s: %w", QueryProgress, err)
	}
	for _, f := range in.Folds {
		m.board.add(&cell{foldID: foldID{in.Model, f.Fold}, force: f.Force, state: Waiting, expects: in.Seconds})
	}
	err := m.train(ctx)
	return &TrainModelResult{Model: in.Model, Done: m.board.count(DoneState), Failed: m.board.count(Failed)}, err
}

// modelRun is one execution of TrainModel.
type modelRun struct {
	*fanOut
	in     TrainModelInput
	parent workflow.Execution
	fits   int       // that may be in flight
	untold []FoldEnd // folds that ended and are not reported yet
	told   int       // folds that are reported
	closed bool
	idle   bool
	lost   error // the run does not take reports any more
}

// train fits the folds beside two loops, one that hears how many may be in flight and one that
// reports. A run that is gone needs none of it: the fits end.
func (m *modelRun) train(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.GoNamed(ctx, "fits in flight", func(ctx workflow.Context) {
		for signals := workflow.GetSignalChannel(ctx, SignalSetParallelism); ; {
			var s SetParallelism
			signals.Receive(ctx, &s)
			m.fits = s.Fits
		}
	})
	free, release := workflow.NewDisconnectedContext(ctx) // a cancelled child still tells what ended
	defer release()
	workflow.GoNamed(free, "report", func(ctx workflow.Context) {
		if m.lost = m.report(ctx); m.lost != nil {
			cancel()
		}
		m.idle = true
	})
	err := m.run(ctx, stageFitting, m.board.cells)
	m.closed = true
	if err := workflow.Await(free, func() bool { return m.idle }); err != nil {
		return err
	}
	if m.lost != nil {
		return m.lost
	}
	return err
}

// note keeps the end of a fold for the next report.
func (m *modelRun) note(_ workflow.Context, c *cell) { m.untold = append(m.untold, c.end()) }

// report tells the run which folds have ended: one signal at a time, and one for all that
// ended during the last.
func (m *modelRun) report(ctx workflow.Context) error {
	for {
		if err := workflow.Await(ctx, func() bool { return m.due() || m.closed }); err != nil {
			return err
		}
		if len(m.untold) == 0 {
			return nil
		}
		report := FoldsEnded{Start: m.in.Start, Model: m.in.Model, Folds: m.untold}
		m.told, m.untold = m.told+len(m.untold), nil
		// By its id alone: a reset has made another execution of it. A later start ignores it.
		if err := workflow.SignalExternalWorkflow(ctx, m.parent.ID, "", SignalFoldsEnded, report).Get(ctx, nil); err != nil {
			return temporal.NewNonRetryableApplicationError("the run does not take reports any more: "+err.Error(), activities.ErrSuperseded, err)
		}
	}
}

// due says whether a report is worth its events: there are enough folds, one failed that ends the
// run, or half of the fits that the run believes in flight are not needed any more.
func (m *modelRun) due() bool {
	n := len(m.untold)
	if n == 0 {
		return false
	}
	left := len(m.in.Folds) - m.told
	failed := func(f FoldEnd) bool { return f.Failure != nil }
	return n >= m.in.ReportEvery || left-n <= min(m.fits, left)/2 || m.in.FailFast && slices.ContainsFunc(m.untold, failed)
}

// progress answers the query.
func (m *modelRun) progress() (Progress, error) {
	p := m.board.progress()
	p.Parallel = m.fits
	return p, nil
}
