package forest_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/forest"
	"everfold/survival/survtest"
	"everfold/survival/tree"
)

func subject(name string, opt forest.Options) survtest.Subject {
	return survtest.Subject{
		Name: name,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
			return forest.Fit(ctx, x, y, opt, fit)
		},
		Predict: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (*survival.Predictions, error) {
			return forest.Predict(ctx, x, y, opt, fit)
		},
		Decode:        func(data []byte) (survival.Model, error) { return forest.Decode(data) },
		Deterministic: true, Gaps: true, Resumes: true,
	}
}

// The forest conforms, with quantile and exact bins, and with curves from the hazard.
func TestConformance(t *testing.T) {
	survtest.Run(t, subject("quantiles", forest.Options{Trees: 12}))
	survtest.Run(t, subject("exact", forest.Options{Trees: 5, Bins: tree.Exact}))
	survtest.Run(t, subject("hazard", forest.Options{Trees: 5, ExpHazard: true, Depth: 3}))
}

// Without resampling a forest does not depend on the order of rows or on constant columns,
// and a case weight of 2 is a copy.
func TestConformanceDeterministic(t *testing.T) {
	s := subject("all rows, all columns", forest.Options{Trees: 2, NoBootstrap: true, Try: forest.AllColumns, MinLeaf: 1, MinSplit: 2})
	s.RowOrder, s.Constant, s.Weights = true, true, true
	survtest.Run(t, s)
}
