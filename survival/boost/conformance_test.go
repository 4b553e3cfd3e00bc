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
	all := opt.Subsample == 0 && opt.ColumnSample == 0 && opt.Validation == 0
	return survtest.Subject{
		Name: name,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
			return boost.Fit(ctx, x, y, opt, fit)
		},
		Decode:        func(data []byte) (survival.Model, error) { return boost.Decode(data) },
		Deterministic: true, Proportional: true, Gaps: true, Resumes: true,
		RowOrder: all, Constant: opt.ColumnSample == 0,
		// Weights of Newton leaves have no unit: they are no copies.
		Weights: all && opt.Leaf == boost.Mean,
	}
}

// Boosting conforms with both kinds of leaves and of bins, with samples, and with rows held out.
func TestConformance(t *testing.T) {
	survtest.Run(t, subject("mean", boost.Options{Trees: 30, Bins: tree.Exact}))
	survtest.Run(t, subject("newton", boost.Options{Trees: 30, Leaf: boost.Newton}))
	survtest.Run(t, subject("free", boost.Options{Trees: 20, Depth: 1, Leaf: boost.Newton, Lambda: -1}))
	survtest.Run(t, subject("samples", boost.Options{Trees: 20, Subsample: 0.5, ColumnSample: 0.5}))
	survtest.Run(t, subject("held out", boost.Options{Trees: 30, Validation: 0.25, Patience: 5}))
}
