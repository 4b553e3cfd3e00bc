package tree

import "math"

// Gradient is the criterion of boosting. With G = Σ g_i (negative gradients) and
// H = Σ h_i (Hessian terms, or weights) of a node, a split gains
//
//	G_L²/(H_L+λ) + G_R²/(H_R+λ) − G²/(H+λ)
//
// and a leaf has the value G/(H+λ). With h_i the second derivatives this is one Newton
// step; with h_i = w_i, g_i = w_i·residual and λ = 0 it is least squares on the residuals.
//
// Sums are of integers: g in units of 2⁻⁶¹ of Σ|g|, h of at most 2⁻³⁸ of Σh. So they do
// not depend on the order of rows, and equal partitions tie exactly.
type Gradient struct {
	lambda float64
	rows   []int32
	g, h   []float64
	// by row of the matrix: g, and h above one row's count
	fixedG, fixedH []uint64
	unitG, unitH   float64
	v1, v2         []uint64 // of the node
	tags           []uint64
	free           []*sumSet
	anew           bool // tests: sum up every node from its rows

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
	var sumG, sumH float64
	for _, i := range rows {
		sumG += math.Abs(g[i])
		sumH += h[i]
	}
	scaleG, scaleH := unit(sumG, 61), unit(sumH, 38)
	c.unitG, c.unitH = 1/scaleG, 1/scaleH
	c.fixedG, c.fixedH = resize(c.fixedG, len(g)), resize(c.fixedH, len(g))
	for _, i := range rows {
		c.fixedG[i] = uint64(int64(math.RoundToEven(g[i] * scaleG)))
		c.fixedH[i] = uint64(int64(math.RoundToEven(h[i]*scaleH)))<<countBits | 1
	}
}

// unit is the power of two that scales a sum to at most 2^bits: integers stay integers.
func unit(sum float64, bits int) float64 {
	if sum == 0 {
		return 1
	}
	_, e := math.Frexp(sum)
	return math.Ldexp(1, min(bits-e, 1000))
}

// Values are the values of the last tree's leaves.
func (c *Gradient) Values() []float64 { return c.values }

// LeafOf is, by row of the matrix, the leaf of each row that the last tree was grown on.
func (c *Gradient) LeafOf() []int32 { return c.leafOf }

func (c *Gradient) begin(g *Grower) int {
	c.tags = resize(c.tags, len(c.rows))
	for i, row := range c.rows {
		c.tags[i] = uint64(row)
	}
	g.rows.load(g.m, c.rows, c.tags)
	c.values, c.leafOf = c.values[:0], resize(c.leafOf, len(c.g))
	return len(c.rows)
}

func (c *Gradient) size(tags []uint64) int { return len(tags) }

func (c *Gradient) leaf(n *node) {
	c.release(n)
	tags := n.tags()
	var g, h float64
	leaf := int32(len(c.values))
	for _, row := range tags {
		g += c.g[row]
		h += c.h[row]
		c.leafOf[row] = leaf
	}
	value := 0.0
	if h+c.lambda > 0 {
		value = g / (h + c.lambda)
	}
	c.values = append(c.values, value)
}

// sums are a side's g, h and rows.
type sums struct{ g, h uint64 }

func (s sums) plus(g, h uint64) sums { return sums{s.g + g, s.h + h} }

func (c *Gradient) search(g *Grower, n *node) chosen {
	best := chosen{split: split{feature: -1}}
	s := gainScan{c: c, g: g, n: n, best: &best}
	columns := g.m.columns
	if n.rows.width > 8 {
		s.total = c.gather(n)
		s.base = c.score(s.total)
		for k := range columns {
			if n.tries(&columns[k]) {
				one, two := g.hist.column(n, k, c.v1, c.v2)
				s.column(k, one, two)
			}
		}
		return best
	}
	if n.sums != nil && n.sums.coding != n.coding {
		c.release(n) // the node has been recoded
	}
	if n.sums == nil {
		n.sums = c.sum(g, n)
	}
	s.total = n.sums.total
	s.base = c.score(s.total)
	for k := range columns {
		if n.tries(&columns[k]) {
			s.column(k, n.sums.first[k/8][k%8][:], n.sums.second[k/8][k%8][:])
		}
	}
	return best
}

// gather gathers the packed values of the node's rows, and their total.
func (c *Gradient) gather(n *node) (total sums) {
	tags := n.tags()
	c.v1, c.v2 = resize(c.v1, len(tags)), resize(c.v2, len(tags))
	for i, row := range tags {
		c.v1[i], c.v2[i] = c.fixedG[row], c.fixedH[row]
		total = total.plus(c.v1[i], c.v2[i])
	}
	return total
}

