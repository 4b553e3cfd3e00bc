package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"everfold/artifact"
	"everfold/config"
	"everfold/survival"
	"everfold/survival/explain"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/resample"
)

// maxDependence bounds the numbers of partial dependence that a manifest holds.
const maxDependence = 20_000

// explainer explains one fold's model on (a sample of) its test rows. Rows and permutations
// are those of the fold, whatever the model, so that models can be compared.
type explainer struct {
	*job
	model    survival.Model
	pipeline *preprocess.Pipeline
	x        *survival.Frame
	y        survival.Outcome
	all      []int // rows of x
	scorer   *metric.Scorer
}

// explain computes what the spec asks for; nil where that is nothing, and for km, which reads
// no column.
func (j *job) explain(ctx context.Context, frame *survival.Frame, model survival.Model, pipeline *preprocess.Pipeline) (*artifact.Explanation, []survival.Warning, error) {
	want := j.spec.Explain
	if want.IsZero() || j.model.Type == config.KM {
		return nil, nil, nil
	}
	rows := j.explainedRows()
	e := &explainer{job: j, model: model, pipeline: pipeline, x: frame.Take(rows), y: j.table.Outcome.Take(rows), all: make([]int, len(rows))}
	for i := range e.all {
		e.all[i] = i
	}
	out := &artifact.Explanation{Rows: len(rows), Repeats: want.Importance}
	columns := e.columns()
	var err error
	if want.Importance > 0 {
		if out.Importance, err = e.importance(ctx, columns); err != nil {
			return nil, nil, err
		}
		columns = byImportance(out.Importance)
	}
	if want.Dependence == 0 {
		return out, nil, nil
	}
	var left int
	if out.Dependence, left, err = e.dependence(ctx, frame, columns); err != nil || left == 0 {
		return out, nil, err
	}
	return out, []survival.Warning{{Category: "resource", Message: fmt.Sprintf(
		"partial dependence of %d columns is left out: a fold holds at most %d numbers", left, maxDependence)}}, nil
}

// explainedRows is a sample of the fold's test rows, ascending.
func (j *job) explainedRows() []int {
	rows := slices.Clone(j.fold.Test)
	if most := j.spec.Explain.Rows; len(rows) > most {
		rng := resample.Source(j.spec.Folds.Seed, "explain/rows", uint64(j.fold.Index))
		rng.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		rows = rows[:most]
		slices.Sort(rows)
	}
	return rows
}

// columns are those that the pipeline reads but strata: with these changed, a row could be
// of a stratum that training lacked.
func (e *explainer) columns() []string {
	strata := strataOf(e.job.model)
	return slices.DeleteFunc(e.pipeline.Sources(), func(c string) bool { return slices.Contains(strata, c) })
}

func (e *explainer) importance(ctx context.Context, columns []string) ([]artifact.Importance, error) {
	cfg := e.metricConfig()
	cfg.CIndex = metric.CIndexHarrell
	var err error
	e.scorer, err = metric.NewScorer(metric.Fold{Train: e.table.Outcome.Take(e.fold.Train), Test: e.y,
		Times: e.fold.Times, Risk: make([]float64, len(e.all))}, cfg)
	if err != nil {
		return nil, err
	}
	found, err := explain.Permute(ctx, e.x, e.loss, explain.Permutation{Columns: columns, Repeats: e.spec.Explain.Importance,
		Draw: func(column string, repeat int, rows []int) {
			rng := resample.Source(e.spec.Folds.Seed, "permute/"+column, uint64(e.fold.Index), uint64(repeat))
			rng.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		}})
	if err != nil {
		return nil, err
	}
	out := make([]artifact.Importance, len(found))
	for k, i := range found {
		out[k] = artifact.Importance{Column: i.Column, CIndexDrop: defined(i.Rise[0]), IBSRise: defined(i.Rise[1])}
	}
	return out, nil
}

// byImportance are the columns, the largest drop first, undefined ones last.
func byImportance(found []artifact.Importance) []string {
	found = slices.Clone(found)
	drop := func(i artifact.Importance) float64 {
		if i.CIndexDrop == nil {
			return math.Inf(-1)
		}
		return *i.CIndexDrop
	}
	slices.SortStableFunc(found, func(a, b artifact.Importance) int { return cmp.Compare(drop(b), drop(a)) })
	columns := make([]string, len(found))
	for k, i := range found {
		columns[k] = i.Column
	}
	return columns
}

// loss is 1 − C and the IBS of the model on other values of the rows.
func (e *explainer) loss(ctx context.Context, x *survival.Frame) ([]float64, error) {
	design, _, err := e.pipeline.Apply(ctx, x, e.all)
	if err != nil {
		return nil, err
	}
	var p prediction
	if err := p.predict(ctx, e.model, design, e.fold.Times); err != nil {
		return nil, err
	}
	s, err := e.scorer.Predicting(p.risk, p.surv)
	if err != nil {
		return nil, err
	}
	c, err := orUndefined(s.CIndex(e.all))
	if err != nil {
		return nil, err
	}
	ibs, err := orUndefined(s.IBS(e.all))
	return []float64{1 - c, ibs}, err
}

// orUndefined is NaN where the data leave a score undefined.
func orUndefined(v float64, err error) (float64, error) {
	var undefined *metric.Undefined
	if errors.As(err, &undefined) {
		return math.NaN(), nil
	}
	return v, err
}

// dependence is that of the columns in their order, at values chosen from all rows of the
// table, so that folds can be averaged; left counts the columns beyond maxDependence.
func (e *explainer) dependence(ctx context.Context, frame *survival.Frame, columns []string) (out []artifact.Dependence, left int, err error) {
	horizons, held := metric.Horizons(e.fold.Times), 0
	for k, column := range columns {
		f, err := frame.Column(column)
		if err != nil {
			return nil, 0, err
		}
		values := explain.Grid(*f, e.spec.Explain.Dependence)
		if held += len(values) * len(horizons); held > maxDependence {
			return out, len(columns) - k, nil
		}
		d := artifact.Dependence{Column: column, Horizons: horizons}
		for _, v := range values {
			d.Values = append(d.Values, v.String())
		}
		mean := func(ctx context.Context, x *survival.Frame) ([]float64, error) {
			return e.meanSurvival(ctx, x, horizons)
		}
		if d.Survival, err = explain.Dependence(ctx, e.x, column, values, mean); err != nil {
			return nil, 0, err
		}
		out = append(out, d)
	}
	return out, 0, nil
}

// meanSurvival weighs rows by their case weights.
func (e *explainer) meanSurvival(ctx context.Context, x *survival.Frame, horizons []float64) ([]float64, error) {
	design, _, err := e.pipeline.Apply(ctx, x, e.all)
	if err != nil {
		return nil, err
	}
	sum, total := make([]float64, len(horizons)), 0.0
	err = e.model.Survival(ctx, design, horizons, func(row int, s []float64) error {
		w := e.y.W(row)
		total += w
		for h, v := range s {
			sum[h] += float64(w * v)
		}
		return nil
	})
	for h := range sum {
		sum[h] /= total
	}
	return sum, err
}
