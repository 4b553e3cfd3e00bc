package boost

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/resample"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// Leaf is how the value of a leaf follows from the gradients of its rows.
type Leaf int

const (
	// Mean is the weighted mean of the residuals.
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
	MinLeaf      int       // 1: rows in a leaf
	Leaf         Leaf      // Mean
	Bins         tree.Bins // tree.Quantiles
	// Lambda is the L2 penalty of Newton leaves: 0 means 1, as XGBoost; negative means none.
	Lambda float64
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
	if o.Lambda == 0 {
		o.Lambda = 1
	}
	if o.Leaf == Mean || o.Lambda < 0 {
		o.Lambda = 0
	}
	if o.Trees < 0 || o.Depth < 0 || o.MinLeaf < 0 || !(o.LearningRate > 0) || !(o.Subsample > 0 && o.Subsample <= 1) {
		panic("boost: option out of range")
	}
	return o
}

// Fit runs the boosting rounds. Rows of a subsample come from a stream of (fit.Seed, round).
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
	order := riskset.New(y, nil)
	matrix, err := tree.NewMatrix(ctx, x, order.Rows, opt.Bins, fit.Threads)
	if err != nil {
		return nil, err
	}
	b := booster{matrix: matrix, loss: newLoss(order, y), opt: opt, seed: fit.Seed}
	if opt.Subsample < 1 {
		if b.design, err = x.Take(order.Rows).Align(x.Names()); err != nil {
			return nil, err
		}
	}
	m := &Model{columns: x.Names()}
	if err := b.run(ctx, m); err != nil {
		return nil, err
	}
	m.center, m.baseline = b.loss.baseline()
	riskset.CurveTimes(m.baseline.Times, fit.Times)
	return m, nil
}

// booster is the state of a fit.
type booster struct {
	matrix *tree.Matrix
	design *survival.Design // rows in the order of time; nil where every row is in every tree
	loss   *loss
	opt    Options
	seed   uint64
	rows   []int32
}

func (b *booster) run(ctx context.Context, m *Model) error {
	grower, crit := tree.NewGrower(b.matrix), tree.NewGradient(b.opt.Lambda)
	weight := b.loss.h
	if b.opt.Leaf == Mean {
		weight = b.loss.weight
	}
	start := b.loss.gradient()
	for round := range b.opt.Trees {
		if err := survival.Check(ctx, float64(round), float64(b.opt.Trees)); err != nil {
			return err
		}
		b.draw(round)
		crit.Set(b.rows, b.loss.g, weight)
		t, err := grower.Grow(ctx, crit, tree.Options{Depth: b.opt.Depth, MinSplit: 2, MinLeaf: b.opt.MinLeaf})
		if err != nil {
			return err
		}
		values := make([]float64, t.Leaves)
		for l, v := range crit.Values() {
			values[l] = b.opt.LearningRate * v
		}
		b.loss.add(b.leaves(t, crit), values)
		m.trees, m.values = append(m.trees, t), append(m.values, values)
		b.loss.gradient()
	}
	m.report = survival.Report{Converged: true, Iterations: b.opt.Trees, LogLik: []float64{start, b.loss.gradient()}}
	return nil
}

// draw chooses the rows of a round, ascending: each in turn with the probability that
// completes the sample (selection sampling; Knuth, TAOCP 3.4.2, algorithm S).
func (b *booster) draw(round int) {
	n := b.matrix.Rows()
	if b.opt.Subsample == 1 {
		if b.rows == nil {
			for i := range n {
				b.rows = append(b.rows, int32(i))
			}
		}
		return
	}
	rng := resample.Source(b.seed, "boost rows", uint64(round))
	want := max(1, int(math.Round(b.opt.Subsample*float64(n))))
	b.rows = b.rows[:0]
	for i := 0; len(b.rows) < want; i++ {
		if rng.IntN(n-i) < want-len(b.rows) {
			b.rows = append(b.rows, int32(i))
		}
	}
}

// leaves is the leaf of every row, those outside of the sample included.
func (b *booster) leaves(t *tree.Tree, crit *tree.Gradient) []int32 {
	leaf := crit.LeafOf()
	if b.design == nil {
		return leaf
	}
	row := make([]float64, len(b.design.Columns))
	for i := range leaf {
		tree.RowMajor(row, b.design, i, i+1)
		leaf[i] = int32(t.Leaf(row))
	}
	return leaf
}