// sumSet is the histograms of one node: g, and h above the count, by word.
type sumSet struct {
	first, second []block
	total         sums
	coding        *coding
}

// sum computes the histograms of a node.
func (c *Gradient) sum(g *Grower, n *node) *sumSet {
	var h *sumSet
	if last := len(c.free) - 1; last >= 0 {
		h, c.free = c.free[last], c.free[:last]
	} else {
		h = &sumSet{}
	}
	h.first, h.second = resize(h.first, len(n.rows.words)), resize(h.second, len(n.rows.words))
	h.total, h.coding = c.gather(n), n.coding
	for q, word := range n.rows.words {
		first, last := wordColumns(q, len(g.m.columns))
		clearBlock(&h.first[q], n.coding.columns[first:last])
		clearBlock(&h.second[q], n.coding.columns[first:last])
		tally(&h.first[q], &h.second[q], word[n.lo:n.hi], c.v1, c.v2, last-first)
	}
	return h
}

// halve sums up the smaller side; the larger one is the node less that, exactly, as sums
// are integers.
func (c *Gradient) halve(g *Grower, parent, left, right *node, leaves bool) {
	left.sums, right.sums = nil, nil
	whole := parent.sums
	if whole == nil || leaves || c.anew {
		c.release(parent)
		return
	}
	parent.sums = nil
	small, large := left, right
	if right.size < left.size {
		small, large = right, left
	}
	part := c.sum(g, small)
	for k := range parent.coding.columns {
		slots := parent.coding.columns[k].slots()
		subtract(whole.first[k/8][k%8][:slots], part.first[k/8][k%8][:slots])
		subtract(whole.second[k/8][k%8][:slots], part.second[k/8][k%8][:slots])
	}
	whole.total = sums{whole.total.g - part.total.g, whole.total.h - part.total.h}
	small.sums, large.sums = part, whole
}

func subtract(whole, part []uint64) {
	part = part[:len(whole)]
	for i := range whole {
		whole[i] -= part[i]
	}
}

// release gives a node's histograms back.
func (c *Gradient) release(n *node) {
	if n.sums != nil {
		c.free = append(c.free, n.sums)
		n.sums = nil
	}
}

func (c *Gradient) score(s sums) float64 {
	g, h := float64(int64(s.g))*c.unitG, float64(s.h>>countBits)*c.unitH
	if h+c.lambda <= 0 {
		return 0
	}
	return g * g / (h + c.lambda)
}

// gainScan walks the candidates of a node.
type gainScan struct {
	c     *Gradient
	g     *Grower
	n     *node
	total sums
	base  float64
	best  *chosen
}

func (s *gainScan) offer(l sums, at split) {
	left := int(l.h & countMask)
	if left < s.g.opt.MinLeaf || s.n.size-left < s.g.opt.MinLeaf {
		return
	}
	r := sums{s.total.g - l.g, s.total.h - l.h}
	s.best.offer(s.c.score(l)+s.c.score(r)-s.base, at)
}

func (s *gainScan) column(k int, one, two []uint64) {
	c, in := &s.g.m.columns[k], &s.n.coding.columns[k]
	for class, feature := range c.classes {
		if feature >= 0 && s.n.allows(feature) {
			s.offer(sums{one[class], two[class]}, split{feature: feature, column: k})
		}
	}
	if c.numeric < 0 {
		return
	}
	var extra sums
	if in.extra {
		extra = sums{one[in.codes], two[in.codes]}
	}
	if c.indicator >= 0 && s.n.allows(c.indicator) {
		s.offer(extra, split{feature: c.indicator, column: k})
	}
	if !s.n.allows(c.numeric) {
		return
	}
	var home sums // extra rows count as a code
	if in.home >= 0 {
		home, extra = extra, sums{}
	}
	var l sums
	for code := range in.codes {
		here := sums{one[code], two[code]}
		if code == in.home {
			here = here.plus(home.g, home.h)
		}
		if here.h == 0 {
			continue
		}
		l = l.plus(here.g, here.h)
		s.offer(l, split{feature: c.numeric, column: k, code: code})
		if extra.h != 0 {
			s.offer(l.plus(extra.g, extra.h), split{feature: c.numeric, column: k, code: code, gapLeft: true})
		}
	}
}
