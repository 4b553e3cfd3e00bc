package boost_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/boost"
	"everfold/survival/survtest"
	"everfold/survival/tree"
)

func subject(name string, opt boost.Options) survtest.Subject {
	return survtest.Subject{
		Name: name,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
			return boost.Fit(ctx, x, y, opt, fit)
		},
		Decode:        func(data []byte) (survival.Model, error) { return boost.Decode(data) },
		Deterministic: true, Proportional: true, Gaps: true,
		RowOrder: opt.Subsample == 0, Constant: true, Weights: opt.Subsample == 0,
	}
}

// Boosting conforms with both kinds of leaves and of bins, and with subsamples.
func TestConformance(t *testing.T) {
	survtest.Run(t, subject("mean", boost.Options{Trees: 30, Bins: tree.Exact}))
	survtest.Run(t, subject("newton", boost.Options{Trees: 30, Leaf: boost.Newton}))
	survtest.Run(t, subject("subsample", boost.Options{Trees: 20, Subsample: 0.5}))
}
