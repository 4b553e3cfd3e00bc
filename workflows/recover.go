package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// RecoverRun brings a run to its end from what its store holds, with Temporal's history of it
// gone: folds that verify are kept, the others are fitted, then come summary, final models and
// predictions as in TrainSurvivalModels, under the same id, the run's lock. Its input is the
// spec of run.json as JSON, optionally with the key "recover" (config.Recovery).
func (w *Workflows) RecoverRun(ctx workflow.Context, input json.RawMessage) (*Result, error) {
	spec, recovery, err := config.DecodeRecovery(input)
	run, err := w.setup(ctx, spec, err)
	if err != nil {
		return nil, err
	}
	run.recovery = &recovery
	return run.execute(ctx)
}

// wants says whether a stage belongs to this execution.
func (r *trainRun) wants(s config.Stage) bool { return r.recovery == nil || r.recovery.Has(s) }

// toFit are the folds that wait to be fitted; none where fitting them is not wanted.
func (r *trainRun) toFit() []*cell {
	if !r.wants(config.StageFolds) {
		return nil
	}
	return waiting(r.board.cells)
}

// finalsOf are the models to fit on all rows.
func (r *trainRun) finalsOf(summary *activities.SummarizeResult) []string {
	switch {
	case !r.wants(config.StageFinal) && !r.wants(config.StagePredictions):
		return nil
	case r.recovery != nil && r.recovery.Model != "":
		return []string{r.recovery.Model}
	}
	return summary.Finals
}
