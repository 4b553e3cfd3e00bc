package tree

import "math"

// Ranked is an outcome whose rows are sorted by time.
type Ranked struct {
	Rank   []int32   // of each row's time among the distinct times, ascending from 0
	Event  []bool    // observed
	Weight []float64 // nil (all 1), or case weights > 0
}

// LogRank is the log-rank criterion. At a node let d_k and Y_k be the weights of the events
// and of the rows at risk at event time k, and d_Lk, Y_Lk those of the left side:
//
//	U = Σ_k (d_Lk − d_k·Y_Lk/Y_k)
//	V = Σ_k (Y_Lk/Y_k)(1 − Y_Lk/Y_k)·c_k,   c_k = d_k·(Y_k − d_k)/(Y_k − 1)
//
// and the statistic U²/V over all event times of the node. A row drawn w times counts w
// times; case weights multiply these counts, while Options.MinSplit and MinLeaf count
// distinct rows, as scikit-survival does. Weights are frequencies: with fractional ones (Y−d)/(Y−1) is kept within 0…1,
// and c is 0 where Y ≤ 1.
type LogRank struct {
	y    Ranked
	rows []int32
	draw []uint64

	leaves *Leaves

	pass   pass
	finds  []candidate
	fenw   fenwick
	bounds bounds
	bits   bitSets
	only   searchKind
}

// NewLogRank returns the criterion for an outcome. It panics where lengths differ.
func NewLogRank(y Ranked) *LogRank {
	if len(y.Event) != len(y.Rank) || (y.Weight != nil && len(y.Weight) != len(y.Rank)) {
		panic("tree: Ranked slices differ in length")
	}
	return &LogRank{y: y}
}

// Draw chooses the rows of the next tree: each as often as count says. The leaves of that
// tree are written into leaves. It panics where count has another length than the outcome.
func (c *LogRank) Draw(count []uint32, leaves *Leaves) {
	if len(count) != len(c.y.Rank) {
		panic("tree: draw and outcome differ in length")
	}
	c.rows, c.draw = c.rows[:0], c.draw[:0]
	for i, n := range count {
		if n == 0 {
			continue
		}
		key := uint64(c.y.Rank[i])
		if c.y.Weight != nil {
			key = uint64(i)
		}
		tag := key<<tagKey | uint64(n)<<1
		if c.y.Event[i] {
			tag |= 1
		}
		c.rows, c.draw = append(c.rows, int32(i)), append(c.draw, tag)
	}
	c.leaves = leaves
}

// A tag is the rank (with case weights: the row) above how often the row was drawn and its
// event bit.
const (
	tagKey   = 32
	tagDraws = 1<<tagKey - 1
)

func draws(tag uint64) int { return int(tag & tagDraws >> 1) }

// read gives the time rank, weight and event of a tag.
func (c *LogRank) read(tag uint64) (rank int, weight float64, event bool) {
	rank, weight = int(tag>>tagKey), float64(draws(tag))
	if c.y.Weight != nil {
		weight *= c.y.Weight[rank]
		rank = int(c.y.Rank[rank])
	}
	return rank, weight, tag&1 != 0
}

// rank is that of a tag's time.
func (c *LogRank) rank(tag uint64) int {
	if c.y.Weight != nil {
		return int(c.y.Rank[tag>>tagKey])
	}
	return int(tag >> tagKey)
}

func (c *LogRank) begin(g *Grower) int {
	g.rows.load(g.m, c.rows, c.draw)
	c.leaves.reset()
	return c.size(c.draw)
}

func (c *LogRank) size(tags []uint64) int {
	n := 0
	for _, tag := range tags {
		n += draws(tag)
	}
	return n
}

// pass is what one sweep over the rows of a node leaves for the searches: for row i with
// its time's prefix sums over event times L = Σ d/Y, A = Σ c/Y, W = Σ c/Y²,
// the terms of U and V.
type pass struct {
	rows  []term
	times []eventTime // 0 is before the first event time
	total float64     // Σ c
}

// term of a row: δ − L, A, W and its weight.
type term struct{ residual, a, w, weight float64 }

// eventTime is one event time of a node: its first row, the weight at risk, and the prefix
// sums with it.
type eventTime struct {
	start         int
	risk, l, a, w float64
}

