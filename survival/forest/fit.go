package forest

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
	MinSplit int // 10: nodes with fewer rows are leaves
	MinLeaf  int // 5
	// Try is the number of columns drawn for each split: 0 means ⌊√p⌋, AllColumns all.
	Try         int
	Depth       int  // 0: unlimited
	NoBootstrap bool // rows are drawn without replacement
	// Subsample is the share of rows drawn for a tree, with replacement unless NoBootstrap;
	// 0 means 1, with which NoBootstrap takes all rows.
	Subsample float64
	Bins      tree.Bins // tree.Quantiles
	// ExpHazard makes the curve exp(−H) with the averaged hazard, as ranger does, instead
	// of averaging the trees' Kaplan–Meier curves.
	ExpHazard bool
}

// AllColumns as Options.Try searches every column at every split.
const AllColumns = math.MaxInt

func (o Options) defaults(columns int) Options {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&o.Trees, 300)
	set(&o.MinSplit, 10)
	set(&o.MinLeaf, 5)
	set(&o.Try, max(1, int(math.Sqrt(float64(columns)))))
	if o.Trees < 0 || o.MinSplit < 0 || o.MinLeaf < 0 || o.Try < 0 || o.Depth < 0 {
		panic("forest: negative option")
	}
	return o
}

// Fit grows the forest. Tree b draws its rows and columns from streams of (fit.Seed, b), so
// the result is the same for any number of threads. Left truncation is a
// *survival.DataError, as are values that Outcome.Validate refuses and infinite
// covariates; no events are survival.ErrNoEvents.
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

// prepare sorts and codes the rows.
func prepare(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (ensemble.Plan, error) {
	if x.Rows != y.Len() {
		panic("forest: design and outcome differ in length")
	}
	sample, err := ensemble.NewSample(ctx, y, fit.Times)
	if err != nil {
		return ensemble.Plan{}, err
	}
	opt = opt.defaults(len(x.Columns))
	matrix, err := tree.NewMatrix(ctx, x, sample.Rows, opt.Bins, fit.Threads)
	if err != nil {
		return ensemble.Plan{}, err
	}
	p := plan{matrix: matrix, outcome: sample.Outcome, opt: opt, columns: len(x.Columns), seed: fit.Seed}
	return ensemble.Plan{Kind: kind(), Design: x, Sample: sample, NewGrower: p.grower, Options: ensemble.Options{
		Trees: opt.Trees, NoBootstrap: opt.NoBootstrap, Subsample: opt.Subsample, ExpHazard: opt.ExpHazard,
		Seed: fit.Seed, Working: fit.Working, Checkpoints: fit.Checkpoints,
	}}, nil
}

// plan is what the goroutines of a fit share.
type plan struct {
	matrix  *tree.Matrix
	outcome tree.Ranked
	opt     Options
	columns int // of the design
	seed    uint64
}

// grower grows trees split by the log-rank statistic, with buffers of its own.
func (p plan) grower() ensemble.Grower {
	grower, crit, leaves := tree.NewGrower(p.matrix), tree.NewLogRank(p.outcome), &tree.Leaves{}
	return func(ctx context.Context, b int, count []uint32) (ensemble.Tree, *tree.Leaves, error) {
		crit.Draw(count, leaves)
		opt := tree.Options{MinSplit: p.opt.MinSplit, MinLeaf: p.opt.MinLeaf, Depth: p.opt.Depth}
		if p.opt.Try < p.columns {
			opt.Try, opt.Rand = p.opt.Try, resample.Source(p.seed, "forest columns", uint64(b))
		}
		t, err := grower.Grow(ctx, crit, opt)
		if err != nil {
			return nil, nil, err
		}
		return t.Pack(), leaves, nil
	}
}
