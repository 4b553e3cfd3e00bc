package tree

import (
	"math"
	"slices"
)

// Leaves are the outcomes of a survival tree's leaves: for leaf l the event times present
// in it, entries Offset[l] ≤ e < Offset[l+1], ascending.
type Leaves struct {
	Offset []int32
	Rank   []int32   // of the event time
	Events []float32 // weight of the events at that time
	AtRisk []float32 // weight of the rows at risk
}

func (l *Leaves) reset() {
	*l = Leaves{Offset: append(l.Offset[:0], 0), Rank: l.Rank[:0], Events: l.Events[:0], AtRisk: l.AtRisk[:0]}
}

// Hazard is the step d/Y of the Nelson–Aalen estimate at entry e.
func (l *Leaves) Hazard(e int) float64 { return float64(l.Events[e]) / float64(l.AtRisk[e]) }

// valid says whether the arrays describe so many leaves over so many distinct times.
func (l *Leaves) valid(leaves, times int) bool {
	n := len(l.Rank)
	if len(l.Offset) != leaves+1 || l.Offset[0] != 0 || int(l.Offset[leaves]) != n || len(l.Events) != n || len(l.AtRisk) != n {
		return false
	}
	if !slices.IsSorted(l.Offset) {
		return false
	}
	for k := range leaves {
		last := int32(-1)
		for e := l.Offset[k]; e < l.Offset[k+1]; e++ {
			if l.Rank[e] <= last || int(l.Rank[e]) >= times || !(l.Events[e] > 0 && l.Events[e] <= l.AtRisk[e]) {
				return false
			}
			last = l.Rank[e]
		}
	}
	return true
}

// halve has nothing to do: risk sets of the sides are not parts of the node's.
func (c *LogRank) halve(*Grower, *node, *node, *node, bool) {}

func (c *LogRank) leaf(n *node) {
	tags := n.tags()
	c.leaves.Add(len(tags), func(i int) (int, float64, bool) { return c.read(tags[i]) })
}

// Add appends the leaf of n rows in ascending order of time; row gives the rank of a row's
// time, its weight and whether its event was observed.
func (l *Leaves) Add(n int, row func(i int) (rank int, weight float64, event bool)) {
	if len(l.Offset) == 0 {
		l.Offset = append(l.Offset, 0)
	}
	total := 0.0
	for i := range n {
		_, weight, _ := row(i)
		total += weight
	}
	for i := 0; i < n; {
		rank, _, _ := row(i)
		here, events := 0.0, 0.0
		for i < n {
			r, weight, event := row(i)
			if r != rank {
				break
			}
			here += weight
			if event {
				events += weight
			}
			i++
		}
		// Rounding of the difference must not leave fewer at risk than die.
		if d, y := single(events, max(total, events)); d > 0 {
			l.Rank = append(l.Rank, int32(rank))
			l.Events = append(l.Events, d)
			l.AtRisk = append(l.AtRisk, y)
		}
		total -= here
	}
	l.Offset = append(l.Offset, int32(len(l.Rank)))
}

// single rounds the weights of events and of rows at risk. Weights beyond 2^±64 are scaled:
// only the ratio counts, and float32 does not hold them all.
func single(events, atRisk float64) (d, y float32) {
	if _, e := math.Frexp(atRisk); e < -64 || e > 64 {
		events, atRisk = math.Ldexp(events, -e), math.Ldexp(atRisk, -e)
	}
	return float32(events), float32(atRisk)
}
