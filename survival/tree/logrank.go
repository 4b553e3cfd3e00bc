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
// times; case weights multiply these counts, while Options.MinSplit and MinLeaf count rows
// as drawn. Weights are frequencies: with fractional ones (Y−d)/(Y−1) is kept within 0…1,
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
	group []int32 // event times up to the row's: 1…groups, 0 before the first
	draws []int32
	// groups is the number of event times; total is Σ c.
	groups int
	total  float64
}

// term of a row: δ − L, A, W and its weight.
type term struct{ residual, a, w, weight float64 }

// sweep fills the pass.
func (c *LogRank) sweep(tags []uint64) {
	p := &c.pass
	p.rows, p.group, p.draws = resize(p.rows, len(tags)), resize(p.group, len(tags)), resize(p.draws, len(tags))
	p.groups, p.total = 0, 0
	// From the end: the weight at risk and of events at each time.
	risk := 0.0
	for end := len(tags); end > 0; {
		start, events, here := end, 0.0, 0.0
		last, _, _ := c.read(tags[end-1])
		for start > 0 {
			rank, weight, event := c.read(tags[start-1])
			if rank != last {
				break
			}
			start--
			here += weight
			if event {
				events += weight
			}
			p.rows[start].weight = weight
		}
		risk += here
		// Held in the group's first row until the ascending pass.
		p.rows[start].residual, p.rows[start].a = events, risk
		for i := start; i < end; i++ {
			p.group[i] = int32(end - start)
		}
		end = start
	}
	c.prefix(tags)
}

// prefix turns the sums of each time into the terms of its rows.
func (c *LogRank) prefix(tags []uint64) {
	p := &c.pass
	var l, a, w float64
	for i := 0; i < len(tags); {
		end := i + int(p.group[i])
		if d, y := p.rows[i].residual, p.rows[i].a; d > 0 {
			v := variance(d, y)
			l += d / y
			a += v / y
			w += v / y / y
			p.total += v
			p.groups++
		}
		for ; i < end; i++ {
			p.rows[i].residual, p.rows[i].a, p.rows[i].w = float64(tags[i]&1)-l, a, w
			p.group[i], p.draws[i] = int32(p.groups), int32(draws(tags[i]))
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

// exact is the statistic of the rows marked in side. It sums over the side that lacks the
// last row, so that a set and its complement have the same bits.
func (c *LogRank) exact(side []uint8) float64 {
	p := c.pass.rows
	side = side[:len(p)]
	flip := side[len(p)-1]
	var u, v, risk float64
	for i := len(p) - 1; i >= 0; i-- {
		t := &p[i]
		weight := t.weight * float64(side[i]^flip)
		u += weight * t.residual
		v += weight * (t.a - t.w*(weight+2*risk))
		risk += weight
	}
	return statistic(u, v)
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
	best := chosen{split: split{feature: -1}}
	if c.y.Weight == nil && n.rows.width == 8 && c.only != byFenwick {
		if n.size <= smallRows && n.coding.most <= smallRows && c.only == fastest {
			return c.bits.search(g, n)
		}
	}
	c.sweep(n.tags())
	if c.pass.total <= 0 {
		return best
	}
	c.finds = c.fenw.search(g, n, &c.pass, c.finds[:0])
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
		n.rows.mark(n.lo, n.hi, f.column, g.m.rule(n.coding, f.split))
		best.offer(c.exact(n.rows.side[:n.hi-n.lo]), f.split)
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
