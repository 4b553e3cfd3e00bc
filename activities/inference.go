package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"everfold/artifact"
	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
)

// maxCoefficients bounds what a manifest holds of one fit.
const maxCoefficients = 5_000

// fitted is a model with the training rows it was fitted on.
type fitted struct {
	kind     registry.Kind
	model    survival.Model // nil: not yet, or it is not held
	report   survival.Report
	pipeline *preprocess.Pipeline
	x        *survival.Design
	y        survival.Outcome
	threads  func() int
	found    []survival.Warning // by the pipeline, in the training rows
}

// warnings are those of preprocessing and of the fit.
func (f *fitted) warnings() []survival.Warning {
	return slices.Concat(f.pipeline.Warnings(), f.report.Warnings, f.found)
}

// inference is what a report says of the coefficients of a linear model.
type inference struct {
	coefficients []artifact.Coefficient
	tests        []artifact.ModelTest
	ph           []artifact.PHTest
	warnings     []survival.Warning
}

// infer takes the coefficients of a model that is linear in its design, and tests those of a
// Cox model on its training rows; other models have nothing. A fit whose tests cannot be
// computed keeps its result, with a warning.
func (j *job) infer(ctx context.Context, f *fitted) (*inference, error) {
	out := &inference{}
	coefficients := f.report.Coefficients
	if len(coefficients) == 0 || !f.has(coefficients[0].Column) { // a stack's are of its bases
		return out, nil
	}
	robust, err := j.testCox(ctx, f, out)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case errors.Is(err, survival.ErrNotConverged), errors.Is(err, survival.ErrNoEvents):
		out.warnings = []survival.Warning{{Category: "convergence", Message: "no test of proportional hazards: " + err.Error()}}
	case err != nil:
		return nil, fmt.Errorf("test coefficients: %w", err)
	}
	if len(coefficients) > maxCoefficients {
		out.warnings = append(out.warnings, survival.Warning{Category: "resource",
			Message: fmt.Sprintf("%d coefficients are not listed: at most %d are", len(coefficients), maxCoefficients)})
		return out, nil
	}
	out.coefficients, err = f.coefficients(coefficients, robust)
	return out, err
}

// testCox fills in the tests of a Cox model and returns the robust standard errors, nil
// where the rows have neither groups nor weights. Grouped rows are not independent, and
// weights are not counts in general: the model-based errors then rest on an assumption.
func (j *job) testCox(ctx context.Context, f *fitted, out *inference) ([]float64, error) {
	m, isCox := f.model.(*cox.Model)
	groups, robust := j.trainGroups(), j.table.Group != nil || f.y.Weight != nil
	penalty, _ := j.model.Settings["alpha"].(float64)
	if !isCox || penalty != 0 && !robust {
		return nil, nil
	}
	d, err := cox.Diagnose(ctx, f.x, f.y, m, cox.DiagnosticOptions{Times: timeRule(j.spec.Metrics), Threads: f.threads()})
	if err != nil {
		return nil, err
	}
	if penalty == 0 {
		if err := out.test(ctx, d); err != nil {
			return nil, err
		}
	}
	if !robust {
		return nil, nil
	}
	if penalty == 0 {
		score, err := d.RobustScoreTest(ctx, groups)
		if err != nil {
			return nil, err
		}
		out.addTest("robust_wald", d.RobustWald(groups))
		out.addTest("robust_score", score)
	}
	covariance, p := d.Robust(groups), len(m.Columns())
	se := make([]float64, p)
	for k := range se {
		se[k] = math.Sqrt(covariance[k*p+k])
	}
	return se, nil
}

// trainGroups is the group of every training row, nil without groups.
func (j *job) trainGroups() []int {
	if j.table.Group == nil {
		return nil
	}
	groups := make([]int, len(j.fold.Train))
	for k, row := range j.fold.Train {
		groups[k] = j.table.Group[row]
	}
	return groups
}

// test adds the tests of β = 0 and of proportional hazards.
func (out *inference) test(ctx context.Context, d *cox.Diagnostics) error {
	out.addTest("likelihood_ratio", d.LikelihoodRatio())
	out.addTest("wald", d.Wald())
	out.addTest("score", d.ScoreTest())
	tests, err := d.TestProportional(ctx)
	if err != nil {
		return err
	}
	for _, t := range tests {
		out.ph = append(out.ph, artifact.PHTest{Term: t.Term, Transform: cox.PHTransform, Chisq: defined(t.Chisq), DF: t.DF, P: defined(t.P)})
	}
	return nil
}

// addTest leaves out a test without a hypothesis.
func (out *inference) addTest(name string, t cox.Test) {
	if chisq := defined(t.Statistic); t.DF > 0 && chisq != nil {
		out.tests = append(out.tests, artifact.ModelTest{Test: name, Chisq: *chisq, DF: t.DF, P: defined(t.P)})
	}
}

func (f *fitted) has(column string) bool {
	return slices.ContainsFunc(f.x.Columns, func(c survival.Column) bool { return c.Name == column })
}

// coefficients are those per original unit beside those of the model's own columns.
func (f *fitted) coefficients(scaled []survival.Coefficient, robust []float64) ([]artifact.Coefficient, error) {
	original, _, err := f.pipeline.Unscale(scaled)
	if err != nil {
		return nil, fmt.Errorf("coefficients per original unit: %w", err)
	}
	terms := map[string]string{}
	for _, c := range f.x.Columns {
		terms[c.Name] = c.Term
	}
	out := make([]artifact.Coefficient, len(scaled))
	for k, c := range scaled {
		out[k] = artifact.Coefficient{Term: terms[c.Column], Column: c.Column,
			Estimate: original[k].Value, SE: defined(original[k].SE), Scaled: c.Value, ScaledSE: defined(c.SE)}
		if robust != nil { // scales as the coefficient does
			out[k].RobustSE = defined(robust[k] * (original[k].SE / c.SE))
		}
	}
	return out, nil
}

// defined is nil for what is not a finite number.
func defined(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
