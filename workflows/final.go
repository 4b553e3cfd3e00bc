package workflows

import (
	"cmp"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// finish fits the final models and predicts from the first of them that is there. The run
// has its metrics by then: a model that cannot be fitted on all rows makes it Partial, and
// under on_model_failure: fail it ends the run. A final model or a fold that Predict finds
// damaged is fitted again, at most maxRepairs times.
func (r *trainRun) finish(ctx workflow.Context, summary *activities.SummarizeResult) (*Predictions, error) {
	r.warnings = append(r.warnings, summary.Warnings...)
	r.board.choose(r.finalsOf(summary))
	if len(r.board.finals) == 0 {
		return nil, nil
	}
	for repair := 0; ; repair++ {
		if damaged := r.toFit(); len(damaged) > 0 {
			if err := r.fitFolds(ctx, damaged); err != nil {
				return nil, err
			}
		}
		if err := r.fits.run(ctx, stageFinal, waiting(r.board.finals)); err != nil {
			return nil, err
		}
		source := r.board.source()
		if source == nil || !r.wants(config.StagePredictions) {
			return nil, nil
		}
		found, err := r.predict(ctx, source)
		switch {
		case err != nil:
			return nil, r.failPredictions(ctx, source, err)
		case found.Missing == "" && len(found.Incomplete) == 0:
			r.warn(found.Warnings)
			return &Predictions{Model: found.Model, Action: found.Action, Data: found.Data, Rows: found.Rows,
				InTraining: found.InTraining, OutOfFold: found.OutOfFold, Seconds: found.Seconds}, nil
		case repair == maxRepairs:
			r.board.fail(ctx, source, &Failure{Model: source.model, Fold: source.fold,
				Type: activities.ErrArtifactCorrupt, Message: cmp.Or(found.Missing, "its predictions: "+damageOf(found))})
			return nil, nil
		case len(found.Incomplete) > 0:
			r.warnings = append(r.warnings, damageWarning(found.Incomplete))
			r.board.again(ctx, found.Incomplete)
			continue
		}
		r.warnings = append(r.warnings, fmt.Sprintf("the final %s did not verify and is fitted again: %s", source.model, found.Missing))
		source.state, source.action = Waiting, ""
	}
}

// warn adds what was not warned of before: of the rows of final.data the preparation has told.
func (r *trainRun) warn(texts []string) {
	for _, text := range texts {
		if !slices.Contains(r.warnings, text) {
			r.warnings = append(r.warnings, text)
		}
	}
}

// damageOf says which fold kept predictions from being written; empty where none did.
func damageOf(found *activities.PredictResult) string {
	if len(found.Incomplete) == 0 {
		return ""
	}
	first := found.Incomplete[0]
	return fmt.Sprintf("%s does not verify: %s", taskName(first.Model, first.Fold), first.Reason)
}

// source is the final model to predict from, nil where none could be fitted.
func (b *board) source() *cell {
	for _, c := range b.finals {
		if c.state == DoneState {
			return c
		}
	}
	return nil
}

func (r *trainRun) predict(ctx workflow.Context, source *cell) (*activities.PredictResult, error) {
	r.board.enter(ctx, stagePredicting)
	ctx = workflow.WithActivityOptions(ctx, r.predictOptions(r.fits.work, source.model))
	input := activities.PredictInput{Run: activities.Ref(r.spec), SpecDigest: r.digest, Model: source.model}
	var out activities.PredictResult
	if err := workflow.ExecuteActivity(ctx, activities.PredictName, input).Get(ctx, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// failPredictions records predictions that came to nothing; the error is that of a run that
// was cancelled or must fail.
func (r *trainRun) failPredictions(ctx workflow.Context, source *cell, err error) error {
	if temporal.IsCanceledError(err) {
		return err
	}
	if r.spec.OnModelFailure == "fail" {
		return failRun("predictions of "+source.model, err)
	}
	f := failureOf(source, err)
	f.Message = "its predictions: " + f.Message
	r.board.fail(ctx, source, f)
	return nil
}
