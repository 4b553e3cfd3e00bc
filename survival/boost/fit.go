package boost

import (
	"context"

	"everfold/survival"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// Leaf is how the value of a leaf follows from the gradients of its rows.
type Leaf int

const (
	// Mean is the weighted mean of the residuals, Σg/(Σw + λ).
	Mean Leaf = iota
	// Newton is Σg/(Σh + λ).
	Newton
)

// Options are the settings of a fit. Zero values mean the defaults named.
type Options struct {
	Trees        int       // 100
	LearningRate float64   // 0.1: the share of a tree that is added
	Depth        int       // 3
	Subsample    float64   // 1: the share of rows, drawn without replacement, of each tree
	ColumnSample float64   // 1: the share of columns, drawn without replacement, of each tree; at least one
	MinLeaf      int       // 1: rows in a leaf
	Leaf         Leaf      // Mean
	Bins         tree.Bins // tree.Quantiles
	// Lambda is the L2 penalty of leaves, in units of the mean case weight of events: 0
	// means 1 for Newton, as XGBoost, and none for Mean; negative means none.
	Lambda float64
	// Validation is the share of rows held out to choose the number of trees: 0, none. Whole
	// groups (fit.Inner.Group), balanced by event.
	Validation float64
	// Patience is how many rounds without a better held-out likelihood end the fit; 0 means
	// that all rounds are made. The best number of trees is kept either way.
	Patience int
}

func (o Options) defaults() Options {
	if o.Trees == 0 {
		o.Trees = 100
	}
	if o.LearningRate == 0 {
		o.LearningRate = 0.1
	}
	if o.Depth == 0 {
		o.Depth = 3
	}
	if o.Subsample == 0 {
		o.Subsample = 1
	}
	if o.ColumnSample == 0 {
		o.ColumnSample = 1
	}
	if o.Lambda == 0 && o.Leaf == Newton {
		o.Lambda = 1
	}
	o.Lambda = max(0, o.Lambda)
	if !o.valid() {
		panic("boost: option out of range")
	}
	return o
}

func (o Options) valid() bool {
	share := func(v float64) bool { return v > 0 && v <= 1 }
	return o.Trees > 0 && o.Depth > 0 && o.MinLeaf >= 0 && o.LearningRate > 0 && o.Patience >= 0 &&
		share(o.Subsample) && share(o.ColumnSample) && o.Validation >= 0 && o.Validation < 1
}

// Fit runs the boosting rounds. Rows and columns of a sample come from streams of
// (fit.Seed, round), held-out rows from one of fit.Seed: trees and baseline are then those
// of the other rows. Multiplying all weights by a number changes nothing.
//
// A long fit keeps its state in fit.Checkpoints as the piece "rounds".
//
// Left truncation is a *survival.DataError, as are values that Outcome.Validate refuses and
// infinite covariates; no events are survival.ErrNoEvents.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	if x.Rows != y.Len() {
		panic("boost: design and outcome differ in length")
	}
	if err := tree.CheckOutcome(ctx, y, "gradient boosting"); err != nil {
		return nil, err
	}
	y, err := riskset.Merge(y, fit.Times)
	if err != nil {
		return nil, err
	}
	opt = opt.defaults()
	s := divide(x, y, opt.Validation, fit)
	b, err := newBooster(ctx, s, opt, fit)
	if err != nil {
		return nil, err
	}
	m := &Model{columns: x.Names()}
	if err := b.run(ctx, m); err != nil {
		return nil, err
	}
	m.center, m.baseline = b.loss.baseline()
	riskset.CurveTimes(m.baseline.Times, fit.Times)
	return m, nil
}

func newBooster(ctx context.Context, s sides, opt Options, fit survival.FitOptions) (*booster, error) {
	y := scaled(s.y)
	order := riskset.New(y, nil)
	matrix, err := tree.NewMatrix(ctx, s.x, order.Rows, opt.Bins, fit.Threads)
	if err != nil {
		return nil, err
	}
	b := &booster{opt: opt, fit: fit, matrix: matrix, loss: newLoss(order, y, fit.Threads)}
	b.loss.differentiate(opt.Leaf == Newton)
	b.mostG, b.mostH = b.loss.bounds()
	if opt.Subsample < 1 || s.held != nil {
		b.design = s.x.Take(order.Rows)
	}
	if s.held != nil {
		b.held = newHeldOut(s.held, scaled(s.heldY), fit.Threads)
	}
	return b, nil
}

// scaled has weights in units of the mean weight of the events.
func scaled(y survival.Outcome) survival.Outcome {
	if y.Weight == nil {
		return y
	}
	unit := y.EventWeight()
	weight := make([]float64, len(y.Weight))
	for i, w := range y.Weight {
		weight[i] = w / unit
	}
	y.Weight = weight
	return y
}
