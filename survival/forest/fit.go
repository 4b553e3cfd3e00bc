package forest

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"everfold/survival"
	"everfold/survival/resample"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// Options are the settings of a forest. Zero values mean the defaults named.
type Options struct {
	Trees    int // 300
	MinSplit int // 10: nodes with fewer rows are leaves
	MinLeaf  int // 5
	// Try is the number of columns drawn for each split: 0 means ⌊√p⌋, AllColumns all.
	Try         int
	Depth       int       // 0: unlimited
	NoBootstrap bool      // every tree is grown on all rows, each once
	Bins        tree.Bins // tree.Quantiles
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

// Fit grows the forest. Tree b draws its rows and columns from streams of (opt.Seed, b), so
// the result is the same for any number of threads. Left truncation is a
// *survival.DataError, as are values that Outcome.Validate refuses and infinite
// covariates; no events are survival.ErrNoEvents.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	if x.Rows != y.Len() {
		panic("forest: design and outcome differ in length")
	}
	if err := tree.CheckOutcome(ctx, y, "survival forests"); err != nil {
		return nil, err
	}
	y, err := riskset.Merge(y, fit.Times)
	if err != nil {
		return nil, err
	}
	opt = opt.defaults(len(x.Columns))
	order := riskset.New(y, nil)
	matrix, err := tree.NewMatrix(ctx, x, order.Rows, opt.Bins, fit.Threads)
	if err != nil {
		return nil, err
	}
	m := &Model{columns: x.Names(), expHazard: opt.ExpHazard, report: survival.Report{
		Converged: true, Iterations: opt.Trees, Warnings: fractions(y)}}
	p := plan{matrix: matrix, outcome: ranked(order, y), opt: opt, seed: fit.Seed, model: m}
	m.times = make([]float64, len(order.Groups))
	for k, g := range order.Groups {
		m.times[k] = g.Time
		if g.Events > 0 {
			m.events = append(m.events, int32(k))
		}
	}
	riskset.CurveTimes(m.times, fit.Times)
	if err := p.grow(ctx, max(1, min(fit.Threads, opt.Trees))); err != nil {
		return nil, err
	}
	return m, nil
}

// fractions warns of case weights that are no frequencies: the log-rank variance of fewer
// than one row at risk is 0, and nothing is split.
func fractions(y survival.Outcome) []survival.Warning {
	mean := 0.0
	for i := range y.Time {
		mean += y.W(i) / float64(y.Len())
	}
	if mean > 0.5 {
		return nil
	}
	return []survival.Warning{{Category: "data",
		Message: "case weights average below 1/2: forests take them for frequencies and split too little; multiply them by a constant"}}
}

// ranked is the outcome in the order of time.
func ranked(order *riskset.Order, y survival.Outcome) tree.Ranked {
	out := tree.Ranked{Weight: order.Gather(y.Weight)}
	for k, g := range order.Groups {
		for p := g.Start; p < g.End; p++ {
			out.Rank = append(out.Rank, int32(k))
			out.Event = append(out.Event, p < g.Start+g.Events)
		}
	}
	return out
}

// plan is what the goroutines of a fit share.
type plan struct {
	matrix  *tree.Matrix
	outcome tree.Ranked
	opt     Options
	seed    uint64
	model   *Model

	next, done atomic.Int64
	mu         sync.Mutex
	err        error
}

// grow grows all trees on the given number of goroutines, this one among them.
func (p *plan) grow(ctx context.Context, threads int) error {
	p.model.trees = make([]*tree.Tree, p.opt.Trees)
	p.model.leaves = make([]*tree.Leaves, p.opt.Trees)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var others sync.WaitGroup
	for range threads - 1 {
		others.Go(func() { p.work(ctx, cancel, func() error { return nil }) })
	}
	p.work(ctx, cancel, func() error {
		return survival.Check(ctx, float64(p.done.Load()), float64(p.opt.Trees))
	})
	others.Wait()
	return p.err
}

// work grows trees until none is left; the first failure stops every goroutine.
func (p *plan) work(ctx context.Context, cancel context.CancelCauseFunc, report func() error) {
	grower, crit := tree.NewGrower(p.matrix), tree.NewLogRank(p.outcome)
	count := make([]uint32, p.matrix.Rows())
	for {
		b := int(p.next.Add(1)) - 1
		if b >= p.opt.Trees {
			return
		}
		err := report()
		if err == nil {
			err = p.tree(ctx, b, grower, crit, count)
		}
		if err != nil {
			p.mu.Lock()
			if p.err == nil {
				p.err = err
			}
			p.mu.Unlock()
			cancel(err)
			return
		}
		p.done.Add(1)
	}
}

// tree draws and grows tree b.
func (p *plan) tree(ctx context.Context, b int, grower *tree.Grower, crit *tree.LogRank, count []uint32) error {
	clear(count)
	if p.opt.NoBootstrap {
		for i := range count {
			count[i] = 1
		}
	} else {
		rng := resample.Source(p.seed, "forest rows", uint64(b))
		for range count {
			count[rng.IntN(len(count))]++
		}
	}
	leaves := &tree.Leaves{}
	crit.Draw(count, leaves)
	opt := tree.Options{MinSplit: p.opt.MinSplit, MinLeaf: p.opt.MinLeaf, Depth: p.opt.Depth}
	if p.opt.Try < len(p.model.columns) {
		opt.Try, opt.Rand = p.opt.Try, resample.Source(p.seed, "forest columns", uint64(b))
	}
	t, err := grower.Grow(ctx, crit, opt)
	if err != nil {
		return err
	}
	p.model.trees[b], p.model.leaves[b] = t, leaves
	return nil
}
