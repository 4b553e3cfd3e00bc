package tree

import (
	"math"

	"everfold/survival"
)

// sums are a side's g, and h above its rows, in the units of the tree.
type sums struct{ g, h uint64 }

func (s sums) plus(g, h uint64) sums { return sums{s.g + g, s.h + h} }

// total is Σ|g| and Σh of the rows, and gives gains their unit.
func (c *Gradient) total(threads int) (total leafSum) {
	if c.fill != nil && c.packed {
		total = c.bound
	} else {
		parts := make([]leafSum, chunks(len(c.rows)))
		survival.Each(len(parts), threads, func(k int) {
			var s leafSum
			g, h := c.g, c.h[:len(c.g)]
			for _, i := range c.rows[k*chunk : min((k+1)*chunk, len(c.rows))] {
				s.g += math.Abs(g[i])
				s.h += h[i]
			}
			parts[k] = s
		})
		for _, s := range parts {
			total.add(s)
		}
	}
	c.perUnit = 0
	if total.g > 0 {
		c.perUnit = (total.h + c.lambda) / total.g / total.g * float64(len(c.rows))
	}
	return total
}

// quantise turns g and h into integers.
func (c *Gradient) quantise(threads int) {
	total := c.total(threads)
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

// scale chooses the units of packed values. No sum overflows its half, rounding of every row
// included; h of a row is at least 1, so that no rows and rows without curvature differ.
func (c *Gradient) scale(threads int) {
	n, total := float64(len(c.rows)), c.total(threads)
	c.scaleG, c.scaleH = packedScale(1<<31-1-n, total.g), packedScale(1<<32-1-2*n, total.h)
	c.unitG, c.unitH = inverse(c.scaleG), inverse(c.scaleH)
}

// pack puts g of rows from ≤ i < to above their h.
func (c *Gradient) pack(from, to int) {
	g, h, packed := c.g[from:to], c.h[from:to], c.fixedG[from:to]
	g, h = g[:len(packed)], h[:len(packed)]
	scaleG, scaleH := c.scaleG, c.scaleH
	for i := range packed {
		high := math.Float64bits(float64(g[i]*scaleG) + magic)
		low := math.Float64bits(float64(h[i]*scaleH) + magic)
		packed[i] = high<<32 + uint64(uint32(low)) + 1
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

// sumSet is the histograms of one node by word: g, and h above the count.
type sumSet struct {
	first, second []block
	total         sums
	coding        *coding
}

// sum computes the histograms of a node.
func (c *Gradient) sum(g *Grower, n *node) *sumSet {
	h := &sumSet{}
	if last := len(c.free) - 1; last >= 0 {
		h, c.free = c.free[last], c.free[:last]
	}
	h.coding = n.coding
	h.first, h.second = resize(h.first, len(n.rows.words)), resize(h.second, len(n.rows.words))
	h.total = c.gather(n)
	for q, word := range n.rows.words {
		first, last := wordColumns(q, len(g.m.columns))
		clearBlock(&h.first[q], n.coding.columns[first:last])
		clearBlock(&h.second[q], n.coding.columns[first:last])
		tally(&h.first[q], &h.second[q], word[n.lo:n.hi], c.v1, c.v2, last-first)
	}
	return h
}

// each combines the columns of two sets.
func (h *sumSet) each(o *sumSet, combine func(a, b []uint64)) {
	for k := range h.coding.columns {
		slots := h.coding.columns[k].slots()
		combine(h.first[k/8][k%8][:slots], o.first[k/8][k%8][:slots])
		combine(h.second[k/8][k%8][:slots], o.second[k/8][k%8][:slots])
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
