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
