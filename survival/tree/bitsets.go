package tree

import (
	"math"
	"math/bits"
)

// smallRows is the largest node, rows as often as drawn, that bit sets serve.
const smallRows = 64

// bitSets searches small nodes: copies of rows are bits of one word in the order of time,
// so that |S ∩ risk set| is a population count and every candidate is evaluated outright.
type bitSets struct {
	rows   [smallRows]uint64 // the bits of each row
	events uint64
	heads  uint64 // one bit a row
	times  [smallRows + 1]bitTime
	groups int
	full   uint64
	last   uint64
	table  [8][smallRows]uint64

	packed [smallRows]uint64 // of each row: U above A, in units
	sums   [8][smallRows]uint64
}

// bitTime is one event time: its risk set, d/Y, c/Y and c/Y².
type bitTime struct {
	risk    uint64
	h, a, w float64
}

func (b *bitSets) search(g *Grower, n *node) chosen {
	best := chosen{split: split{feature: -1}}
	b.load(n)
	if b.groups == 0 {
		return best
	}
	for q, word := range n.rows.words {
		first, last := 8*q, min(8*q+8, len(g.m.columns))
		for k := first; k < last; k++ {
			slots := n.coding.columns[k].slots()
			clear(b.table[k-first][:slots])
			clear(b.sums[k-first][:slots])
		}
		b.collect(word[n.lo:n.hi])
		for k := first; k < last; k++ {
			if n.tries(&g.m.columns[k]) {
				b.column(g, n, k, k-first, &best)
			}
		}
	}
	return best
}

// load lays the rows out as bits and sums up the event times.
func (b *bitSets) load(n *node) {
	tags := n.tags()
	b.events, b.heads, b.groups = 0, 0, 0
	b.full, b.last = ^uint64(0)>>(64-n.size), 1<<(n.size-1)
	var l, a float64
	at := 0
	for i := 0; i < len(tags); {
		first, start, d, rank := i, at, 0, tags[i]>>tagKey
		for i < len(tags) && tags[i]>>tagKey == rank {
			w := draws(tags[i])
			set := (uint64(1)<<w - 1) << at
			b.rows[i] = set
			b.heads |= 1 << at
			if tags[i]&1 != 0 {
				b.events |= set
				d += w
			}
			at += w
			i++
		}
		if d > 0 {
			y, dead := float64(n.size-start), float64(d)
			c := Variance(dead, y, 1)
			t := bitTime{risk: ^uint64(0) << start, h: dead / y, a: c / y, w: c / y / y}
			b.times[b.groups] = t
			b.groups++
			l += t.h
			a += t.a
		}
		base := uint64(-int64(l*bitUnits+0.5))<<32 + uint64(int64(a*bitUnits+0.5))
		for ; first < i; first++ {
			b.packed[first] = uint64(draws(tags[first])) * (base + bitUnits<<32&-(tags[first]&1))
		}
	}
	b.times[b.groups] = bitTime{} // times are taken two by two
}

// bitUnits is how many units of U and of A there are to 1: no sum over 64 rows overflows.
const bitUnits = 1 << 24

// collect gathers the row bits, and U and A, of each code of a word's columns.
func (b *bitSets) collect(word []uint64) {
	t, v := &b.table, &b.sums
	for i, x := range word {
		set, sum := b.rows[i&63], b.packed[i&63]
		t[0][x&63] |= set
		v[0][x&63] += sum
		t[1][x>>8&63] |= set
		v[1][x>>8&63] += sum
		t[2][x>>16&63] |= set
		v[2][x>>16&63] += sum
		t[3][x>>24&63] |= set
		v[3][x>>24&63] += sum
		t[4][x>>32&63] |= set
		v[4][x>>32&63] += sum
		t[5][x>>40&63] |= set
		v[5][x>>40&63] += sum
		t[6][x>>48&63] |= set
		v[6][x>>48&63] += sum
		t[7][x>>56&63] |= set
		v[7][x>>56&63] += sum
	}
}

