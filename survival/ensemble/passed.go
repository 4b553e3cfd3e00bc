package ensemble

import (
	"context"

	"everfold/survival"
	"everfold/survival/tree"
)

// grownTree is a tree with its leaves.
type grownTree struct {
	tree   Tree
	leaves *tree.PackedLeaves
}

// passed is what a tree says of the rows that are looked at: all that the sums need of it.
type passed struct {
	grown grownTree
	table table
	out   []int32 // rows of the bag that the tree left out
	inBag []int32 // leaves of these, by row of the bag
	leaf  []int32 // leaves of the asked rows
	order []int32 // buffer
}

// pass sends rows down a tree, whose draw is count, and hands over what it says of them.
func (g *growth) pass(ctx context.Context, b int, t grownTree, count []uint32) error {
	v := g.buffers()
	v.grown = t
	v.table.risks(t.leaves, &g.law)
	if g.bag != nil {
		v.out = g.bag.leftOut(v.out[:0], count)
		v.order = append(v.order[:0], v.out...)
		v.inBag = resize(v.inBag, g.bag.rows)
		t.tree.Route(g.bag.values, v.order, v.inBag)
	}
	if q := g.asked; q != nil {
		v.table.drops(t.leaves, &q.law)
		v.leaf, v.order = resize(v.leaf, len(q.risk)), resize(v.order, len(q.risk))
		if err := route(ctx, t.tree, q.values, v.order, v.leaf); err != nil {
			return err
		}
	}
	g.hand(b, v)
	return nil
}

func resize(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}

func (g *growth) buffers() *passed {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.spare); n > 0 {
		v := g.spare[n-1]
		g.spare = g.spare[:n-1]
		return v
	}
	return &passed{}
}

// hand takes over tree b and adds what can be added: trees in their order, whoever grew them,
// so that the sums have the same bits on any number of threads.
func (g *growth) hand(b int, v *passed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting[b], g.grown[b] = v, true
	g.done++
	for {
		v, ok := g.waiting[g.added]
		if !ok {
			break
		}
		delete(g.waiting, g.added)
		g.added++
		g.add(v)
	}
	g.moved.Broadcast()
}

func (g *growth) add(v *passed) {
	if g.bag != nil {
		g.bag.add(v)
	}
	if g.asked != nil {
		g.asked.add(v)
	}
	if m := g.kept; m != nil {
		m.trees, m.leaves = append(m.trees, v.grown.tree), append(m.leaves, v.grown.leaves)
	}
	v.grown = grownTree{}
	g.spare = append(g.spare, v)
}

// asked is the rows of a query and the sums over the trees so far.
type asked struct {
	values [][]float64
	law    law
	risk   []float64 // by row
	drops  []float64 // by row and time
}

func newAsked(s *Sample, x *survival.Design, times []float64, expHazard bool) *asked {
	return &asked{values: valuesOf(x, 0, x.Rows), law: newLaw(s.times, s.events, expHazard, times),
		risk: make([]float64, x.Rows), drops: make([]float64, x.Rows*len(times))}
}

func (q *asked) add(v *passed) {
	v.table.addRisks(q.risk, v.leaf)
	v.table.addDrops(q.drops, q.law.wanted, v.leaf)
}

// finish turns the sums of so many trees into predictions.
func (q *asked) finish(trees int, report survival.Report) *survival.Predictions {
	mean(q.risk, trees)
	for i := range q.risk {
		q.law.curve(q.drops[i*q.law.wanted:(i+1)*q.law.wanted], trees)
	}
	return &survival.Predictions{Risk: q.risk, Survival: q.drops, Report: report}
}
