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
// of many rows one word holds both, in units of 2⁻³¹ and 2⁻³² of these or of bounds of them: a
// gain is then known to some 10⁻⁵ of what one row can gain, leaf values are sums of the g and h
// themselves.
type Gradient struct {
	lambda float64
	rows   []int32
	g, h   []float64
	bound  leafSum            // of Σ|g| and Σh, with fill
	fill   func(from, to int) // computes g and h; nil: they are there
	packed bool               // one word a row

	fixedG, fixedH []uint64 // by row of the matrix: g, and h above one row's count; or packed: both in fixedG
	scaleG, scaleH float64  // packed
	unitG, unitH   float64
	perUnit        float64  // gains in units of n⁻¹(Σ|g|)²/(Σh + λ): without one
	v1, v2         []uint64 // of the node
	tags           []uint64
	free           []*sumSet
	front          front
	anew, full     bool // tests: sum up every node from its rows; do not pack

	values []float64
	mark   []int32
	leaves []int32
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
	c.rows, c.g, c.h, c.fill = rows, g, h, nil
}

// SetLater is Set for g and h that are still to be computed: fill does that, once for the
// rows from ≤ i < to of each [Stretch], on several goroutines. No sum of |g| is above mostG,
// none of h above mostH.
func (c *Gradient) SetLater(rows []int32, g, h []float64, mostG, mostH float64, fill func(from, to int)) {
	c.Set(rows, g, h)
	c.bound, c.fill = leafSum{g: mostG, h: mostH}, fill
}

// Values are the values of the last tree's leaves.
func (c *Gradient) Values() []float64 { return c.values }

// Marks say which leaf each row is in that the last tree was grown on: leaf[mark[row]], by
// row of the matrix.
func (c *Gradient) Marks() (mark, leaf []int32) { return c.mark, c.leaves }

func (c *Gradient) newMark() int32 {
	c.leaves = append(c.leaves, -1)
	return int32(len(c.leaves) - 1)
}

func (c *Gradient) begin(g *Grower) int {
	n := g.m.rows
	c.values, c.leaves, c.mark = c.values[:0], c.leaves[:0], resize(c.mark, n)
	c.packed = g.m.width == 8 && len(c.rows) >= packedRows && len(g.m.columns) > 0 && !c.full
	if c.packed {
		c.scale(g.opt.Threads)
		c.fixedG = resize(c.fixedG, n)
		return len(c.rows)
	}
	if c.fill != nil {
		survival.Each((n+Stretch-1)/Stretch, g.opt.Threads, func(k int) { c.fill(k*Stretch, min((k+1)*Stretch, n)) })
	}
	c.quantise(g.opt.Threads)
	c.tags = resize(c.tags, len(c.rows))
	for i, row := range c.rows {
		c.tags[i] = uint64(row)
	}
	g.rows.load(g.m, c.rows, c.tags)
	return len(c.rows)
}

func (c *Gradient) size(tags []uint64) int { return len(tags) }

func (c *Gradient) leaf(n *node) {
	c.release(n)
	mark := c.newMark()
	c.leaves[mark] = int32(len(c.values))
	var s leafSum
	for _, row := range n.tags() {
		s.g += c.g[row]
		s.h += c.h[row]
		c.mark[row] = mark
	}
	c.values = append(c.values, c.value(s))
}

// leafSum is g and h of a leaf's rows, and their number.
type leafSum struct {
	g, h float64
	rows int
}

func (s *leafSum) add(o leafSum) {
	s.g += o.g
	s.h += o.h
	s.rows += o.rows
}

func (c *Gradient) value(s leafSum) float64 {
	if s.h+c.lambda > 0 {
		return s.g / (s.h + c.lambda)
	}
	return 0
}
