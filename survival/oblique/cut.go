package oblique

import (
	"math"
	"slices"

	"everfold/survival/tree"
)

// cutter finds the cut of a node's projected rows.
type cutter struct {
	value []float64 // Σ coef·x by row
	perm  []int32   // rows, the first of them drawn
	cuts  []float64 // candidates, ascending
	// By bin, which a row's value puts it in: the number of cuts below it.
	sides []side
	risk  []float64 // weight at risk
}

// side is what rows add to the log-rank statistic U²/V of a cut, U = Σ score and
// V = Σ share − overlap.
type side struct {
	score, share, overlap float64
	rows, events          int
}

// cut draws candidates among the node's projected values and takes the one with the largest
// log-rank statistic into g.split. It says whether there is a valid one.
func (g *grower) cut(rows []int32) bool {
	c := &g.cutter
	if !g.project(rows) {
		return false
	}
	c.candidates(g.rng)
	c.histogram(&g.risk)
	best, at := g.opt.MinStat*g.outcome.Subject(), -1 // a statistic is in proportion to the weights
	left := side{}
	for k, s := range c.sides[:len(c.cuts)] {
		left.score += s.score
		left.share += s.share
		left.rows += s.rows
		left.events += s.events
		if min(left.rows, len(rows)-left.rows) < g.opt.MinLeaf || min(left.events, g.risk.events-left.events) < leafEvents {
			continue
		}
		if z := statistic(left.score, left.share-s.overlap); z > best {
			best, at = z, k
		}
	}
	if at < 0 {
		return false
	}
	g.split.cut = c.middle(c.cuts[at])
	return true
}

// negligible is the variance below which nothing is said.
const negligible = 1e-9

// statistic is U²/V.
func statistic(u, v float64) float64 {
	if v <= negligible {
		return 0
	}
	return u * u / v
}

// project computes the rows' combinations as prediction does; it says whether all are
// finite.
func (g *grower) project(rows []int32) bool {
	g.cutter.value = resize(g.cutter.value, len(rows))
	check := 0.0
	for i, r := range rows {
		v := g.tree.project(g.row(r), g.split.column, g.split.coef)
		g.cutter.value[i] = v
		check += v - v
	}
	return check == 0
}

// candidates draws the cuts: the distinct values of so many rows.
func (c *cutter) candidates(rng tree.Rand) {
	n := len(c.value)
	c.cuts = c.cuts[:0]
	if n <= maxCuts {
		c.cuts = append(c.cuts, c.value...)
	} else {
		c.perm = resize(c.perm, n)
		for i := range c.perm {
			c.perm[i] = int32(i)
		}
		for k := range maxCuts {
			other := k + rng.IntN(n-k)
			c.perm[k], c.perm[other] = c.perm[other], c.perm[k]
			c.cuts = append(c.cuts, c.value[c.perm[k]])
		}
	}
	slices.Sort(c.cuts)
	c.cuts = slices.Compact(c.cuts)
}

// maxCuts is how many values are candidates: few, so that trees differ.
const maxCuts = 5

// histogram sums the rows' terms by bin, and each cut's overlap Σ_k (c_k/Y_k²)·Y_k(left)².
func (c *cutter) histogram(s *riskSets) {
	bins := len(c.cuts) + 1
	c.sides, c.risk = resize(c.sides, bins), resize(c.risk, bins)
	clear(c.sides)
	clear(c.risk)
	k := len(s.times) - 1
	for i := len(s.rows) - 1; i >= 0; i-- {
		r := &s.rows[i]
		bin := 0
		for _, cut := range c.cuts {
			if c.value[i] > cut {
				bin++
			}
		}
		into := &c.sides[bin]
		into.score += r.score
		into.share += r.share
		into.events += r.event
		into.rows++
		c.risk[bin] += r.weight
		if k >= 0 && s.times[k].start == i {
			left := 0.0
			for b := range c.cuts {
				left += c.risk[b]
				c.sides[b].overlap += float64(left * left * s.times[k].c)
			}
			k--
		}
	}
}

// middle is halfway between a value and the next larger one.
func (c *cutter) middle(cut float64) float64 {
	next := math.Inf(1)
	for _, v := range c.value {
		if v > cut {
			next = min(next, v)
		}
	}
	if mid := cut + (next-cut)/2; mid < next {
		return mid
	}
	return cut
}
