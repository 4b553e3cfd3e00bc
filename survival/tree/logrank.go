package tree

import (
	"math"
	"slices"
)

// Ranked is an outcome whose rows are sorted by time.
type Ranked struct {
	Rank   []int32   // of each row's time among the distinct times, ascending from 0
	Event  []bool    // observed
	Weight []float64 // nil (all 1), or case weights ≥ 0
	// Unit is the weight of one subject in the variance of the log-rank statistic: with
	// Weight it comes from Frequencies; 0 means 1.
	Unit float64
}

// Frequencies scales case weights ≥ 0, not all 0, by a power of two to a mean between 1 and
// 2, and gives what one subject weighs on that scale. Weights of mean ≥ 1 are
// frequencies: a subject weighs 1 before scaling, and weight 2 is a copy. Of weights with a
// smaller mean, which cannot be frequencies, only the proportions count: a subject weighs
// their mean.
func Frequencies(weight []float64) (scaled []float64, unit float64) {
	if weight == nil {
		return nil, 1
	}
	_, top := math.Frexp(slices.Max(weight))
	sum := 0.0
	for _, w := range weight {
		sum += math.Ldexp(w, -top)
	}
	f, e := math.Frexp(sum / float64(len(weight)))
	shift := 1 - top - e
	scaled = make([]float64, len(weight))
	for i, w := range weight {
		scaled[i] = math.Ldexp(w, shift)
	}
	return scaled, min(math.Ldexp(1, shift), 2*f)
}

// Subject is Unit, or its default.
func (y *Ranked) Subject() float64 {
	if y.Unit == 0 {
		return 1
	}
	return y.Unit
}

// LogRank is the log-rank criterion. At a node let d_k and Y_k be the weights of the events
// and of the rows at risk at event time k, and d_Lk, Y_Lk those of the left side:
//
//	U = Σ_k (d_Lk − d_k·Y_Lk/Y_k)
//	V = Σ_k (Y_Lk/Y_k)(1 − Y_Lk/Y_k)·c_k,   c_k = d_k·(Y_k − d_k)/(Y_k − 1)
//
// and the statistic U²/V over all event times of the node. A row drawn w times counts w
// times; case weights multiply these counts, while Options.MinSplit and MinLeaf count
// distinct rows, as scikit-survival does. With case weights the 1 in c is Ranked.Unit,
// (Y−d)/(Y−1) is kept within 0…1, and c is 0 where Y ≤ 1.
type LogRank struct {
	y    Ranked
	rows []int32
	draw []uint64

	unit   float64 // of Ranked
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
	return &LogRank{y: y, unit: y.Subject()}
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
	var bound float64
	if packed && c.only != byFenwick {
		c.finds, bound = c.bounds.search(g, n, &c.pass, c.finds[:0])
	} else {
		c.spread(n.tags())
		c.finds, bound = c.fenw.search(g, n, &c.pass, c.finds[:0])
	}
	return c.decide(g, n, bound)
}

// decide evaluates the candidates that may be best, most promising first; the best is no
// worse than bound.
func (c *LogRank) decide(g *Grower, n *node, bound float64) chosen {
	best := chosen{split: split{feature: -1}}
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
func bracket(u, v, sumU, sumV float64) (upper, lower float64) {
	errU, errV := 1e-12*sumU, 1e-12*sumV
	up, down := math.Abs(u)+errU, max(0, math.Abs(u)-errU)
	return up * up / max(v-errV, negligible), down * down / max(v+errV, negligible)
}
