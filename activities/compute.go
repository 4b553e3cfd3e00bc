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
	f, err := j.encode(ctx, threads)
	if err != nil {
		return nil, err
	}
	p := &prediction{}
	if f.kind.Predict != nil && j.spec.Explain.IsZero() {
		err = j.fitPredict(ctx, f, p)
	} else {
		err = j.fitThenPredict(ctx, f, p, stage)
	}
	if err != nil {
		return nil, err
	}
	p.fitSeconds = time.Since(start).Seconds() - p.predictSeconds
	p.report, p.warnings = f.report, slices.Concat(f.warnings(), p.warnings)
	if p.inference, err = j.infer(ctx, f); err != nil {
		return nil, err
	}
	p.warnings = append(p.warnings, p.inference.warnings...)
	stage("explain")
	var left []survival.Warning
	if p.explanation, left, err = j.explain(ctx, j.table.Frame(), f.model, f.pipeline); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	p.warnings = append(p.warnings, left...)
	return p, nil
}

// fitPredict has the model predict the test rows while it is fitted, and does not hold it.
func (j *job) fitPredict(ctx context.Context, f *fitted, p *prediction) error {
	test, err := j.testRows(ctx, f, p)
	if err != nil {
		return err
	}
	opt := j.options(f)
	opt.Query = survival.Query{Design: test, Times: j.fold.Times}
	found, err := f.kind.Predict(ctx, f.x, f.y, j.spec.FitSettings(j.model), opt)
	if err != nil {
		return fmt.Errorf("fit: %w", err)
	}
	f.report = found.Report
	p.risk, p.surv = found.Risk, make([]float32, len(found.Survival))
	for i, s := range found.Survival {
		p.surv[i] = float32(s)
	}
	return nil
}

// fitThenPredict is for models that are small, or needed for more than the test rows.
func (j *job) fitThenPredict(ctx context.Context, f *fitted, p *prediction, stage func(string)) error {
	if err := j.fitModel(ctx, f); err != nil {
		return err
	}
	stage("predict")
	start := time.Now()
	test, err := j.testRows(ctx, f, p)
	if err != nil {
		return err
	}
	if err := p.predict(ctx, f.model, test, j.fold.Times); err != nil {
		return fmt.Errorf("predict: %w", j.located(err, j.fold.Test))
	}
	p.predictSeconds = time.Since(start).Seconds()
	return nil
}

// testRows encodes them, and adds what that warns of.
func (j *job) testRows(ctx context.Context, f *fitted, p *prediction) (*survival.Design, error) {
	x, seen, err := f.pipeline.Apply(ctx, j.table.Frame(), j.fold.Test)
	if err != nil {
		return nil, fmt.Errorf("preprocess test rows: %w", err)
	}
	p.warnings = append(p.warnings, seen...)
	return x, nil
}

// encode fits preprocessing on the training rows and applies it to them.
func (j *job) encode(ctx context.Context, threads func() int) (*fitted, error) {
	kind, ok := registry.Lookup(j.model.Type)
	if !ok {
		return nil, fmt.Errorf("model type %q is not registered", j.model.Type)
	}
	frame := j.table.Frame()
	pipeline, err := preprocess.Fit(ctx, frame, j.fold.Train, preprocessOptions(j.spec.Preprocess, j.model))
	if err != nil {
		return nil, err
	}
	x, found, err := pipeline.Apply(ctx, frame, j.fold.Train)
	if err != nil {
		return nil, fmt.Errorf("preprocess training rows: %w", err)
	}
	return &fitted{kind: kind, pipeline: pipeline, x: x, y: j.table.Outcome.Take(j.fold.Train), threads: threads, found: found}, nil
}

// options are those of the fit.
func (j *job) options(f *fitted) survival.FitOptions {
	return survival.FitOptions{
		Seed: j.seed, Threads: f.threads(), Share: f.threads, Times: timeRule(j.spec.Metrics), Grid: j.fold.Times,
		Inner: j.inner(j.table.Frame()), Checkpoints: j.checkpoints,
	}
}

// fit fits preprocessing and model on the training rows, and holds the model.
func (j *job) fit(ctx context.Context, threads func() int) (*fitted, error) {
	f, err := j.encode(ctx, threads)
	if err != nil {
		return nil, err
	}
	return f, j.fitModel(ctx, f)
}

func (j *job) fitModel(ctx context.Context, f *fitted) error {
	model, err := f.kind.Fit(ctx, f.x, f.y, j.spec.FitSettings(j.model), j.options(f))
	if err != nil {
		return fmt.Errorf("fit: %w", j.located(err, j.fold.Train))
	}
	f.model, f.report = model, model.Report()
	return nil
}

// located is err with a row of the data file in place of its position among rows, which nobody
// could look up.
func (j *job) located(err error, rows []int) error {
	return survival.AtRow(err, func(row int) int {
		if row >= len(rows) {
			return row
		}
		return int(j.table.SourceRow[rows[row]])
	})
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
func (j *job) evaluate(ctx context.Context, risk []float64, surv []float32) (metric.Scores, *artifact.Details, error) {
	fold, err := metric.Prepare(j.scored(risk, surv), j.metricConfig())
	if err != nil {
		return metric.Scores{}, nil, fmt.Errorf("score: %w", err)
	}
	scores, err := fold.Evaluate(ctx)
	if err != nil {
		return metric.Scores{}, nil, fmt.Errorf("score: %w", err)
	}
	more, err := j.details(ctx, fold, scores)
	return scores, more, err
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
