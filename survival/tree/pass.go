package tree

// pass is what one sweep over the rows of a node leaves for the searches: its event times,
// with the prefix sums L = Σ d/Y, A = Σ c/Y, W = Σ c/Y², and the same by row.
type pass struct {
	times []eventTime // 0 is before the first event time
	total float64     // Σ c
	rows  []term      // empty where a search does without

	groups  []tied  // the distinct times of unweighted rows
	groupOf []int32 // by row
	timeOf  []int32 // by group
}

// eventTime is one event time of a node: its first row, the weight at risk, and the prefix
// sums with it.
type eventTime struct {
	start         int
	risk, l, a, w float64
}

// term of a row: δ − L, A, W and its weight.
type term struct{ residual, a, w, weight float64 }

// sweep fills the pass, but for its rows, for a node of so many rows as drawn.
func (c *LogRank) sweep(tags []uint64, size int) {
	p := &c.pass
	p.rows, p.total = p.rows[:0], 0
	if c.y.Weight != nil {
		c.sweepWeighted(tags)
		return
	}
	p.group(tags)
	p.count(size)
}

// tied is the rows of one time: the row after them, and how many of them there are as drawn
// above the events among these.
type tied struct {
	end   int
	count uint64
}

// group finds the distinct times of the rows, and the one of each row. Where a time ends is
// anybody's guess, so that nothing is done only there.
func (p *pass) group(tags []uint64) {
	p.groups, p.groupOf = resize(p.groups, len(tags)), resize(p.groupOf, len(tags))
	groups, groupOf := p.groups, p.groupOf[:len(tags)]
	last := tags[0] >> tagKey
	k, count := 0, uint64(0)
	for i, tag := range tags {
		rank := tag >> tagKey
		next := 0
		if rank != last {
			next = 1
		}
		last = rank
		k += next
		w := tag & tagDraws >> 1
		count = count&(uint64(next)-1) + (w<<32 | w&-(tag&1))
		groups[k] = tied{i + 1, count}
		groupOf[i] = int32(k)
	}
	p.groups = groups[:k+1]
}

// count fills the event times from the groups of a node of so many rows as drawn, and the
// event time of each group, the last one up to it. A time without events is overwritten.
func (p *pass) count(size int) {
	p.times, p.timeOf = resize(p.times, len(p.groups)+1), resize(p.timeOf, len(p.groups))
	p.times[0] = eventTime{risk: float64(size)}
	times, timeOf := p.times[1:], p.timeOf[:len(p.groups)]
	var l, a, w, total float64
	k, start := 0, 0
	for i, g := range p.groups {
		events := int(uint32(g.count))
		y, d := float64(size), float64(events)
		// Variance, where d may be 0 and is at most y.
		c, inverse := d*((y-d)/float64(max(size-1, 1))), 1/y
		total += c
		c = float64(c * inverse)
		l += float64(d * inverse)
		a += c
		w += float64(c * inverse)
		t := &times[k]
		t.start, t.risk, t.l, t.a, t.w = start, y, l, a, w
		if events > 0 {
			k++
		}
		timeOf[i] = int32(k)
		start = g.end
		size -= int(g.count >> 32)
	}
	p.times, p.total = p.times[:k+1], total
}

// sweepWeighted does so for case weights. They are summed from the end, so that rounding
// never leaves less at risk than is there.
func (c *LogRank) sweepWeighted(tags []uint64) {
	p := &c.pass
	p.rows = resize(p.rows, len(tags))
	risk := 0.0
	for i := len(tags) - 1; i >= 0; i-- {
		_, weight, _ := c.read(tags[i])
		risk += weight
		p.rows[i] = term{weight: weight, a: risk}
	}
	p.times = append(p.times[:0], eventTime{risk: risk})
	for i := 0; i < len(tags); {
		start, rank, d := i, c.rank(tags[i]), 0.0
		for ; i < len(tags) && c.rank(tags[i]) == rank; i++ {
			d += p.rows[i].weight * float64(tags[i]&1)
		}
		if d > 0 {
			p.event(start, d, p.rows[start].a, c.unit)
		}
	}
}

// event appends an event time of weight d among y at risk; unit is what one subject weighs.
func (p *pass) event(start int, d, y, unit float64) {
	now := p.times[len(p.times)-1]
	c, inverse := Variance(d, y, unit), 1/y
	p.total += c
	c = float64(c * inverse)
	p.times = append(p.times, eventTime{start: start, risk: y, l: now.l + float64(d*inverse), a: now.a + c, w: now.w + float64(c*inverse)})
}

