package metric

import (
	"math"

	"everfold/survival/riskset"
)

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

// ranking is rows in ascending order of a marker, 1 − S at one grid time after the other.
type ranking struct {
	ranked, scratch []uint64 // words of a key, equal where rows tie, and the row
	rows            []uint32 // those that are ranked, ascending
	misses          int      // how often an order was not nearly that of the time before
}

// mostMisses: then curves cross. At the first times curves near 1 tie by rounding, and their order
// is another one when they have parted.
const mostMisses = 6

func newRanking(rows int) ranking {
	r := ranking{ranked: make([]uint64, 0, rows), scratch: make([]uint64, rows), rows: make([]uint32, rows)}
	for i := range r.rows {
		r.rows[i] = uint32(i)
	}
	return r
}

// rank ranks the rows of the time before that are to be kept, ties by row. Curves that do not
// cross rank rows alike at all times, but for rounding: then little of the order of the time
// before has to be mended.
func (r *ranking) rank(surv []float32, keep func(row uint32) bool) {
	kept := r.rows[:0]
	for _, row := range r.rows {
		if keep(row) {
			kept = append(kept, row)
		}
	}
	r.rows = kept
	if r.misses < mostMisses {
		near := r.ranked[:0]
		for _, word := range r.ranked {
			if row := uint32(word); keep(row) {
				near = append(near, uint64(survivalKey(surv[row]))<<32|uint64(row))
			}
		}
		if r.ranked = near; len(near) == len(kept) && settle(near) {
			return
		}
		r.misses++
	}
	r.ranked, r.scratch = r.ranked[:len(kept)], r.scratch[:len(kept)]
	for k, row := range kept {
		r.ranked[k] = uint64(survivalKey(surv[row]))<<32 | uint64(row)
	}
	r.ranked, r.scratch = riskset.SortWords(r.ranked, r.scratch)
}

// settle sorts words that are nearly in order; false where they are not, after at most a few
// times as many moves as words.
func settle(words []uint64) bool {
	moves := 0
	for q, w := range words {
		at := q
		for at > 0 && words[at-1] > w {
			words[at] = words[at-1]
			at--
		}
		words[at] = w
		if moves += q - at; moves > 4*len(words) {
			return false
		}
	}
	return true
}

// survivalKey ascends as 1 − S does: the bits of numbers that are not negative are in the order of
// the numbers. −0 + 0 is 0.
func survivalKey(s float32) uint32 { return ^math.Float32bits(s + 0) }
