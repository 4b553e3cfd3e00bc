package tree

import (
	"context"
	"math"
)

// Options are what stops a tree. The zero value grows until nothing can be split.
type Options struct {
	MinSplit int // a node with fewer rows is a leaf; a row drawn twice is one row
	MinLeaf  int // no side of a split has fewer rows; 0 means 1
	Depth    int // 0: unlimited
	// Try is how many design columns, drawn anew at each node, are searched; 0 means all.
	// Where none of them has a valid split, more are drawn.
	Try int
	// Rand draws the columns; only used with Try.
	Rand Rand
	// Columns says which design columns the tree may split on; nil means all. Not with Try.
	Columns []bool
	// Threads is how many goroutines work on a large node, where the criterion can use them;
	// 0 means 1. It never changes the tree.
	Threads int
}

// chunk is how many rows are worth a goroutine.
const chunk = 1 << 14

// chunks is how many goroutines' worth of rows there are.
func chunks(rows int) int { return (rows + chunk - 1) / chunk }

// Rand is the random stream of a tree.
type Rand interface {
	// IntN is uniform on 0…n−1.
	IntN(n int) int
}

// Criterion scores splits and sums up leaves: a *LogRank or a *Gradient. One Criterion
// serves one Grower at a time.
type Criterion interface {
	// begin loads the rows of a new tree and returns their number, each as often as drawn.
	begin(g *Grower) int
	// search finds the best split of a node.
	search(g *Grower, n *node) chosen
	// size is the number of rows behind tags.
	size(tags []uint64) int
	// halve is told both sides of a split node before either is searched; leaves says that
	// neither will be.
	halve(g *Grower, parent, left, right *node, leaves bool)
	// leaf is told of each leaf, in the order of leaf numbers.
	leaf(n *node)
}

// Grower grows trees one after another on one matrix, in buffers that it keeps. Not for
// concurrent use: every goroutine has its own.
type Grower struct {
	m    *Matrix
	rows rowSet
	few  rowSet // the rows of a subtree whose codes have become narrow
	hist histogram
	// codings by how often a subtree has been recoded: one is in use for each level.
	codings []*coding
	dense   denser

	ctx  context.Context
	opt  Options
	crit Criterion
	tree *Tree
	perm []int  // design columns, shuffled anew at each node
	try  []bool // by design column
	seen int    // nodes since the context was looked at
}

// NewGrower returns a Grower for a matrix.
func NewGrower(m *Matrix) *Grower { return &Grower{m: m} }

// Grow grows one tree. It fails only with the cause of ctx.
func (g *Grower) Grow(ctx context.Context, crit Criterion, opt Options) (*Tree, error) {
	if opt.Try > 0 && opt.Rand == nil {
		panic("tree: Options.Try needs Options.Rand")
	}
	if opt.Columns != nil && (opt.Try > 0 || len(opt.Columns) != len(g.m.features)) {
		panic("tree: Options.Columns of another length than the design's columns, or with Options.Try")
	}
	opt.MinLeaf = max(1, opt.MinLeaf)
	g.ctx, g.opt, g.crit, g.tree, g.seen = ctx, opt, crit, &Tree{}, 0
	if opt.Try > 0 && len(g.perm) != len(g.m.features) {
		g.perm, g.try = make([]int, len(g.m.features)), make([]bool, len(g.m.features))
	}
	for j := range g.perm {
		g.perm[j] = j
	}
	size := crit.begin(g)
	g.m.coding(g.level(0))
	if c, ok := crit.(*Gradient); ok && c.packed {
		if err := c.front.run(g, c); err != nil {
			return nil, err
		}
		return g.tree, nil
	}
	root := node{rows: &g.rows, hi: len(g.rows.tags), size: size, coding: g.codings[0], try: opt.Columns}
	if err := g.grow(&root, 0); err != nil {
		return nil, err
	}
	return g.tree, nil
}

