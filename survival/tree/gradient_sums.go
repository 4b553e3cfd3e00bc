package tree

import (
	"math"

	"everfold/survival"
)

// sums are a side's g, and h above its rows, in the units of the tree.
type sums struct{ g, h uint64 }

func (s sums) plus(g, h uint64) sums { return sums{s.g + g, s.h + h} }

// quantise turns g and h into integers.
func (c *Gradient) quantise(opt Options) {
	parts := make([]leafSum, chunks(len(c.rows)))
	survival.Each(len(parts), opt.Threads, func(k int) {
		var s leafSum
		g, h := c.g, c.h[:len(c.g)]
		for _, i := range c.rows[k*chunk : min((k+1)*chunk, len(c.rows))] {
			s.g += math.Abs(g[i])
			s.h += h[i]
		}
		parts[k] = s
	})
	var total leafSum
	for _, s := range parts {
		total.g += s.g
		total.h += s.h
	}
	c.perUnit = 0
	if total.g > 0 {
		c.perUnit = (total.h + c.lambda) / total.g / total.g * float64(len(c.rows))
	}
	if c.packed {
		c.pack(total, opt)
		return
	}
	scaleG, scaleH := unit(total.g, 61), unit(total.h, 38)
	c.unitG, c.unitH = 1/scaleG, 1/scaleH
	c.fixedG, c.fixedH = resize(c.fixedG, len(c.g)), resize(c.fixedH, len(c.g))
	for _, i := range c.rows {
		c.fixedG[i] = uint64(int64(math.RoundToEven(c.g[i] * scaleG)))
		c.fixedH[i] = uint64(int64(math.RoundToEven(c.h[i]*scaleH)))<<countBits | 1
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

// magic, added to a number below 2³² in size, leaves it rounded to the nearest integer in the
// low half of the float's bits, in two's complement.
const magic = 3 << 51

// pack puts g above h. No sum overflows its half, rounding of every row included; h of a row
// is at least 1, so that no rows and rows without curvature differ.
func (c *Gradient) pack(total leafSum, opt Options) {
	n := float64(len(c.rows))
	scaleG, scaleH := packedScale(1<<31-1-n, total.g), packedScale(1<<32-1-2*n, total.h)
	c.unitG, c.unitH = inverse(scaleG), inverse(scaleH)
	c.fixedG = resize(c.fixedG, len(c.g))
	survival.Each(chunks(len(c.rows)), opt.Threads, func(k int) {
		g, h, packed := c.g, c.h[:len(c.g)], c.fixedG[:len(c.g)]
		for _, i := range c.rows[k*chunk : min((k+1)*chunk, len(c.rows))] {
			high := math.Float64bits(float64(g[i]*scaleG) + magic)
			low := math.Float64bits(float64(h[i]*scaleH) + magic)
			packed[i] = high<<32 + uint64(uint32(low)) + 1
		}
	})
	if opt.MinLeaf > 1 && len(c.ones) < len(c.g) {
		c.ones = make([]uint64, len(c.g))
		for i := range c.ones {
			c.ones[i] = 1
		}
	}
}

func packedScale(most, sum float64) float64 {
	if s := most / sum; s < math.MaxFloat64 {
		return s
	}
	return 0
}

func inverse(v float64) float64 {
	if v == 0 {
		return 0
	}
	return 1 / v
}

// unpack gives the sums of so many rows behind a packed word.
func unpack(v, count uint64) sums {
	return sums{uint64(int64(v) >> 32), uint64(uint32(v))<<countBits + count}
}

// gather gathers the values of the rows of a node that were moved, and their total.
func (c *Gradient) gather(n *node) (total sums) {
	tags := n.tags()
	c.v1, c.v2 = resize(c.v1, len(tags)), resize(c.v2, len(tags))
	for i, row := range tags {
		s := sums{g: c.fixedG[row]}
		if c.packed {
			s = unpack(s.g, 1)
		} else {
			s.h = c.fixedH[row]
		}
		c.v1[i], c.v2[i] = s.g, s.h
		total = total.plus(s.g, s.h)
	}
	return total
}

// sumSet is the histograms of one node by word: g, and h above the count. Where the rows
// were not moved first has both packed, and second the count if it matters.
type sumSet struct {
	first, second []block
	total         sums
	coding        *coding
	packed        bool
}

// next is nextSeen from packed sums: every row has a curvature in them.
func (h *sumSet) next(in *local, s split) (next int, gaps bool) {
	var seen [256]bool
	for code, v := range h.first[s.column/8][s.column%8][:in.slots()] {
		seen[code] = uint32(v) > 0
	}
	return nextSeen(&seen, in, s.code)
}

// fresh is an empty set for a node.
func (h *sumSet) fresh(n *node, counted bool) {
	h.coding, h.packed, h.total = n.coding, n.rows.indexed(), sums{}
	h.first = resize(h.first, len(n.rows.words))
	h.second = h.second[:0]
	if counted {
		h.second = resize(h.second, len(n.rows.words))
	}
	for q := range h.first {
		first, last := wordColumns(q, len(n.coding.columns))
		clearBlock(&h.first[q], n.coding.columns[first:last])
		if counted {
			clearBlock(&h.second[q], n.coding.columns[first:last])
		}
	}
}

// sum computes the histograms of a node.
func (c *Gradient) sum(g *Grower, n *node) *sumSet {
	var h *sumSet
	if last := len(c.free) - 1; last >= 0 {
		h, c.free = c.free[last], c.free[:last]
	} else {
		h = &sumSet{}
	}
	if n.rows.indexed() {
		c.sumIndexed(g, n, h)
		return h
	}
	h.fresh(n, true)
	h.total = c.gather(n)
	for q, word := range n.rows.words {
		first, last := wordColumns(q, len(g.m.columns))
		tally(&h.first[q], &h.second[q], word[n.lo:n.hi], c.v1, c.v2, last-first)
	}
	return h
}

// sumIndexed sums up a share of the rows on each thread.
func (c *Gradient) sumIndexed(g *Grower, n *node, h *sumSet) {
	counted := g.opt.MinLeaf > 1
	rows := n.rows.index[n.lo:n.hi]
	parts := max(1, min(g.opt.Threads, chunks(len(rows))))
	for len(c.parts) < parts-1 {
		c.parts = append(c.parts, sumSet{})
	}
	survival.Each(parts, parts, func(k int) {
		part := h
		if k > 0 {
			part = &c.parts[k-1]
		}
		part.fresh(n, counted)
		share := rows[k*len(rows)/parts : (k+1)*len(rows)/parts]
		tallyRows(part.first, n.rows.words, share, c.fixedG, len(g.m.columns))
		if counted {
			tallyRows(part.second, n.rows.words, share, c.ones, len(g.m.columns))
		}
	})
	for k := range parts - 1 {
		h.each(&c.parts[k], add)
	}
}

// each combines the columns of two sets.
func (h *sumSet) each(o *sumSet, combine func(a, b []uint64)) {
	for k := range h.coding.columns {
		slots := h.coding.columns[k].slots()
		combine(h.first[k/8][k%8][:slots], o.first[k/8][k%8][:slots])
		if len(h.second) > 0 {
			combine(h.second[k/8][k%8][:slots], o.second[k/8][k%8][:slots])
		}
	}
}

func add(a, b []uint64) {
	b = b[:len(a)]
	for i := range a {
		a[i] += b[i]
	}
}

func subtract(a, b []uint64) {
	b = b[:len(a)]
	for i := range a {
		a[i] -= b[i]
	}
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
	whole.each(part, subtract)
	whole.total = sums{whole.total.g - part.total.g, whole.total.h - part.total.h}
	small.sums, large.sums = part, whole
}

// release gives a node's histograms back.
func (c *Gradient) release(n *node) {
	if n.sums != nil {
		c.free = append(c.free, n.sums)
		n.sums = nil
	}
}