// Variance is c = d(Y−d)/(Y−1) of events of weight d among y at risk, with the weight of one
// subject for the 1: (Y−d)/(Y−1) is kept within 0…1, and c is 0 where at most one subject is
// at risk.
func Variance(d, y, unit float64) float64 {
	if y <= unit {
		return 0
	}
	return d * min(1, max(0, (y-d)/(y-unit)))
}

// end is the row after the last one from event time k up to the next.
func (p *pass) end(k, rows int) int {
	if k+1 < len(p.times) {
		return p.times[k+1].start
	}
	return rows
}

// spread fills the rows of the pass from its times.
func (c *LogRank) spread(tags []uint64) {
	p := &c.pass
	p.rows = resize(p.rows, len(tags))
	for k := range p.times {
		t := &p.times[k]
		for i := t.start; i < p.end(k, len(tags)); i++ {
			r := &p.rows[i]
			r.residual, r.a, r.w = float64(tags[i]&1)-t.l, t.a, t.w
			if c.y.Weight == nil {
				r.weight = float64(draws(tags[i]))
			}
		}
	}
}

// exact is the statistic of a split and the number of rows on one side. It sums over the
// side that lacks the last row, so that a set and its complement have the same bits.
func (c *LogRank) exact(g *Grower, n *node, s split) (z float64, rows int) {
	slots, rule := n.coding.columns[s.column].slots(), g.m.rule(n.coding, s)
	word, shift, mask := n.rows.at(s.column)
	word = word[n.lo:n.hi]
	flip := rule.left(word[len(word)-1] >> (shift & 63) & mask)
	switch {
	case len(c.pass.rows) == 0:
		var in [256]uint64 // all ones for codes of the side
		sides(rule, in[:slots], -uint64(1^flip), -uint64(flip))
		return c.pass.exactTimes(n.tags(), word, shift, &in)
	case n.rows.width == 8:
		var share [256]float64 // of a row's weight that counts, by code
		sides(rule, share[:slots], float64(1^flip), float64(flip))
		return c.pass.exactBytes(word, shift, &share)
	}
	n.rows.mark(n.lo, n.hi, s.column, slots, rule)
	return c.pass.exactSide(n.rows.side[:len(word)], flip)
}

// exactTimes sums over event times, their rows as integers.
func (p *pass) exactTimes(tags, word []uint64, shift uint, in *[256]uint64) (z float64, count int) {
	var u, v, risk float64
	end := len(tags)
	members := uint64(0)
	for k := len(p.times) - 1; k >= 0; k-- {
		t := &p.times[k]
		tags, word := tags[t.start:end], word[t.start:end]
		end = t.start
		var here, events uint64
		for i, x := range word[:len(tags)] {
			side := in[uint8(x>>(shift&63))]
			w := tags[i] & tagDraws >> 1 & side
			here += w
			events += w & -(tags[i] & 1)
			members -= side
		}
		weight := float64(int64(here))
		u += float64(int64(events)) - float64(t.l*weight)
		v += float64(weight * (t.a - float64(t.w*(weight+2*risk))))
		risk += weight
	}
	return statistic(u, v), int(members)
}

func (p *pass) exactBytes(word []uint64, shift uint, share *[256]float64) (z float64, count int) {
	rows := p.rows[:len(word)]
	var u, v, risk, members float64
	for i := len(word) - 1; i >= 0; i-- {
		t := &rows[i]
		in := share[uint8(word[i]>>(shift&63))]
		weight := float64(t.weight * in)
		members += in
		u += float64(weight * t.residual)
		v += float64(weight * (t.a - float64(t.w*(weight+2*risk))))
		risk += weight
	}
	return statistic(u, v), int(members)
}

func (p *pass) exactSide(side []uint8, flip uint8) (z float64, count int) {
	rows := p.rows[:len(side)]
	var u, v, risk, members float64
	for i := len(side) - 1; i >= 0; i-- {
		t := &rows[i]
		in := float64(side[i] ^ flip)
		weight := float64(t.weight * in)
		members += in
		u += float64(weight * t.residual)
		v += float64(weight * (t.a - float64(t.w*(weight+2*risk))))
		risk += weight
	}
	return statistic(u, v), int(members)
}

// negligible is the variance below which a split says nothing.
const negligible = 1e-9

func statistic(u, v float64) float64 {
	if v <= negligible {
		return 0
	}
	return u * u / v
}
