package tree

import "everfold/survival"

// Gradient is the criterion of boosting. With G = Σ g_i (negative gradients) and
// H = Σ h_i (Hessian terms, or weights) of a node, a split gains
//
//	G_L²/(H_L+λ) + G_R²/(H_R+λ) − G²/(H+λ)
//
// and a leaf has the value G/(H+λ). With h_i the second derivatives this is one Newton
// step; with h_i = w_i, g_i = w_i·residual and λ = 0 it is least squares on the residuals.
//
// Sums are of integers, so that they depend neither on the order of rows nor on threads,
// and equal partitions tie exactly. For trees of few rows, and codes wider than a byte, they
// are those of g in units of 2⁻⁶¹ of Σ|g| and of h in units of at most 2⁻³⁸ of Σh. For trees
// of many rows one word holds both, in units of 2⁻³¹ and 2⁻³² of these: a gain is then known
// to some 10⁻⁵ of what one row can gain, leaf values are sums of the g and h themselves.
type Gradient struct {
	lambda float64
	rows   []int32
	g, h   []float64
	packed bool // one word a row

	fixedG, fixedH []uint64 // by row of the matrix: g, and h above one row's count; or packed: both in fixedG
	ones           []uint64 // packed: the count, where leaves have a least number of rows
	unitG, unitH   float64
	perUnit        float64  // gains in units of n⁻¹(Σ|g|)²/(Σh + λ): without one
	v1, v2         []uint64 // of the node
	tags           []uint64
	free           []*sumSet
	parts          []sumSet // of threads
	anew, full     bool     // tests: sum up every node from its rows; do not pack

	values []float64
	leafOf []int32
}

// countBits is the part of a packed value that counts rows: up to 2²⁴ − 1 of them.
const (
	countBits = 24
	countMask = 1<<countBits - 1
	// MaxRows is how many rows, as often as drawn, a tree can be grown on.
	MaxRows = countMask
)

// packedRows is from how many rows on g and h share a word.
const packedRows = 1 << 14

// NewGradient returns the criterion with L2 penalty lambda ≥ 0 on leaves.
func NewGradient(lambda float64) *Gradient {
	if !(lambda >= 0) {
		panic("tree: lambda must be ≥ 0")
	}
	return &Gradient{lambda: lambda}
}

// Set gives the next tree its rows of the matrix (ascending) and, by row of the matrix, g
// and h ≥ 0. They are read until the tree is grown. It panics where lengths differ.
func (c *Gradient) Set(rows []int32, g, h []float64) {
	if len(g) != len(h) {
		panic("tree: gradients and weights differ in length")
	}
	c.rows, c.g, c.h = rows, g, h
}

// Values are the values of the last tree's leaves.
func (c *Gradient) Values() []float64 { return c.values }

// LeafOf is, by row of the matrix, the leaf of each row that the last tree was grown on.
func (c *Gradient) LeafOf() []int32 { return c.leafOf }

func (c *Gradient) begin(g *Grower) int {
	c.packed = g.m.width == 8 && len(c.rows) >= packedRows && !c.full
	c.quantise(g.opt)
	if c.packed {
		g.rows.refer(g.m, c.rows, g.opt.Threads)
	} else {
		c.tags = resize(c.tags, len(c.rows))
		for i, row := range c.rows {
			c.tags[i] = uint64(row)
		}
		g.rows.load(g.m, c.rows, c.tags)
	}
	c.values, c.leafOf = c.values[:0], resize(c.leafOf, len(c.g))
	return len(c.rows)
}

func (c *Gradient) size(tags []uint64) int { return len(tags) }

func (c *Gradient) leaf(n *node) {
	c.release(n)
	leaf := int32(len(c.values))
	var s leafSum
	if n.rows.indexed() {
		s = sumLeaf(c, n.rows.index[n.lo:n.hi], leaf, n.rows.threads)
	} else {
		s = sumLeaf(c, n.tags(), leaf, 1)
	}
	value := 0.0
	if s.h+c.lambda > 0 {
		value = s.g / (s.h + c.lambda)
	}
	c.values = append(c.values, value)
}

type leafSum struct{ g, h float64 }

// sumLeaf adds up the rows of a leaf, those of chunks in their order.
func sumLeaf[T uint32 | uint64](c *Gradient, rows []T, leaf int32, threads int) (total leafSum) {
	parts := make([]leafSum, chunks(len(rows)))
	survival.Each(len(parts), threads, func(k int) {
		var s leafSum
		g, h, leafOf := c.g, c.h[:len(c.g)], c.leafOf[:len(c.g)]
		for _, row := range rows[k*chunk : min((k+1)*chunk, len(rows))] {
			s.g += g[row]
			s.h += h[row]
			leafOf[row] = leaf
		}
		parts[k] = s
	})
	for _, s := range parts {
		total.g += s.g
		total.h += s.h
	}
	return total
}
