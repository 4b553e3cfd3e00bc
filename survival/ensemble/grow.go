package ensemble

import (
	"context"
	"sync"
	"sync/atomic"

	"everfold/survival"
	"everfold/survival/resample"
	"everfold/survival/tree"
)

// Options are the settings that forests share.
type Options struct {
	Columns     []string // of the design
	Trees       int
	NoBootstrap bool // every tree is grown on all rows, each once
	// ExpHazard makes the curve exp(−H) with the averaged hazard, as ranger does, instead
	// of averaging the trees' Kaplan–Meier curves.
	ExpHazard bool
	Seed      uint64
	Threads   int // at most this many goroutines; 0 means 1
}

// Grower grows tree number b on the rows of a Sample, position i drawn count[i] times. Its
// random numbers are a function of b alone. One goroutine uses it; count is reused.
type Grower func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error)

// Grow grows a forest of a model type and its version; newGrower is called once a
// goroutine. Tree b draws its rows from a stream of (Seed, b), so the result is the same
// for any number of threads. The first failure of a Grower, or a cancelled ctx, ends it.
func Grow(ctx context.Context, kind Kind, s *Sample, opt Options, newGrower func() Grower) (*Model, error) {
	p := plan{rows: len(s.Rows), opt: opt, newGrower: newGrower,
		trees: make([]Tree, opt.Trees), leaves: make([]*tree.Leaves, opt.Trees)}
	if err := p.grow(ctx, max(1, min(opt.Threads, opt.Trees))); err != nil {
		return nil, err
	}
	return &Model{
		kind: kind, columns: opt.Columns, times: s.times, events: s.events, expHazard: opt.ExpHazard,
		trees: p.trees, leaves: p.leaves,
		report: survival.Report{Converged: true, Iterations: opt.Trees, Warnings: s.warnings},
	}, nil
}

// plan is what the goroutines of a fit share.
type plan struct {
	rows      int
	opt       Options
	newGrower func() Grower
	trees     []Tree
	leaves    []*tree.Leaves

	next, done atomic.Int64
	mu         sync.Mutex
	err        error
}

// grow grows all trees on the given number of goroutines, this one among them.
func (p *plan) grow(ctx context.Context, threads int) error {
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
	grow, count := p.newGrower(), make([]uint32, p.rows)
	for {
		b := int(p.next.Add(1)) - 1
		if b >= p.opt.Trees {
			return
		}
		err := report()
		if err == nil {
			p.draw(count, b)
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
	}
}

// draw writes how often tree b has each row.
func (p *plan) draw(count []uint32, b int) {
	clear(count)
	if p.opt.NoBootstrap {
		for i := range count {
			count[i] = 1
		}
		return
	}
	rng := resample.Source(p.opt.Seed, "forest rows", uint64(b))
	for range count {
		count[rng.IntN(len(count))]++
	}
}
