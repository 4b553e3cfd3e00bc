package ensemble

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"everfold/survival"
	"everfold/survival/resample"
	"everfold/survival/tree"
)

// Options are the settings that forests share.
type Options struct {
	Trees       int
	NoBootstrap bool // rows are drawn without replacement
	// Subsample is the share of rows drawn for a tree, with replacement unless NoBootstrap;
	// 0 means 1, with which NoBootstrap takes all rows.
	Subsample float64
	// ExpHazard makes the curve exp(−H) with the averaged hazard, as ranger does, instead
	// of averaging the trees' Kaplan–Meier curves.
	ExpHazard bool
	Seed      uint64
	// Working says how many goroutines may grow trees, and is asked before each tree; nil: one.
	Working func() int
	// Checkpoints keeps grown trees as the pieces "trees/0", "trees/1", …; nil: none are.
	Checkpoints survival.Checkpoints
}

// resampled says whether trees leave rows out.
func (o *Options) resampled() bool { return !o.NoBootstrap || o.Subsample > 0 && o.Subsample < 1 }

// draws is how many of n rows are drawn for a tree.
func (o *Options) draws(n int) int {
	if o.Subsample == 0 {
		return n
	}
	return max(1, int(math.Round(o.Subsample*float64(n))))
}

// Grower grows tree number b on the rows of a Sample, position i drawn count[i] times. Its
// random numbers are a function of b alone. One goroutine uses it; count is reused.
type Grower func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error)

// Grow grows a forest of a model type and its version on a design in the order of its own
// rows; newGrower is called once a goroutine. Tree b draws its rows from a stream of (Seed,
// b), so the result is the same for any number of threads. The first failure of a Grower,
// or a cancelled ctx, ends it. It panics where Subsample is outside 0…1.
func Grow(ctx context.Context, kind Kind, x *survival.Design, s *Sample, opt Options, newGrower func() Grower) (*Model, error) {
	if !(opt.Subsample >= 0 && opt.Subsample <= 1) {
		panic("ensemble: Subsample is outside 0…1")
	}
	p := plan{kind: kind, columns: len(x.Columns), times: len(s.times), rows: len(s.Rows), opt: opt, newGrower: newGrower,
		trees: make([]Tree, opt.Trees), leaves: make([]*tree.Leaves, opt.Trees)}
	p.bags = newBags(p.rows, p.columns, opt.Trees)
	p.resume(ctx)
	if err := p.grow(ctx); err != nil {
		return nil, err
	}
	m := &Model{
		kind: kind, columns: x.Names(), times: s.times, events: s.events, expHazard: opt.ExpHazard,
		trees: p.trees, leaves: p.leaves,
		report: survival.Report{Converged: true, Iterations: opt.Trees},
	}
	var err error
	m.report.OutOfBag, err = p.outOfBag(ctx, m, x, s)
	return m, err
}

// plan is what the goroutines of a fit share.
type plan struct {
	kind      Kind
	columns   int
	times     int // distinct ones
	rows      int
	opt       Options
	newGrower func() Grower
	trees     []Tree
	leaves    []*tree.Leaves
	bags      *bags

	next, done atomic.Int64
	working    atomic.Int64 // goroutines that grow trees
	mu         sync.Mutex
	err        error
	pieces     int   // kept
	fresh      []int // trees not kept yet
}

// grow grows all trees. This goroutine grows to the end; before each tree it lets as many
// others begin as may work now, and one too many ends before its next tree.
func (p *plan) grow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var others sync.WaitGroup
	p.working.Store(1)
	p.work(ctx, cancel, func() (bool, error) {
		left := int64(p.opt.Trees) - p.next.Load() // one of them is this goroutine's
		for n := int64(1); n < left && p.working.Load() < p.most(); n++ {
			p.working.Add(1)
			others.Go(func() { p.work(ctx, cancel, p.stay) })
		}
		return true, survival.Check(ctx, float64(p.done.Load()), float64(p.opt.Trees))
	})
	others.Wait()
	p.keep(ctx)
	return p.err
}

// most is how many goroutines may grow trees now.
func (p *plan) most() int64 {
	if p.opt.Working == nil {
		return 1
	}
	return int64(p.opt.Working())
}

// stay says whether one of the other goroutines begins another tree.
func (p *plan) stay() (bool, error) {
	for n := p.working.Load(); n > p.most(); n = p.working.Load() {
		if p.working.CompareAndSwap(n, n-1) {
			return false, nil
		}
	}
	return true, nil
}

// work grows trees until stay ends it or none is left; the first failure stops every
// goroutine.
func (p *plan) work(ctx context.Context, cancel context.CancelCauseFunc, stay func() (bool, error)) {
	grow, count := p.newGrower(), make([]uint32, p.rows)
	for {
		goesOn, err := stay()
		if !goesOn {
			return
		}
		b := int(p.next.Add(1)) - 1
		if b >= p.opt.Trees {
			return
		}
		if p.trees[b] != nil { // kept by an earlier attempt
			continue
		}
		if err == nil {
			p.draw(count, b)
			p.bags.note(b, count)
			p.trees[b], p.leaves[b], err = grow(ctx, b, count)
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
		p.mu.Lock()
		p.fresh = append(p.fresh, b)
		p.mu.Unlock()
		p.keep(ctx)
	}
}

// draw writes how often tree b has each row: draws with replacement, or a random subset.
func (p *plan) draw(count []uint32, b int) {
	clear(count)
	rng, draws := resample.Source(p.opt.Seed, "forest rows", uint64(b)), p.opt.draws(len(count))
	if !p.opt.NoBootstrap {
		for range draws {
			count[rng.IntN(len(count))]++
		}
		return
	}
	for i := range resample.Subset(rng, len(count), draws) {
		count[i] = 1
	}
}
