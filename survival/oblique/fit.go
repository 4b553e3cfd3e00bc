package oblique

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/ensemble"
	"everfold/survival/resample"
	"everfold/survival/tree"
)

// Options are the settings of a forest. Zero values mean the defaults named.
type Options struct {
	Trees    int // 300
	MinSplit int // 10: nodes with fewer rows are leaves; a row drawn twice is one row
	MinLeaf  int // 12
	// MinStat is the log-rank statistic that a split must exceed; 0: any does. A run spec's
	// default is 3.84.
	MinStat float64
	// Try is the number of columns combined in each split: 0 means ⌈√p⌉, AllColumns all.
	Try         int
	Depth       int  // 0: unlimited
	NoBootstrap bool // every tree is grown on all rows, each once
	// ExpHazard makes the curve exp(−H) with the averaged hazard instead of averaging the
	// trees' Kaplan–Meier curves.
	ExpHazard bool
}

// AllColumns as Options.Try combines every column in every split.
const AllColumns = math.MaxInt

func (o Options) defaults(columns int) Options {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&o.Trees, 300)
	set(&o.MinSplit, 10)
	set(&o.MinLeaf, 12)
	set(&o.Try, int(math.Ceil(math.Sqrt(float64(columns)))))
	if o.Trees < 0 || o.MinSplit < 0 || o.MinLeaf < 0 || !(o.MinStat >= 0) || o.Try < 0 || o.Depth < 0 {
		panic("oblique: negative option")
	}
	o.Try = min(o.Try, columns)
	return o
}

// Fit grows the forest. Tree b draws its rows, columns and cuts from streams of (fit.Seed,
// b), so the result is the same for any number of threads. Left truncation is a
// *survival.DataError, as are values that Outcome.Validate refuses and infinite
// covariates; no events are survival.ErrNoEvents. It panics where lengths differ or an
// option is negative.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	p, err := prepare(ctx, x, y, opt, fit)
	if err != nil {
		return nil, err
	}
	m, err := p.Grow(ctx)
	if err != nil {
		return nil, err
	}
	return &Model{m}, nil
}

// Predict fits as Fit does and answers fit.Query without holding the forest: with the bits
// that the model would give.
func Predict(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*survival.Predictions, error) {
	p, err := prepare(ctx, x, y, opt, fit)
	if err != nil {
		return nil, err
	}
	return p.Predict(ctx, fit.Query)
}

// prepare sorts and lays out the rows.
func prepare(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (ensemble.Plan, error) {
	if x.Rows != y.Len() {
		panic("oblique: design and outcome differ in length")
	}
	opt = opt.defaults(len(x.Columns))
	sample, err := ensemble.NewSample(ctx, y, fit.Times)
	if err != nil {
		return ensemble.Plan{}, err
	}
	values, err := rowMajor(x, sample.Rows)
	if err != nil {
		return ensemble.Plan{}, err
	}
	p := plan{opt: opt, values: values, columns: len(x.Columns), outcome: sample.Outcome, seed: fit.Seed}
	return ensemble.Plan{Kind: kind(), Design: x, Sample: sample, NewGrower: p.grower, Options: ensemble.Options{
		Trees: opt.Trees, NoBootstrap: opt.NoBootstrap, ExpHazard: opt.ExpHazard,
		Seed: fit.Seed, Working: fit.Working, Checkpoints: fit.Checkpoints,
	}}, nil
}

// rowMajor lays out the design row by row in the given order. Infinite values are a
// *survival.DataError.
func rowMajor(x *survival.Design, order []int) ([]float64, error) {
	p := len(x.Columns)
	values := make([]float64, len(order)*p)
	for j, c := range x.Columns {
		for i, v := range c.Values {
			if math.IsInf(v, 0) {
				return nil, &survival.DataError{Row: i, Column: c.Name, Problem: "must be finite or missing"}
			}
		}
		for i, row := range order {
			values[i*p+j] = c.Values[row]
		}
	}
	return values, nil
}

// plan is what the goroutines of a fit share.
type plan struct {
	opt     Options
	values  []float64 // covariates by position in the sample, row by row
	columns int
	outcome tree.Ranked
	seed    uint64
}

// grower grows trees in buffers of its own.
func (p *plan) grower() ensemble.Grower {
	g := grower{plan: p}
	return func(ctx context.Context, b int, count []uint32) (ensemble.Tree, *tree.Leaves, error) {
		g.rng = resample.Source(p.seed, "oblique splits", uint64(b))
		return g.grow(ctx, count)
	}
}
