package tree

import (
	"context"
	"slices"
	"sync/atomic"

	"everfold/survival"
)

// Stretch is how many rows of the Matrix, from a multiple of it on, are worked on at a time:
// few enough for a processor's own cache, enough to share among threads.
const Stretch = 1 << 12

// front grows the top of a tree of many rows, level by level. Codes stay where they are; the
// numbers of the rows of a stretch are ordered by node, within the stretch, so that a level
// is one pass in which no stretch needs another: rows go to their sides and the smaller sides
// are summed up. Sides of few rows are left to the Grower.
type front struct {
	g       *Grower
	c       *Gradient
	joint   *joint
	whole   bool     // all rows of the Matrix: index has none before the first split
	index   []uint16 // rows, less b·Stretch, those of stretch b from b·Stretch on
	natural [Stretch]uint16
	counted bool
	few     int    // up to how many rows a node is left to the Grower
	most    int    // nodes of a level that are worked on at a time
	work    []task // of a pass
	workers []worker
	free    []*packedSums
}

// worker is the buffers of a thread.
type worker struct {
	sums  []*packedSums
	spare [Stretch]uint16
}

// branch is a node, its rows index[lo[b]:hi[b]] of every stretch b.
type branch struct {
	root   bool
	lo, hi []int32
	size   int
	sums   *packedSums
	few    bool // left to the Grower
	best   chosen

	threshold   float64
	gaps        bool // there are missing values: best says where they go
	left, right *branch
	mark        int32 // of a leaf
	value       float64
}

// run grows the tree of rows that c has been set.
func (f *front) run(g *Grower, c *Gradient) error {
	f.prepare(g, c)
	root := f.root()
	if err := f.grow([]*branch{root}, 0); err != nil {
		return err
	}
	return f.write(root, 0)
}

func (f *front) prepare(g *Grower, c *Gradient) {
	if f.g != g {
		f.joint = newJoint(g.m, g.opt.Threads)
		for i := range f.natural {
			f.natural[i] = uint16(i)
		}
	}
	f.g, f.c, f.counted = g, c, g.opt.MinLeaf > 1
	f.index, f.whole = resize(f.index, g.m.rows), len(c.rows) == g.m.rows
	f.few = max(mostSlots, 4*f.stretches())
	f.most = max(1, 64/(1+len(f.joint.words)))
	if len(f.workers) < max(1, g.opt.Threads) {
		f.workers = make([]worker, max(1, g.opt.Threads))
	}
}

func (f *front) stretches() int { return (f.g.m.rows + Stretch - 1) / Stretch }

// pass works on every stretch, on as many threads as the rows are worth, which add to sums.
func (f *front) pass(rows int, sums []*packedSums, do func(b int, spare []uint16, sums []*packedSums)) {
	threads := max(1, min(f.g.opt.Threads, chunks(rows)))
	var next atomic.Int64
	survival.Each(threads, threads, func(k int) {
		w, own := &f.workers[k], sums
		if k > 0 {
			for len(w.sums) < len(sums) {
				w.sums = append(w.sums, &packedSums{})
			}
			own = w.sums[:len(sums)]
		}
		for _, s := range own {
			s.clear(f.joint, f.counted)
		}
		for b := int(next.Add(1)) - 1; b < f.stretches(); b = int(next.Add(1)) - 1 {
			do(b, w.spare[:], own)
		}
	})
	for k := 1; k < threads; k++ {
		for i, s := range sums {
			s.combine(f.workers[k].sums[i], add)
		}
	}
}

// root computes gradients and sums them up in one pass.
func (f *front) root() *branch {
	c, blocks := f.c, f.stretches()
	n := &branch{root: true, lo: make([]int32, blocks), hi: make([]int32, blocks), size: len(c.rows), sums: f.set()}
	start := make([]int, blocks+1) // of a stretch among the rows
	for b := range blocks {
		start[b+1], _ = slices.BinarySearch(c.rows, int32((b+1)*Stretch))
		n.lo[b], n.hi[b] = int32(b*Stretch), int32(b*Stretch+start[b+1]-start[b])
	}
	f.pass(n.size, []*packedSums{n.sums}, func(b int, _ []uint16, sums []*packedSums) {
		from, to := f.bounds(b)
		if c.fill != nil {
			c.fill(from, to)
		}
		c.pack(from, to)
		if !f.whole {
			index := f.index[n.lo[b]:n.hi[b]]
			for i, row := range c.rows[start[b]:start[b+1]] {
				index[i] = uint16(int(row) - from)
			}
		}
		f.tally(sums[0], from, to, f.rowsOf(n, b))
	})
	return n
}

