package activities

import (
	"context"
	"errors"
	"math"

	"everfold/artifact"
	"everfold/survival"
	"everfold/survival/cox"
)

// proportional tests the assumption of an unpenalised Cox fit on its training rows; other
// models have nothing to test. A fit whose tests cannot be computed keeps its result, with
// a warning.
func (j *job) proportional(ctx context.Context, x *survival.Design, y survival.Outcome, m survival.Model, threads int) ([]artifact.PHTest, []survival.Warning, error) {
	fitted, isCox := m.(*cox.Model)
	if penalty, _ := j.model.Settings["alpha"].(float64); !isCox || penalty != 0 {
		return nil, nil, nil
	}
	tests, err := cox.TestProportional(ctx, x, y, fitted, cox.DiagnosticOptions{Times: timeRule(j.spec.Metrics), Threads: threads})
	switch {
	case ctx.Err() != nil:
		return nil, nil, err
	case errors.Is(err, survival.ErrNotConverged), errors.Is(err, survival.ErrNoEvents):
		return nil, []survival.Warning{{Category: "convergence", Message: "no test of proportional hazards: " + err.Error()}}, nil
	case err != nil:
		return nil, nil, err
	}
	out := make([]artifact.PHTest, len(tests))
	for i, t := range tests {
		out[i] = artifact.PHTest{Term: t.Term, Transform: cox.PHTransform, Chisq: defined(t.Chisq), DF: t.DF, P: defined(t.P)}
	}
	return out, nil, nil
}

// defined is nil for what is not a finite number.
func defined(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
