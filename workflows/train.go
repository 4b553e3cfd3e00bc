// Package workflows is the deterministic orchestration of a run: which activity starts
// when, under which policy, and what is done about each failure. It computes nothing and
// touches neither files nor the network; history holds names, digests and scalars.
//
// TrainSurvivalModels prepares the data, fans out one FitFold a (model, fold), publishes
// the metrics while folds finish, summarizes, fits final models, predicts and reports. It can be
// stopped at any instant: what a replay finds completed is never started again, and what the
// store holds complete is reused even where the history is lost.
package workflows

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// maxRepairs is how often folds that Summarize finds damaged are fitted again.
const maxRepairs = 2

// Workflows holds what the workflow worker may set; its zero value is the product's default.
type Workflows struct {
	HeartbeatTimeout time.Duration // 0: DefaultHeartbeatTimeout
	OneWorkflow      int           // fits up to which a run is one workflow; 0: DefaultOneWorkflow
}

// Register registers every workflow under its published name.
func Register(r worker.WorkflowRegistry, w *Workflows) {
	r.RegisterWorkflowWithOptions(w.TrainSurvivalModels, workflow.RegisterOptions{Name: TrainSurvivalModelsName})
	r.RegisterWorkflowWithOptions(w.TrainModel, workflow.RegisterOptions{Name: TrainModelName})
	r.RegisterWorkflowWithOptions(w.RecoverRun, workflow.RegisterOptions{Name: RecoverRunName})
	r.RegisterWorkflowWithOptions(w.ScheduledTraining, workflow.RegisterOptions{Name: ScheduledTrainingName})
}

// TrainSurvivalModels runs a spec, given as the JSON object of the contract, optionally
// with the key "request". It takes raw JSON so that a typo is refused by name (InvalidSpec)
// before any activity starts, whoever started it.
//
// It returns a Result when every fold was completed, reused, skipped or failed for good;
// an error where the run as a whole failed or was cancelled.
func (w *Workflows) TrainSurvivalModels(ctx workflow.Context, input json.RawMessage) (*Result, error) {
	spec, request, err := config.DecodeInput(input)
	run, err := w.setup(ctx, spec, err)
	if err != nil {
		return nil, err
	}
	run.request = request
	return run.execute(ctx)
}

// trainRun is one execution of TrainSurvivalModels.
type trainRun struct {
	*Workflows
	spec     *config.Spec
	request  config.Request
	recovery *config.Recovery // nil: the run is trained
	digest   string
	board    *board // what is done, running, failed: the query and the Web UI read it
	fits     *fanOut
	wanted   int // the operator's limit of fits at once; 0: that of the spec
	metrics  *publisher
	alerts   alerts
	tracking *tracking
	report   string // the key of the report that was written
	warnings []string
}

// setup checks what reading the input gave and the run's lock, makes the execution known, and registers the
// query and the updates. Nothing has been started when it refuses.
func (w *Workflows) setup(ctx workflow.Context, spec *config.Spec, err error) (*trainRun, error) {
	if err == nil {
		err = spec.CheckAbsolute()
	}
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), activities.ErrInvalidSpec, nil)
	}
	if id := workflow.GetInfo(ctx).WorkflowExecution.ID; id != spec.WorkflowID() {
		message := fmt.Sprintf("workflow id %q cannot run this spec: the id is the run's lock and must be %q", id, spec.WorkflowID())
		return nil, temporal.NewNonRetryableApplicationError(message, activities.ErrInvalidSpec, nil)
	}
	run := &trainRun{Workflows: w, spec: spec, digest: spec.Digest(), board: newBoard()}
	// First of all: starters that come second compare this digest before they attach.
	memo := map[string]any{MemoSpecDigest: run.digest, MemoOutput: OutputOf(spec)}
	if err := workflow.UpsertMemo(ctx, memo); err != nil {
		return nil, fmt.Errorf("write memo: %w", err)
	}
	run.fits = w.newFanOut(workOf(spec, run.digest), run.board)
	run.fits.limit, run.fits.ended, run.fits.failFast = run.limit, run.fitEnded, spec.OnModelFailure == "fail"
	run.metrics = &publisher{run: run}
	run.tracking = &tracking{run: run}
	if err := run.registerHandlers(ctx); err != nil {
		return nil, err
	}
	return run, nil
}

// execute is a run, and what is told of its end.
func (r *trainRun) execute(ctx workflow.Context) (*Result, error) {
	result, err := r.run(ctx)
	r.alertEnd(ctx, result, err)
	r.board.tagEnd(ctx, result, err)
	return result, err
}