// sweep fills the pass for a node of so many rows as drawn.
func (c *LogRank) sweep(tags []uint64, size int) {
	p := &c.pass
	p.rows = resize(p.rows, len(tags))
	risk := float64(size)
	if c.y.Weight != nil {
		risk = 0
		for _, tag := range tags {
			_, weight, _ := c.read(tag)
			risk += weight
		}
	}
	p.total = 0
	p.times = append(p.times[:0], eventTime{risk: risk})
	now := p.times[0]
	for i := 0; i < len(tags); {
		start, rank := i, c.rank(tags[i])
		d, here := 0.0, 0.0
		for ; i < len(tags) && c.rank(tags[i]) == rank; i++ {
			_, weight, _ := c.read(tags[i])
			p.rows[i].weight = weight
			here += weight
			d += weight * float64(tags[i]&1)
		}
		if d > 0 {
			v, inverse := variance(d, risk), 1/risk
			p.total += v
			v *= inverse
			now = eventTime{start: start, risk: risk, l: now.l + d*inverse, a: now.a + v, w: now.w + v*inverse}
			p.times = append(p.times, now)
		}
		risk -= here
		for k := start; k < i; k++ {
			t := &p.rows[k]
			t.residual, t.a, t.w = float64(tags[k]&1)-now.l, now.a, now.w
		}
	}
}

// variance is c = d(Y−d)/(Y−1).
func variance(d, y float64) float64 {
	if y <= 1 {
		return 0
	}
	return d * min(1, max(0, (y-d)/(y-1)))
}

// exact is the statistic of a split and the number of rows on one side. It sums over the side that lacks the last row, so that
// a set and its complement have the same bits.
func (c *LogRank) exact(g *Grower, n *node, s split) (z float64, rows int) {
	slots, rule := n.coding.columns[s.column].slots(), g.m.rule(n.coding, s)
	word, shift, mask := n.rows.at(s.column)
	word = word[n.lo:n.hi]
	flip := rule.left(word[len(word)-1] >> (shift & 63) & mask)
	if n.rows.width == 8 {
		var share [256]float64 // of a row's weight that counts, by code
		for code := range share[:slots] {
			share[code] = float64(rule.left(uint64(code)) ^ flip)
		}
		return c.pass.exactBytes(word, shift, &share)
	}
	n.rows.mark(n.lo, n.hi, s.column, slots, rule)
	return c.pass.exactSide(n.rows.side[:len(word)], flip)
}

func (p *pass) exactBytes(word []uint64, shift uint, share *[256]float64) (z float64, count int) {
	rows := p.rows[:len(word)]
	var u, v, risk, members float64
	for i := len(word) - 1; i >= 0; i-- {
		t := &rows[i]
		in := share[uint8(word[i]>>(shift&63))]
		weight := t.weight * in
		members += in
		u += weight * t.residual
		v += weight * (t.a - t.w*(weight+2*risk))
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
		weight := t.weight * in
		members += in
		u += weight * t.residual
		v += weight * (t.a - t.w*(weight+2*risk))
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

// searchKind restricts the search for tests.
type searchKind int

const (
	fastest searchKind = iota
	byFenwick
	byBounds
)

func (c *LogRank) search(g *Grower, n *node) chosen {
	packed := c.y.Weight == nil && n.rows.width == 8
	if packed && c.only == fastest && n.size <= smallRows && n.coding.most <= smallRows {
		return c.bits.search(g, n)
	}
	c.sweep(n.tags(), n.size)
	if c.pass.total <= 0 {
		return chosen{split: split{feature: -1}}
	}
	if packed && c.only != byFenwick {
		c.finds = c.bounds.search(g, n, &c.pass, c.finds[:0])
	} else {
		c.finds = c.fenw.search(g, n, &c.pass, c.finds[:0])
	}
	return c.decide(g, n)
}

// decide evaluates the candidates that may be best, most promising first.
func (c *LogRank) decide(g *Grower, n *node) chosen {
	best := chosen{split: split{feature: -1}}
	bound := 0.0
	for _, f := range c.finds {
		bound = max(bound, f.lower)
	}
	left := c.finds
	for len(left) > 0 {
		k := 0
		for i := range left {
			if left[i].upper > left[k].upper {
				k = i
			}
		}
		f := left[k]
		left[k] = left[len(left)-1]
		left = left[:len(left)-1]
		if f.upper < max(best.score, bound)*(1-tie) {
			break
		}
		if z, rows := c.exact(g, n, f.split); rows >= g.opt.MinLeaf && n.hi-n.lo-rows >= g.opt.MinLeaf {
			best.offer(z, f.split)
		}
	}
	return best
}

// bracket bounds a statistic whose U and V are known to rounding errors, in proportion to
// the sums they are differences of.
func bracket(s split, u, v, sumU, sumV float64) candidate {
	errU, errV := 1e-12*sumU, 1e-12*sumV
	up, down := math.Abs(u)+errU, max(0, math.Abs(u)-errU)
	return candidate{split: s, upper: up * up / max(v-errV, negligible), lower: down * down / max(v+errV, negligible)}
}
