package tree

import "math/bits"

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
			clear(b.table[k-first][:n.coding.columns[k].slots()])
		}
		b.collect(word[n.lo:n.hi])
		for k := first; k < last; k++ {
			if n.tries(&g.m.columns[k]) {
				b.column(g, n, k, &b.table[k-first], &best)
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
	at := 0
	for i := 0; i < len(tags); {
		start, d, rank := at, 0, tags[i]>>tagKey
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
			b.times[b.groups] = bitTime{risk: ^uint64(0) << start, h: dead / y, a: c / y, w: c / y / y}
			b.groups++
		}
	}
	b.times[b.groups] = bitTime{} // times are taken two by two
}

// collect gathers the row bits of each code of a word's columns.
func (b *bitSets) collect(word []uint64) {
	t := &b.table
	for i, x := range word {
		set := b.rows[i&63]
		t[0][x&63] |= set
		t[1][x>>8&63] |= set
		t[2][x>>16&63] |= set
		t[3][x>>24&63] |= set
		t[4][x>>32&63] |= set
		t[5][x>>40&63] |= set
		t[6][x>>48&63] |= set
		t[7][x>>56&63] |= set
	}
}

// column evaluates every candidate of one stored column.
func (b *bitSets) column(g *Grower, n *node, k int, sets *[smallRows]uint64, best *chosen) {
	c, in := &g.m.columns[k], &n.coding.columns[k]
	try := func(set uint64, s split) {
		if rows := bits.OnesCount64(set & b.heads); rows >= g.opt.MinLeaf && n.hi-n.lo-rows >= g.opt.MinLeaf {
			best.offer(b.statistic(set), s)
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
		extra = 0
	}
	set := uint64(0)
	for code := range in.codes {
		if sets[code] == 0 {
			continue
		}
		set |= sets[code]
		if bits.OnesCount64(b.heads&^set) < g.opt.MinLeaf {
			return
		}
		try(set, split{feature: c.numeric, column: k, code: code})
		if extra != 0 {
			try(set|extra, split{feature: c.numeric, column: k, code: code, gapLeft: true})
		}
	}
}

// statistic is U²/V of a set, from the side that lacks the last row.
func (b *bitSets) statistic(set uint64) float64 {
	if set&b.last != 0 {
		set = b.full &^ set
	}
	// Two sums of each: the additions of one do not wait for those of the other.
	u, v := float64(bits.OnesCount64(set&b.events)), 0.0
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
	return statistic(u+u2, v+v2)
}