// run is one run, and what its tracker is told of the end.
func (r *trainRun) run(ctx workflow.Context) (*Result, error) {
	r.tracking.start(ctx)
	out, err := r.story(ctx)
	r.writeReport(ctx)
	r.tracking.finish(ctx, err)
	if err != nil {
		return nil, err
	}
	r.board.enter(ctx, stageFinished)
	// An operator's update that is still being answered must not be lost with the execution.
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return nil, err
	}
	out.Warnings, out.Tracker, out.Report = firstOf(r.warnings), r.board.tracking, r.report
	return out, nil
}

// story is what a run does.
func (r *trainRun) story(ctx workflow.Context) (*Result, error) {
	plan, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	r.board.begin(ctx, plan)
	r.metrics.start(ctx)
	r.tracking.planned()
	if err := r.fitFolds(ctx, r.toFit()); err != nil {
		return nil, r.leave(ctx, err)
	}
	r.metrics.drain(ctx)
	summary, err := r.summarize(ctx)
	if err != nil {
		return nil, err
	}
	predictions, err := r.finish(ctx, summary)
	if err != nil {
		return nil, err
	}
	return r.result(summary.Leaderboard, predictions)
}

// prepare reads the data, writes the prepared table, the folds and run.json, and says per
// fold whether it is complete already.
func (r *trainRun) prepare(ctx workflow.Context) (*activities.PrepareResult, error) {
	r.board.enter(ctx, stagePreparing)
	ctx = workflow.WithActivityOptions(ctx, r.prepareOptions(r.spec))
	input := activities.PrepareInput{Spec: r.spec, Request: r.request, Recover: r.recovery != nil}
	var plan activities.PrepareResult
	if err := workflow.ExecuteActivity(ctx, activities.PrepareDataName, input).Get(ctx, &plan); err != nil {
		return nil, failRun("prepare data", err)
	}
	r.warnings = append(r.warnings, plan.Warnings...)
	return &plan, nil
}

// summarize verifies every artifact and writes both CSVs. Folds that do not verify are
// fitted again, at most maxRepairs times; what is still damaged then is a failed fold.
func (r *trainRun) summarize(ctx workflow.Context) (*activities.SummarizeResult, error) {
	for repair := 0; ; repair++ {
		r.board.enter(ctx, stageSummarizing)
		var summary activities.SummarizeResult
		input := activities.SummarizeInput{Run: activities.Ref(r.spec), SpecDigest: r.digest, Excused: r.board.excused()}
		actx := workflow.WithActivityOptions(ctx, r.summarizeOptions(input.Run))
		if err := workflow.ExecuteActivity(actx, activities.SummarizeName, input).Get(ctx, &summary); err != nil {
			return nil, failRun("summarize", err)
		}
		if len(summary.Incomplete) == 0 {
			return &summary, nil
		}
		r.warnings = append(r.warnings, damageWarning(summary.Incomplete))
		if repair == maxRepairs {
			r.board.giveUp(ctx, summary.Incomplete)
			continue
		}
		r.board.again(ctx, summary.Incomplete)
		if err := r.fitFolds(ctx, r.toFit()); err != nil {
			return nil, r.leave(ctx, err)
		}
	}
}

// fitFolds fits folds: in this workflow or, in a run too large for one history, by one child a model.
func (r *trainRun) fitFolds(ctx workflow.Context, cells []*cell) error {
	if r.divided(ctx) {
		return newCrew(r).run(ctx, cells)
	}
	return r.fits.run(ctx, stageFitting, cells)
}

// limit is how many fits may be scheduled at once.
func (r *trainRun) limit() int {
	n := cmp.Or(r.wanted, r.spec.Resources.ParallelFits)
	if n == 0 || n > maxFanOut {
		return maxFanOut
	}
	return n
}

// fitEnded: tables and tracker are brought up to date after each fold.
func (r *trainRun) fitEnded(_ workflow.Context, c *cell) {
	if c.state == DoneState && !c.isFinal() {
		r.metrics.dirty, r.tracking.dirty = true, true
	}
}

// leave publishes what is there before a cancelled or failed execution ends: the context of
// the run is cancelled by then, so this needs one of its own.
func (r *trainRun) leave(ctx workflow.Context, cause error) error {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	r.metrics.drain(free)
	return cause
}

func damageWarning(folds []activities.Incomplete) string {
	first := folds[0]
	return fmt.Sprintf("%d fold(s) did not verify and are fitted again, the first: %s fold %d: %s",
		len(folds), first.Model, first.Fold, first.Reason)
}

// OutputOf is the folder of a run, which its memo and its result tell.
func OutputOf(s *config.Spec) string {
	return fmt.Sprintf("%s/%s/%s", s.Store.URI, s.Type, s.Run)
}
