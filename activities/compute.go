package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
)

// job is one (model, fold) with everything its result depends on.
type job struct {
	spec  *config.Spec
	model config.Model
	table *dataset.Table
	fold  artifact.FoldData
	tau   float64
	seed  uint64

	checkpoints survival.Checkpoints // nil: none
}

// prediction is what a fitted fold leaves behind: the stored values and how they came about.
type prediction struct {
	risk           []float64
	surv           []float32 // n_test × n_times, row-major
	report         survival.Report
	inference      *inference
	explanation    *artifact.Explanation
	warnings       []survival.Warning
	fitSeconds     float64
	predictSeconds float64
}

// compute fits one model on a fold's training rows and predicts its test rows. Its result
// depends on the job alone, not on threads (how many may work, asked now and then), host or
// attempt.
func (j *job) compute(ctx context.Context, stage func(string), threads func() int) (*prediction, error) {
	stage("fit")
	start := time.Now()
	f, found, err := j.fit(ctx, threads)
	if err != nil {
		return nil, err
	}
	p := &prediction{report: f.model.Report(), fitSeconds: time.Since(start).Seconds()}
	stage("predict")
	start = time.Now()
	frame := j.table.Frame()
	unseen, seen, err := f.pipeline.Apply(ctx, frame, j.fold.Test)
	if err != nil {
		return nil, fmt.Errorf("preprocess test rows: %w", err)
	}
	p.warnings = slices.Concat(found, seen)
	if err := p.predict(ctx, f.model, unseen, j.fold.Times); err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	p.predictSeconds = time.Since(start).Seconds()
	if p.inference, err = j.infer(ctx, f); err != nil {
		return nil, err
	}
	p.warnings = append(p.warnings, p.inference.warnings...)
	stage("explain")
	var left []survival.Warning
	if p.explanation, left, err = j.explain(ctx, frame, f.model, f.pipeline); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	p.warnings = append(p.warnings, left...)
	return p, nil
}

// fit fits preprocessing and model on the training rows, with what they warn of.
func (j *job) fit(ctx context.Context, threads func() int) (fitted, []survival.Warning, error) {
	none := fitted{}
	kind, ok := registry.Lookup(j.model.Type)
	if !ok {
		return none, nil, fmt.Errorf("model type %q is not registered", j.model.Type)
	}
	frame := j.table.Frame()
	pipeline, err := preprocess.Fit(ctx, frame, j.fold.Train, preprocessOptions(j.spec.Preprocess, j.model))
	if err != nil {
		return none, nil, err
	}
	x, found, err := pipeline.Apply(ctx, frame, j.fold.Train)
	if err != nil {
		return none, nil, fmt.Errorf("preprocess training rows: %w", err)
	}
	y := j.table.Outcome.Take(j.fold.Train)
	model, err := kind.Fit(ctx, x, y, j.spec.FitSettings(j.model), survival.FitOptions{
		Seed: j.seed, Threads: threads(), Share: threads, Times: timeRule(j.spec.Metrics), Grid: j.fold.Times,
		Inner: j.inner(frame), Checkpoints: j.checkpoints,
	})
	if err != nil {
		return none, nil, fmt.Errorf("fit: %w", err)
	}
	return fitted{model, pipeline, x, y, threads}, slices.Concat(pipeline.Warnings(), model.Report().Warnings, found), nil
}

// stratifyEvent is the value of folds.stratify that balances events.
const stratifyEvent = "event"

// inner lets a model split the training rows again as the run splits all rows: by group,
// stratified, and with preprocessing fitted on the inner training rows only. What that
// preprocessing warns of is not reported: the pipeline of the whole fold has looked at
// the same rows.
func (j *job) inner(frame *survival.Frame) survival.Inner {
	train := j.fold.Train
	in := survival.Inner{Stratify: j.spec.Folds.Stratify == stratifyEvent}
	in.Group = j.trainGroups()
	in.Design = func(ctx context.Context, rows []int) (*survival.Design, error) {
		part := make([]int, len(rows))
		for k, i := range rows {
			part[k] = train[i]
		}
		pipeline, err := preprocess.Fit(ctx, frame, part, preprocessOptions(j.spec.Preprocess, j.model))
		if err != nil {
			return nil, err
		}
		x, _, err := pipeline.Apply(ctx, frame, train)
		return x, err
	}
	return in
}

// predict fills in risks and curves, the curves as float32, as they are stored: metrics are
// computed from these very values.
func (p *prediction) predict(ctx context.Context, model survival.Model, x *survival.Design, times []float64) error {
	p.risk = make([]float64, x.Rows)
	if err := model.Risk(ctx, x, p.risk); err != nil {
		return err
	}
	p.surv = make([]float32, x.Rows*len(times))
	return model.Survival(ctx, x, times, func(row int, s []float64) error {
		dst := p.surv[row*len(times) : (row+1)*len(times)]
		for j, v := range s {
			dst[j] = float32(v)
		}
		return nil
	})
}

// evaluate scores stored predictions. Censoring weights come from the training rows.
func (j *job) evaluate(ctx context.Context, risk []float64, surv []float32) (metric.Scores, error) {
	scores, err := metric.Evaluate(ctx, j.scored(risk, surv), j.metricConfig())
	if err != nil {
		return metric.Scores{}, fmt.Errorf("score: %w", err)
	}
	return scores, nil
}

// scored is the fold with the predictions that are scored.
func (j *job) scored(risk []float64, surv []float32) metric.Fold {
	y := j.table.Outcome
	return metric.Fold{Train: y.Take(j.fold.Train), Test: y.Take(j.fold.Test), Times: j.fold.Times, Risk: risk, Surv: surv}
}

// preprocessOptions are the spec's, and the stratum columns of a stratified model.
func preprocessOptions(p config.Preprocess, m config.Model) preprocess.Options {
	return preprocess.Options{
		Impute: p.Impute, Scale: p.Scale, Encode: p.Encode, RareLevel: p.RareLevel,
		RareKeep: p.RareKeep, RareMerge: p.RareMerge, DropConstant: p.DropConstant, Strata: strataOf(m),
	}
}

// strataOf are the stratum columns of a model; nil where it has none.
func strataOf(m config.Model) []string {
	var columns []string
	listed, _ := m.Settings["strata"].([]any) // a list of texts: the spec was checked
	for _, column := range listed {
		columns = append(columns, column.(string))
	}
	return columns
}

// timeRule: the mlr3proba convention acts on fits too.
func timeRule(m config.Metrics) survival.TimeRule {
	if metric.Convention(m.Convention) == metric.Mlr3proba {
		return survival.TimesMlr3proba
	}
	return survival.TimesExact
}
