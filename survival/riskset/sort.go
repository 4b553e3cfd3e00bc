package riskset

import "math"

// sortKey maps a float64 to a uint64 of the same order: the sign bit is flipped for
// positive numbers and all bits for negative ones. −0 is taken as +0.
func sortKey(v float64) uint64 {
	b := math.Float64bits(v + 0)
	if b>>63 == 0 {
		return b | 1<<63
	}
	return ^b
}

// sortByKey stably reorders rows so that key(rows[·]) ascends: a least-significant-digit
// radix sort with digits of one byte, O(n), passes over constant bytes left out.
func sortByKey(rows []int, key func(row int) uint64) {
	type item struct {
		key uint64
		row int
	}
	from, to := make([]item, len(rows)), make([]item, len(rows))
	var counts [8][256]int
	for i, r := range rows {
		k := key(r)
		from[i] = item{k, r}
		for b := range counts {
			counts[b][byte(k>>(8*b))]++
		}
	}
	for b := range counts {
		c := &counts[b]
		if len(rows) == 0 || c[byte(from[0].key>>(8*b))] == len(rows) {
			continue
		}
		at := 0
		for d, n := range c {
			c[d] = at
			at += n
		}
		for _, it := range from {
			d := byte(it.key >> (8 * b))
			to[c[d]] = it
			c[d]++
		}
		from, to = to, from
	}
	for i := range from {
		rows[i] = from[i].row
	}
}
