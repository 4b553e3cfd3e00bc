package oblique

import (
	"context"

	"everfold/survival/tree"
)

// grower grows trees one after another, in buffers that it keeps.
type grower struct {
	*plan
	rng tree.Rand

	tree   *obliqueTree
	leaves *tree.Leaves
	rows   []int32   // positions of the tree's rows; those of a node are one ascending stretch
	spare  []int32   // buffer of the partition
	weight []float64 // by position: draws times case weight
	seen   int       // nodes since the context was looked at

	// Of the node that is searched:
	risk      riskSets
	split     combination
	direction direction
	cutter    cutter
}

// grow grows one tree on the rows drawn count times. It fails only with the cause of ctx.
func (g *grower) grow(ctx context.Context, count []uint32) (*obliqueTree, *tree.Leaves, error) {
	g.rows, g.weight = g.rows[:0], resize(g.weight, len(count))
	for i, n := range count {
		if n == 0 {
			continue
		}
		g.rows = append(g.rows, int32(i))
		g.weight[i] = float64(n)
		if g.outcome.Weight != nil {
			g.weight[i] *= g.outcome.Weight[i]
		}
	}
	g.spare = resize(g.spare, len(g.rows))
	g.direction.reset(g.columns)
	g.tree, g.leaves = &obliqueTree{fill: g.means()}, &tree.Leaves{}
	if err := g.node(ctx, g.rows, 0); err != nil {
		return nil, nil, err
	}
	return g.tree, g.leaves, nil
}

// means are the columns' means of present values over the tree's rows; 0 where there are
// none.
func (g *grower) means() []float64 {
	mean, total := make([]float64, g.columns), make([]float64, g.columns)
	for _, i := range g.rows {
		w := g.weight[i]
		for j, v := range g.row(i) {
			if v == v {
				total[j] += w
				mean[j] += float64((v - mean[j]) * (w / total[j]))
			}
		}
	}
	return mean
}

// row is the covariates of a position.
func (g *grower) row(i int32) []float64 {
	return g.values[int(i)*g.columns : (int(i)+1)*g.columns]
}

// node grows the subtree of a node.
func (g *grower) node(ctx context.Context, rows []int32, depth int) error {
	if err := g.interrupted(ctx, len(rows)); err != nil {
		return err
	}
	at := g.tree.add()
	if (g.opt.Depth > 0 && depth == g.opt.Depth) || !g.search(rows) {
		g.leaf(rows)
		return nil
	}
	g.tree.split(at, g.split)
	left := g.partition(rows)
	if err := g.node(ctx, rows[:left], depth+1); err != nil {
		return err
	}
	g.tree.right[at] = int32(len(g.tree.terms))
	return g.node(ctx, rows[left:], depth+1)
}

// interrupted looks at the context at every large node and every 128th small one.
func (g *grower) interrupted(ctx context.Context, rows int) error {
	g.seen++
	if (rows >= 4096 || g.seen%128 == 0) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (g *grower) leaf(rows []int32) {
	y := g.outcome
	g.leaves.Add(len(rows), func(i int) (int, float64, bool) {
		r := rows[i]
		return int(y.Rank[r]), g.weight[r], y.Event[r]
	})
	g.tree.leaves++
}

const (
	// attempts is how often columns are drawn before a node becomes a leaf.
	attempts = 3
	// leafEvents is the fewest rows with an event on a side of a split.
	leafEvents = 1
	// splitEvents is the fewest of a node that is split.
	splitEvents = 5
)

// search looks for a split of the node's rows and says whether it found one: then it is
// g.split, and g.cutter has the rows' projections.
func (g *grower) search(rows []int32) bool {
	if len(rows) < max(g.opt.MinSplit, 2*g.opt.MinLeaf) {
		return false
	}
	g.risk.sweep(g.outcome, rows, g.weight)
	if g.risk.events < splitEvents {
		return false
	}
	for range attempts {
		if !g.gather(rows) {
			return false
		}
		if g.combine() && g.cut(rows) {
			return true
		}
	}
	return false
}

// partition moves the rows that go left to the front, stably, and returns their number.
func (g *grower) partition(rows []int32) int {
	l, r := 0, 0
	for i, row := range rows {
		if g.cutter.value[i] <= g.split.cut {
			rows[l] = row
			l++
		} else {
			g.spare[r] = row
			r++
		}
	}
	copy(rows[l:], g.spare[:r])
	return l
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
