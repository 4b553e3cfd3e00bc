package aft_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/aft"
	"everfold/survival/survtest"
)

// The Weibull model conforms. Its risk is on the scale of log time, so it is not the
// logarithm of the hazard ratio.
func TestConformance(t *testing.T) {
	survtest.Run(t, survtest.Subject{
		Name: aft.Type,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error) {
			return aft.Fit(ctx, x, y, opt)
		},
		Decode:        func(data []byte) (survival.Model, error) { return aft.Decode(data) },
		Deterministic: true, RowOrder: true, Constant: true, Weights: true, Entry: true,
	})
}
