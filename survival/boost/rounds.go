package boost

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/resample"
	"everfold/survival/tree"
)

// booster is the state of a fit.
type booster struct {
	opt          Options
	fit          survival.FitOptions
	matrix       *tree.Matrix
	design       *survival.Design // rows in the order of time; nil where trees know the leaf of every row
	loss         *loss
	mostG, mostH float64  // bounds of the sums of |g| and h
	held         *heldOut // nil: none

	trees  []*tree.Tree
	values [][]float64
	start  float64 // the log partial likelihood without trees
	kept   int     // trees of the state kept last

	rows    []int32 // of the round
	columns []bool  // of the round; nil: all
}

// run makes the rounds, from the last kept state on.
func (b *booster) run(ctx context.Context, m *Model) error {
	grower, crit := tree.NewGrower(b.matrix), tree.NewGradient(b.opt.Lambda)
	b.start = b.loss.value()
	b.resume(ctx)
	for round := len(b.trees); round < b.opt.Trees && !b.held.done(round, b.opt.Patience); round++ {
		b.keep(ctx)
		if err := survival.Check(ctx, float64(round), float64(b.opt.Trees)); err != nil {
			return err
		}
		if err := b.round(ctx, grower, crit); err != nil {
			b.keep(ctx) // the last word of a fit that is stopped within a round, as nearly all are
			return err
		}
	}
	return b.finish(ctx, m)
}

// round adds one tree.
func (b *booster) round(ctx context.Context, grower *tree.Grower, crit *tree.Gradient) error {
	round, threads := uint64(len(b.trees)), b.fit.Working()
	b.loss.threads = threads
	b.held.share(threads)
	b.draw(round)
	b.loss.prepare()
	crit.SetLater(b.rows, b.loss.g, b.loss.h, b.mostG, b.mostH, b.loss.fill)
	t, err := grower.Grow(ctx, crit, tree.Options{
		Depth: b.opt.Depth, MinSplit: 2, MinLeaf: b.opt.MinLeaf, Columns: b.columns, Threads: threads,
	})
	if err != nil {
		return err
	}
	values := make([]float64, t.Leaves)
	for l, v := range crit.Values() {
		values[l] = b.opt.LearningRate * v
	}
	b.loss.add(b.leaves(t, crit, values))
	b.trees, b.values = append(b.trees, t), append(b.values, values)
	b.held.add(t, values, len(b.trees))
	return nil
}

// finish keeps the best number of trees.
func (b *booster) finish(ctx context.Context, m *Model) error {
	best := b.held.trees(len(b.trees))
	m.trees, m.values = b.trees[:best], b.values[:best]
	if best < len(b.trees) { // sums in the order of rounds: the bits of F at that round
		if err := m.Risk(ctx, b.design, b.loss.f); err != nil {
			return err
		}
	}
	b.loss.exponentiate()
	m.report = survival.Report{Converged: true, Iterations: best, LogLik: []float64{b.start, b.loss.value()}}
	if b.opt.Validation > 0 && (b.held == nil || !b.held.judges) {
		m.report.Warnings = append(m.report.Warnings, survival.Warning{Category: "data",
			Message: "too few events to hold some out, so that the number of trees could not be chosen: all are kept"})
	}
	return nil
}

// draw chooses the rows and columns of a round.
func (b *booster) draw(round uint64) {
	if n := b.matrix.Rows(); b.rows == nil || b.opt.Subsample < 1 {
		b.rows = b.rows[:0]
		for i := range resample.Subset(resample.Source(b.fit.Seed, "boost rows", round), n, part(b.opt.Subsample, n)) {
			b.rows = append(b.rows, int32(i))
		}
	}
	if b.opt.ColumnSample == 1 {
		return
	}
	p := b.matrix.Columns()
	b.columns = make([]bool, p)
	for j := range resample.Subset(resample.Source(b.fit.Seed, "boost columns", round), p, part(b.opt.ColumnSample, p)) {
		b.columns[j] = true
	}
}

// part is a share of n, at least one of them.
func part(share float64, n int) int { return min(n, max(1, int(math.Round(share*float64(n))))) }

// leaves marks every row, those outside of the sample included, and gives the value of each
// mark.
func (b *booster) leaves(t *tree.Tree, crit *tree.Gradient, values []float64) ([]int32, []float64) {
	mark, leaf := crit.Marks()
	if b.opt.Subsample < 1 {
		t.Assign(b.design, mark, b.loss.threads)
		return mark, values
	}
	marked := make([]float64, len(leaf))
	for m, l := range leaf {
		marked[m] = values[l]
	}
	return mark, marked
}
