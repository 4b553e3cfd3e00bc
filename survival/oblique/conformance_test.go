package oblique_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/oblique"
	"everfold/survival/survtest"
)

func subject(name string, opt oblique.Options) survtest.Subject {
	return survtest.Subject{
		Name: name,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
			return oblique.Fit(ctx, x, y, opt, fit)
		},
		Predict: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (*survival.Predictions, error) {
			return oblique.Predict(ctx, x, y, opt, fit)
		},
		Decode:        func(data []byte) (survival.Model, error) { return oblique.Decode(data) },
		Deterministic: true, Gaps: true, Resumes: true,
	}
}

// The forest conforms, at its defaults and with trees cut short and curves from the hazard.
func TestConformance(t *testing.T) {
	survtest.Run(t, subject("default", oblique.Options{Trees: 12}))
	survtest.Run(t, subject("hazard", oblique.Options{Trees: 5, ExpHazard: true, Depth: 3}))
}
