package aft_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/aft"
	"everfold/survival/survtest"
)

// Every distribution conforms. The risk is on the scale of log time, so it is not the
// logarithm of the hazard ratio.
func TestConformance(t *testing.T) {
	for _, d := range []aft.Distribution{aft.Weibull, aft.LogNormal, aft.LogLogistic, aft.Exponential} {
		survtest.Run(t, survtest.Subject{
			Name: d.Type(),
			Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error) {
				return aft.Fit(ctx, x, y, aft.Options{Distribution: d}, opt)
			},
			Decode:        func(data []byte) (survival.Model, error) { return d.Decode(data) },
			Deterministic: true, RowOrder: true, Constant: true, Weights: true, Entry: true,
		})
	}
}
