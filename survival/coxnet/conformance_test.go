package coxnet_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/coxnet"
	"everfold/survival/survtest"
)

func subject(name string, opt coxnet.Options) survtest.Subject {
	return survtest.Subject{
		Name: name,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
			return coxnet.Fit(ctx, x, y, opt, fit)
		},
		Decode:        func(data []byte) (survival.Model, error) { return coxnet.Decode(data) },
		Deterministic: true, Proportional: true, Constant: true,
		Resumes: opt.Select == coxnet.SelectCV,
		// Folds depend on the number and order of rows; the path does not.
		RowOrder: opt.Select == coxnet.SelectLast, Weights: opt.Select == coxnet.SelectLast,
	}
}

// The model conforms at the end of the path, with and without standardisation, for the
// lasso and near the ridge, and as selected by cross-validation.
func TestConformance(t *testing.T) {
	survtest.Run(t, subject("last", coxnet.Options{Select: coxnet.SelectLast}))
	survtest.Run(t, subject("standardized lasso", coxnet.Options{Select: coxnet.SelectLast, L1Ratio: 1, Standardize: true}))
	survtest.Run(t, subject("nearly ridge", coxnet.Options{Select: coxnet.SelectLast, L1Ratio: 0.01, MinRatio: 1e-4}))
	survtest.Run(t, subject("cv", coxnet.Options{}))
	survtest.Run(t, subject("cv, 1se", coxnet.Options{Rule: coxnet.RuleOneSE}))
}
