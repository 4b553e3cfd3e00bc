package nonparam_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/survtest"
)

// Kaplan–Meier is a conforming model; its constant risk is in proportion to its one curve.
func TestConformance(t *testing.T) {
	survtest.Run(t, survtest.Subject{
		Name: nonparam.Type,
		Fit: func(ctx context.Context, _ *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error) {
			return nonparam.Fit(ctx, y, opt)
		},
		Decode:        func(data []byte) (survival.Model, error) { return nonparam.Decode(data) },
		Deterministic: true, Proportional: true, RowOrder: true, Constant: true, Weights: true, Entry: true,
		NoColumns: true,
	})
}
