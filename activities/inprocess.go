package activities

import (
	"context"
	"errors"
	"fmt"

	"everfold/artifact"
	"everfold/config"
	"everfold/survival/metric"
	"everfold/survival/registry"
)

// InProcess computes folds of a spec as FitFold does, without a server, and stores nothing:
// for measurements over many data sets.
type InProcess struct {
	prepared *Preparation
	// Run is what run.json would say; its FitInputs tell whether a result is still current.
	Run *artifact.Run
}

// FoldScore is one fold, fitted and scored.
type FoldScore struct {
	metric.Scores
	FitSeconds     float64
	PredictSeconds float64
	Converged      bool
}

// NewInProcess reads and prepares the data of a spec, whose paths must be absolute. Errors
// are those of Prepare, and *config.Error.
func NewInProcess(ctx context.Context, open OpenFile, s *config.Spec) (*InProcess, error) {
	if err := errors.Join(s.CheckAbsolute(), s.CheckAvailable(registry.Types())); err != nil {
		return nil, err
	}
	p, err := Prepare(ctx, open, s)
	if err != nil {
		return nil, err
	}
	return &InProcess{prepared: p, Run: p.run(s, "")}, nil
}

// Score fits and scores one task on the given number of threads. It may be called at the
// same time for different tasks. Errors are the model's and the metrics'.
func (r *InProcess) Score(ctx context.Context, task artifact.Task, threads int) (FoldScore, error) {
	spec := r.Run.Spec
	model, err := spec.Model(task.Model)
	if err != nil {
		return FoldScore{}, err
	}
	for i, f := range r.prepared.Folds {
		if f.Index != task.Fold {
			continue
		}
		j := &job{spec: spec, model: model, table: r.prepared.Table, fold: r.prepared.foldData(i),
			tau: r.prepared.Tau, seed: artifact.FitSeed(spec.Folds.Seed, task.Model, task.Fold)}
		return j.score(ctx, threads)
	}
	return FoldScore{}, fmt.Errorf("%s: the spec has no such fold", task)
}

func (j *job) score(ctx context.Context, threads int) (FoldScore, error) {
	p, err := j.compute(ctx, func(string) {}, func() int { return threads })
	if err != nil {
		return FoldScore{}, err
	}
	scores, err := j.evaluate(ctx, p.risk, p.surv)
	if err != nil {
		return FoldScore{}, err
	}
	return FoldScore{Scores: scores, FitSeconds: p.fitSeconds, PredictSeconds: p.predictSeconds, Converged: p.report.Converged}, nil
}
