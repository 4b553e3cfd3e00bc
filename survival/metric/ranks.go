package metric

import "everfold/survival/riskset"

// ranks says which risks tie. Distinct risks are numbered in ascending order; row i has
// number of[i] and ties with the numbers low[of[i]] ≤ m < high[of[i]].
type ranks struct {
	of, low, high []int
}

// newRanks ranks the risks. Rows tie where |r_i − r_j| ≤ tolerance: with a positive
// tolerance that relation is not transitive, so each number has a range of its own,
// found with two pointers.
func newRanks(risk []float64, tolerance float64) ranks {
	r := ranks{of: make([]int, len(risk))}
	var values []float64
	for _, i := range riskset.Ascending(risk) {
		if len(values) == 0 || values[len(values)-1] != risk[i] {
			values = append(values, risk[i])
		}
		r.of[i] = len(values) - 1
	}
	r.low, r.high = make([]int, len(values)), make([]int, len(values))
	low, high := 0, 0
	for m, v := range values {
		for v-values[low] > tolerance {
			low++
		}
		for high < len(values) && values[high]-v <= tolerance {
			high++
		}
		r.low[m], r.high[m] = low, high
	}
	return r
}

// ascending are the rows in ascending order of the marker. The order of another time often
// still holds (always, where hazards are proportional): then it is kept. nil: none is known.
func ascending(order []int, marker []float64) []int {
	if order == nil {
		return riskset.Ascending(marker)
	}
	for q := 1; q < len(marker); q++ {
		if marker[order[q]] < marker[order[q-1]] {
			return riskset.Ascending(marker)
		}
	}
	return order
}

const (
	digitBits = 11 // three digits hold a 32-bit key, and their counts fit into a core's cache
	digits    = 1 << digitBits
)

// sortByKey sorts by the upper 32 bits, stably, by a least-significant-digit radix sort, and
// returns the sorted slice and the other one, which it has overwritten.
func sortByKey(from, to []uint64) (sorted, scratch []uint64) {
	var counts [3][digits]int32
	for _, v := range from {
		for d := range counts {
			counts[d][v>>(32+d*digitBits)%digits]++
		}
	}
	for d := range counts {
		at := int32(0)
		for k, n := range counts[d] {
			counts[d][k] = at
			at += n
		}
		shift := 32 + d*digitBits
		for _, v := range from {
			slot := &counts[d][v>>shift%digits]
			to[*slot] = v
			*slot++
		}
		from, to = to, from
	}
	return from, to
}
