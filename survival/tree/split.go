package tree

import "slices"

// split is one candidate.
type split struct {
	feature int  // design column; −1: none
	code    int  // of an ordered column, local: codes up to it go left
	gapLeft bool // missing values go left
	column  int  // stored column
}

// candidate is a split with a proven upper bound on its statistic.
type candidate struct {
	split
	upper float64
}

// tie is the relative difference of statistics below which candidates tie: far above
// rounding errors, far below any difference that could matter.
const tie = 1e-10

// chosen keeps the best split found and its statistic.
type chosen struct {
	split
	score float64
}

// smallest statistic worth a split.
const smallest = 1e-8

// offer takes z if it is better than the best so far, or ties with it and comes first in
// the order of (design column, threshold, missing right before left).
func (b *chosen) offer(z float64, s split) {
	switch {
	case z < smallest:
	case b.feature < 0 || z > b.score*(1+tie):
		b.split, b.score = s, z
	case z >= b.score*(1-tie) && s.before(b.split):
		b.split, b.score = s, max(z, b.score)
	}
}

func (s split) before(o split) bool {
	switch {
	case s.feature != o.feature:
		return s.feature < o.feature
	case s.code != o.code:
		return s.code < o.code
	}
	return !s.gapLeft && o.gapLeft
}

// rule of a split in a coding.
func (m *Matrix) rule(c *coding, s split) rule {
	stored, in := &m.columns[s.column], &c.columns[s.column]
	switch {
	case s.feature == stored.numeric:
		r := rule{threshold: uint64(s.code), extra: uint64(in.codes)}
		if (in.home >= 0 && in.home <= s.code) || (in.home < 0 && s.gapLeft) {
			r.extraLeft = 1
		}
		return r
	case s.feature == stored.indicator:
		return rule{single: true, threshold: uint64(in.codes)}
	}
	return rule{single: true, threshold: uint64(slices.Index(stored.classes, s.feature))}
}

// node is what a search is asked about: rows lo ≤ i < hi of the rowSet.
type node struct {
	rows   *rowSet
	lo, hi int
	size   int // rows, each as often as it was drawn
	coding *coding
	try    []bool      // by design column: may be split on; nil: all
	sums   *sumSet     // of the Gradient criterion: the node's histograms, if already known
	packed *packedSums // and those of many rows
}

func (n *node) allows(feature int) bool { return n.try == nil || n.try[feature] }

// tries says whether any design column of the stored one may be split on.
func (n *node) tries(c *column) bool {
	if n.try == nil {
		return true
	}
	if c.numeric >= 0 && n.try[c.numeric] || c.indicator >= 0 && n.try[c.indicator] {
		return true
	}
	return slices.ContainsFunc(c.classes, func(f int) bool { return f >= 0 && n.try[f] })
}

func (n *node) tags() []uint64 { return n.rows.tags[n.lo:n.hi] }
