package activities

import (
	"context"
	"errors"
	"fmt"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/survival/metric"
	"everfold/survival/registry"
)

// InProcess computes folds and final fits of a spec as FitFold and FitFinal do, without a server,
// and stores nothing: for measurements.
type InProcess struct {
	// Cores, where set, is the budget that fits share, as those of a worker do.
	Cores *Cores

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
	j, err := r.job(task)
	if err != nil {
		return FoldScore{}, err
	}
	share, leave := r.enter(threads)
	defer leave()
	return j.score(ctx, share)
}

// Memory is what FitFold and FitFinal estimate that the task needs on so many threads.
func (r *InProcess) Memory(task artifact.Task, threads int) (int64, error) {
	j, err := r.job(task)
	if err != nil {
		return 0, err
	}
	return j.memory(threads), nil
}

// PredictionMemory is what Predict estimates that the predictions in a run's folder need by that
// final model, which must be there, on so many threads. Errors are the store's.
func PredictionMemory(ctx context.Context, s store.Store, model string, threads int) (int64, error) {
	w := &predictWork{Activities: &Activities{}, store: s, at: &attempt{}}
	var err error
	if w.run, _, err = artifact.ReadRun(ctx, s); err != nil {
		return 0, err
	}
	if w.model, err = artifact.ReadFinal(ctx, s, model); err != nil {
		return 0, err
	}
	if err := w.plan(ctx); err != nil {
		return 0, err
	}
	rows, err := w.rows(ctx)
	if err != nil {
		return 0, err
	}
	return w.memory(rows.frame.Rows, threads), nil
}

// TableMemory is what PrepareData estimates that the table needs.
func (r *InProcess) TableMemory() int64 { return preparation(r.prepared.Table) }

// job is the task as its activity has it.
func (r *InProcess) job(task artifact.Task) (*job, error) {
	spec := r.Run.Spec
	model, err := spec.Model(task.Model)
	if err != nil {
		return nil, err
	}
	j := &job{spec: spec, model: model, table: r.prepared.Table, tau: r.prepared.Tau}
	if task.Fold == artifact.FinalFold {
		j.fold, j.seed = wholeTable(r.Run, r.prepared.Table), artifact.FinalSeed(spec.Folds.Seed, task.Model)
		return j, nil
	}
	for i, f := range r.prepared.Folds {
		if f.Index == task.Fold {
			j.fold, j.seed = r.prepared.foldData(i), artifact.FitSeed(spec.Folds.Seed, task.Model, task.Fold)
			return j, nil
		}
	}
	return nil, fmt.Errorf("%s: the spec has no such fold", task)
}

// Final fits a model on all rows, with its inference. Errors are the model's.
func (r *InProcess) Final(ctx context.Context, model string, threads int) error {
	j, err := r.job(artifact.Task{Model: model, Fold: artifact.FinalFold})
	if err != nil {
		return err
	}
	share, leave := r.enter(threads)
	defer leave()
	f, err := j.fit(ctx, share)
	if err != nil {
		return err
	}
	_, err = j.infer(ctx, f)
	return err
}

// enter begins a fit: it tells how many threads that may use, and how it ends.
func (r *InProcess) enter(threads int) (share func() int, leave func()) {
	if r.Cores == nil {
		return func() int { return threads }, func() {}
	}
	seat := r.Cores.enter()
	return seat.share, seat.leave
}

func (j *job) score(ctx context.Context, threads func() int) (FoldScore, error) {
	p, err := j.compute(ctx, func(string) {}, threads)
	if err != nil {
		return FoldScore{}, err
	}
	scores, _, err := j.evaluate(ctx, p.risk, p.surv) // the details are not asked for, but a part of the fold
	if err != nil {
		return FoldScore{}, err
	}
	return FoldScore{Scores: scores, FitSeconds: p.fitSeconds, PredictSeconds: p.predictSeconds, Converged: p.report.Converged}, nil
}
