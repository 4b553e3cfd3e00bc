package ensemble

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"everfold/survival"
	"everfold/survival/modelfile"
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
// random numbers are a function of b alone. One goroutine uses it; count is reused, and so are
// the leaves.
type Grower func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error)

// Plan is a forest to be grown.
type Plan struct {
	Kind      Kind
	Design    *survival.Design // in the order of its own rows
	Sample    *Sample
	Options   Options
	NewGrower func() Grower // called once a goroutine
}

// Grow grows the forest and keeps it. Tree b draws its rows from a stream of (Seed, b), so the
// result is the same for any number of threads. The first failure of a Grower, or a cancelled
// ctx, ends it. It panics where Subsample is outside 0…1.
func (p Plan) Grow(ctx context.Context) (*Model, error) {
	m := &Model{
		kind: p.Kind, columns: p.Design.Names(), times: p.Sample.times, events: p.Sample.events, expHazard: p.Options.ExpHazard,
		trees: make([]Tree, 0, p.Options.Trees), leaves: make([]*tree.PackedLeaves, 0, p.Options.Trees),
	}
	g := p.begin()
	g.kept = m
	var err error
	m.report, err = g.run(ctx)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Predict grows the forest as Grow does and predicts the rows of a query, each tree straight
// after it has grown: no more than a few trees are held at a time. Predictions and report have
// the bits of the model's own.
func (p Plan) Predict(ctx context.Context, q survival.Query) (*survival.Predictions, error) {
	x, err := q.Design.Align(p.Design.Names())
	if err != nil {
		return nil, err
	}
	g := p.begin()
	g.asked = newAsked(p.Sample, x, q.Times, p.Options.ExpHazard)
	report, err := g.run(ctx)
	if err != nil {
		return nil, err
	}
	return g.asked.finish(p.Options.Trees, report), nil
}

// growth is what the goroutines of a fit share. A tree passes three stages: it grows and sends
// rows to its leaves in any order, beside others; what its leaves say is added to the sums in
// the order of trees; then it is kept or dropped.
type growth struct {
	Plan
	law   law
	bag   *bag   // of the out-of-bag error; nil where no tree leaves rows out
	asked *asked // nil: no rows are
	kept  *Model // nil: trees are dropped

	working atomic.Int64 // goroutines that grow trees

	mu      sync.Mutex
	moved   *sync.Cond // added has risen, or err is set
	err     error
	next    int             // every tree before has been begun
	grown   []bool          // by tree
	done    int             // of them
	added   int             // every tree before has been added to the sums
	waiting map[int]*passed // grown, and not added yet
	spare   []*passed       // their buffers

	state  sync.Mutex // of what follows
	piece  *modelfile.Writer
	pieces int // saved
	usual  int // bytes of the next piece, about
}

func (p Plan) begin() *growth {
	if !(p.Options.Subsample >= 0 && p.Options.Subsample <= 1) {
		panic("ensemble: Subsample is outside 0…1")
	}
	g := &growth{Plan: p, grown: make([]bool, p.Options.Trees), waiting: map[int]*passed{},
		law: newLaw(p.Sample.times, p.Sample.events, p.Options.ExpHazard, nil)}
	g.moved = sync.NewCond(&g.mu)
	if p.Options.resampled() {
		g.bag = newBag(p.Design, p.Sample)
	}
	return g
}

// run takes up what an earlier attempt has kept and grows the other trees.
func (g *growth) run(ctx context.Context) (survival.Report, error) {
	report := survival.Report{Converged: true, Iterations: g.Options.Trees}
	if err := g.resume(ctx); err != nil {
		return report, err
	}
	if err := g.grow(ctx); err != nil {
		return report, err
	}
	if g.bag != nil {
		report.OutOfBag = g.bag.outOfBag(g.Sample)
	}
	return report, nil
}

// grow grows all trees. This goroutine grows to the end; before each tree it lets as many
// others begin as may work now, and one too many ends before its next tree.
func (g *growth) grow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var others sync.WaitGroup
	g.working.Store(1)
	g.work(ctx, cancel, func() (bool, error) {
		done, left := g.progress()
		for n := 1; n < left && g.working.Load() < g.most(); n++ { // one of them is this goroutine's
			g.working.Add(1)
			others.Go(func() { g.work(ctx, cancel, g.stay) })
		}
		return true, survival.Check(ctx, float64(done), float64(g.Options.Trees))
	})
	others.Wait()
	g.keep(ctx)
	return g.err
}

// progress is how many trees are grown, and at most how many nobody has begun.
func (g *growth) progress() (done, left int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.done, g.Options.Trees - g.next
}

// most is how many goroutines may grow trees now.
func (g *growth) most() int64 {
	if g.Options.Working == nil {
		return 1
	}
	return int64(g.Options.Working())
}

// stay says whether one of the other goroutines begins another tree.
func (g *growth) stay() (bool, error) {
	for n := g.working.Load(); n > g.most(); n = g.working.Load() {
		if g.working.CompareAndSwap(n, n-1) {
			return false, nil
		}
	}
	return true, nil
}

// work grows trees until stay ends it or none is left; the first failure stops every
// goroutine.
func (g *growth) work(ctx context.Context, cancel context.CancelCauseFunc, stay func() (bool, error)) {
	grow, count := g.NewGrower(), make([]uint32, len(g.Sample.Rows))
	for {
		goesOn, err := stay()
		if !goesOn {
			return
		}
		b, ok := g.take()
		if !ok {
			return
		}
		if err == nil {
			err = g.tree(ctx, b, grow, count)
		}
		if err != nil {
			g.fail(err)
			cancel(err)
			return
		}
		g.keep(ctx)
	}
}

// ahead is how many trees may be begun before the first that is not added yet is: trees that
// have outrun it are held.
const ahead = 32

// take is the next tree to be grown. It waits where too many have outrun a slow one.
func (g *growth) take() (b int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.err == nil && g.next < g.Options.Trees {
		switch {
		case g.grown[g.next]: // kept by an earlier attempt
			g.next++
		case g.next-g.added >= max(ahead, 2*int(g.working.Load())):
			g.moved.Wait()
		default:
			g.next++
			return g.next - 1, true
		}
	}
	return 0, false
}

// fail keeps the first failure and wakes those that wait.
func (g *growth) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
	g.moved.Broadcast()
}

// tree grows tree b.
func (g *growth) tree(ctx context.Context, b int, grow Grower, count []uint32) error {
	g.draw(count, b)
	t, leaves, err := grow(ctx, b, count)
	if err != nil {
		return err
	}
	packed := leaves.Pack()
	g.note(b, t, packed)
	return g.pass(ctx, b, grownTree{t, packed}, count)
}

// draw writes how often tree b has each row: draws with replacement, or a random subset.
func (p *Plan) draw(count []uint32, b int) {
	clear(count)
	rng, draws := resample.Source(p.Options.Seed, "forest rows", uint64(b)), p.Options.draws(len(count))
	if !p.Options.NoBootstrap {
		for range draws {
			count[rng.IntN(len(count))]++
		}
		return
	}
	for i := range resample.Subset(rng, len(count), draws) {
		count[i] = 1
	}
}