// bounds are the rows of stretch b, from ≤ i < to.
func (f *front) bounds(b int) (from, to int) {
	return b * Stretch, min((b+1)*Stretch, f.g.m.rows)
}

// rowsOf are the rows of a node in stretch b, less b·Stretch.
func (f *front) rowsOf(n *branch, b int) []uint16 {
	if n.root && f.whole {
		return f.natural[:n.hi[b]-n.lo[b]]
	}
	return f.index[n.lo[b]:n.hi[b]]
}

// tally adds rows of the stretch that begins at from to sums.
func (f *front) tally(p *packedSums, from, to int, rows []uint16) {
	f.joint.tally(p.first, from, to, rows, f.c.fixedG)
	if f.counted {
		f.joint.count(p.count, from, to, rows)
	}
}

func (f *front) set() *packedSums {
	last := len(f.free) - 1
	if last < 0 {
		return &packedSums{}
	}
	s := f.free[last]
	f.free = f.free[:last]
	return s
}

// release gives a node's sums back.
func (f *front) release(n *branch) {
	if n.sums != nil {
		f.free = append(f.free, n.sums)
		n.sums = nil
	}
}

// grow grows the subtrees of nodes of one depth.
func (f *front) grow(level []*branch, depth int) error {
	if f.g.ctx.Err() != nil {
		return context.Cause(f.g.ctx)
	}
	for _, n := range level {
		f.choose(n, depth)
	}
	next := f.divide(level, depth+1 == f.g.opt.Depth)
	for len(next) > 0 {
		k := min(f.most, len(next))
		if err := f.grow(next[:k], depth+1); err != nil {
			return err
		}
		next = next[k:]
	}
	return nil
}

// choose finds the split of a node, unless it has few rows.
func (f *front) choose(n *branch, depth int) {
	opt := &f.g.opt
	n.best.feature = -1
	switch {
	case n.size < opt.MinSplit, n.size < 2*opt.MinLeaf, opt.Depth > 0 && depth >= opt.Depth:
	case n.size <= f.few:
		n.few = true
	default:
		at := node{size: n.size, coding: f.g.codings[0], try: opt.Columns, packed: n.sums}
		if n.best = f.c.search(f.g, &at); n.best.feature >= 0 {
			n.threshold, n.gaps = f.g.threshold(&at, n.best.split)
			return
		}
	}
	f.release(n)
}

// write appends a subtree to the tree, and grows what has been left to the Grower.
func (f *front) write(n *branch, depth int) error {
	g, c := f.g, f.c
	if n.few {
		at := f.copyOut(n)
		return g.grow(&at, depth)
	}
	at := g.tree.add()
	if n.left == nil {
		c.leaves[n.mark] = int32(len(c.values))
		c.values = append(c.values, n.value)
		g.tree.Leaves++
		return nil
	}
	g.tree.Feature[at], g.tree.Threshold[at], g.tree.GapLeft[at] = int32(n.best.feature), n.threshold, n.best.gapLeft
	if !n.gaps {
		g.tree.GapLeft[at] = n.left.size >= n.right.size
	}
	if err := f.write(n.left, depth+1); err != nil {
		return err
	}
	g.tree.Right[at] = int32(len(g.tree.Feature))
	return f.write(n.right, depth+1)
}

// copyOut moves a node of few rows into rows of their own, with their numbers as tags.
func (f *front) copyOut(n *branch) node {
	g := f.g
	few := &g.few
	few.width, few.tags = g.m.width, few.tags[:0]
	for b := range n.lo {
		for _, row := range f.index[n.lo[b]:n.hi[b]] {
			few.tags = append(few.tags, uint64(b*Stretch)+uint64(row))
		}
	}
	few.words = resize(few.words, len(g.m.words))
	for q, word := range g.m.words {
		few.words[q] = resize(few.words[q], len(few.tags))
		for i, row := range few.tags {
			few.words[q][i] = word[row]
		}
	}
	few.buffers(len(few.tags))
	return node{rows: few, hi: len(few.tags), size: n.size, coding: g.codings[0], try: g.opt.Columns}
}