// column evaluates every candidate of one stored column.
func (b *bitSets) column(g *Grower, n *node, k, at int, best *chosen) {
	sets, sums := &b.table[at], &b.sums[at]
	c, in := &g.m.columns[k], &n.coding.columns[k]
	try := func(set uint64, s split) {
		if rows := bits.OnesCount64(set & b.heads); rows >= g.opt.MinLeaf && n.hi-n.lo-rows >= g.opt.MinLeaf {
			z, _ := b.statistic(set)
			best.offer(z, s)
		}
	}
	for class, feature := range c.classes {
		if feature >= 0 && n.allows(feature) {
			try(sets[class], split{feature: feature, column: k})
		}
	}
	if c.numeric < 0 {
		return
	}
	extra := uint64(0)
	if in.extra {
		extra = sets[in.codes]
	}
	if c.indicator >= 0 && n.allows(c.indicator) {
		try(extra, split{feature: c.indicator, column: k})
	}
	if !n.allows(c.numeric) {
		return
	}
	if in.home >= 0 {
		sets[in.home] |= extra
		if in.extra {
			sums[in.home] += sums[in.codes]
		}
		extra = 0
	}
	b.ordered(g, n, split{feature: c.numeric, column: k}, in.codes, extra, sets, sums, best)
}

// ordered evaluates the thresholds of an ordered column that may be best. Sides grow by
// rows D at a time, and
//
//	V(S∪D) − V(S) = Σ c·Δq·(1 − 2q − Δq) ≥ −Σ c·Δq = A(S) − A(S∪D),
//
// so that the last V evaluated, less what A has grown by since, is a lower bound on V.
func (b *bitSets) ordered(g *Grower, n *node, at split, codes int, extra uint64, sets, sums *[smallRows]uint64, best *chosen) {
	least, most := g.opt.MinLeaf, n.hi-n.lo-g.opt.MinLeaf
	set, run := uint64(0), uint64(0)
	low := math.Inf(-1) // V evaluated less its A, in units
	for code := range codes {
		here := sets[code&63]
		if here == 0 {
			continue
		}
		set |= here
		run += sums[code&63]
		rows := bits.OnesCount64(set & b.heads)
		if rows > most {
			return
		}
		at.code, at.gapLeft = code, false
		if extra != 0 {
			at.gapLeft = true
			if all := rows + bits.OnesCount64(extra&b.heads); all >= least && all <= most {
				z, _ := b.statistic(set | extra)
				best.offer(z, at)
			}
			at.gapLeft = false
		}
		if rows < least {
			continue
		}
		// In units; rounding of the sums is below one a draw.
		up := math.Abs(float64(int32(run>>32))) + 64
		a := float64(int64(run & math.MaxUint32))
		if up*up < best.score*(1-2*tie)*bitUnits*(low-a-128) {
			continue
		}
		z, v := b.statistic(set)
		best.offer(z, at)
		low = v*bitUnits + a
	}
}

// statistic is U²/V of a set, from the side that lacks the last row.
func (b *bitSets) statistic(set uint64) (z, v float64) {
	if set&b.last != 0 {
		set = b.full &^ set
	}
	// Two sums of each: the additions of one do not wait for those of the other.
	u := float64(bits.OnesCount64(set & b.events))
	var u2, v2 float64
	times := b.times[:(b.groups+1)&^1]
	for k := 0; k+1 < len(times); k += 2 {
		s, t := &times[k], &times[k+1]
		y, z := float64(bits.OnesCount64(set&s.risk)), float64(bits.OnesCount64(set&t.risk))
		u -= float64(s.h * y)
		u2 -= float64(t.h * z)
		v += float64(y * (s.a - float64(s.w*y)))
		v2 += float64(z * (t.a - float64(t.w*z)))
	}
	return statistic(u+u2, v+v2), v + v2
}