// grow grows the subtree of a node.
func (g *Grower) grow(n *node, depth int) error {
	if err := g.interrupted(n); err != nil {
		return err
	}
	at := g.tree.add()
	best := chosen{split: split{feature: -1}}
	if m := n.hi - n.lo; m >= g.opt.MinSplit && m >= 2*g.opt.MinLeaf && (g.opt.Depth == 0 || depth < g.opt.Depth) {
		g.narrow(n)
		best = g.search(n)
	}
	if best.feature < 0 {
		g.crit.leaf(n)
		g.tree.Leaves++
		return nil
	}
	last := depth+1 == g.opt.Depth
	left, right := g.divide(at, n, best.split, last)
	g.crit.halve(g, n, &left, &right, last)
	if err := g.grow(&left, depth+1); err != nil {
		return err
	}
	g.tree.Right[at] = int32(len(g.tree.Feature))
	return g.grow(&right, depth+1)
}

// interrupted looks at the context at every large node and every hundredth small one.
func (g *Grower) interrupted(n *node) error {
	g.seen++
	if n.hi-n.lo < 4096 && g.seen%128 != 0 {
		return nil
	}
	if g.ctx.Err() != nil {
		return context.Cause(g.ctx)
	}
	return nil
}

// search asks the criterion, with mtry drawn columns at a time until one has a split.
func (g *Grower) search(n *node) chosen {
	if g.opt.Try == 0 || g.opt.Try >= len(g.perm) {
		return g.crit.search(g, n)
	}
	n.try = g.try
	for done := 0; done < len(g.perm); {
		clear(g.try)
		for end := min(done+g.opt.Try, len(g.perm)); done < end; done++ {
			k := done + g.opt.Rand.IntN(len(g.perm)-done)
			g.perm[done], g.perm[k] = g.perm[k], g.perm[done]
			g.try[g.perm[done]] = true
		}
		if best := g.crit.search(g, n); best.feature >= 0 {
			return best
		}
	}
	return chosen{split: split{feature: -1}}
}

// divide records the split of node number at and moves its rows; leaves says that both
// sides are leaves.
func (g *Grower) divide(at int, n *node, s split, leaves bool) (left, right node) {
	n.rows.mark(n.lo, n.hi, s.column, n.coding.columns[s.column].slots(), g.m.rule(n.coding, s))
	threshold, gaps := g.threshold(n, s)
	k := n.lo + n.rows.partition(n.lo, n.hi, leaves)
	left, right = *n, *n
	left.hi, right.lo = k, k
	left.size = g.crit.size(left.tags())
	right.size = n.size - left.size
	g.tree.Feature[at], g.tree.Threshold[at], g.tree.GapLeft[at] = int32(s.feature), threshold, s.gapLeft
	if !gaps {
		g.tree.GapLeft[at] = left.size >= right.size
	}
	return left, right
}

// threshold is the middle between the split's values in the node, +Inf where only missing
// values go right; gaps says whether the node has missing values. Rows that can be moved have
// been marked.
func (g *Grower) threshold(n *node, s split) (value float64, gaps bool) {
	f, in := &g.m.features[s.feature], &n.coding.columns[s.column]
	if s.feature != g.m.columns[s.column].numeric {
		return f.between(0, 1), false
	}
	var next int
	switch {
	case n.packed != nil:
		next, gaps = n.packed.next(in, s)
	case n.rows.width == 8:
		next, gaps = nextSeen(&n.rows.seen, in, s.code)
	default:
		next, gaps = nextCode(n, in, s)
	}
	if next >= in.codes {
		return math.Inf(1), gaps
	}
	return f.between(in.global(s.code), in.global(next)), gaps
}

// nextSeen is the first code above one that rows have, in.codes or more if none, and
// whether there are missing values.
func nextSeen(seen *[256]bool, in *local, code int) (next int, gaps bool) {
	home := -1
	if in.extra && seen[in.codes] {
		home = in.home
		gaps = home < 0
	}
	next = code + 1
	for next < in.codes && !seen[next] && next != home {
		next++
	}
	return next, gaps
}

// nextCode is nextSeen for wide codes, from the rows of a node.
func nextCode(n *node, in *local, s split) (next int, gaps bool) {
	word, shift, mask := n.rows.at(s.column)
	next = in.codes
	for _, x := range word[n.lo:n.hi] {
		c := int(x >> (shift & 63) & mask)
		if c == in.codes { // only with in.extra
			if in.home < 0 {
				gaps = true
				continue
			}
			c = in.home
		}
		if c > s.code && c < next {
			next = c
		}
	}
	return next, gaps
}
