package riskset

import (
	"math"
	"slices"
)

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

const (
	// fewValues is up to how many distinct values rows are counted by value.
	fewValues = 4096
	slotBits  = 14 // of a hash table with four times as many slots
)

// sortByValue stably reorders rows so that v[·] ascends. Few distinct values, as of times in
// days, are found by hashing and sorted, and the rows counted by value: two passes; otherwise
// it is sortByKey.
func sortByValue(rows []int, v []float64) {
	key := func(i int) uint64 { return sortKey(v[i]) }
	if len(rows) < fewValues { // not worth the table
		sortByKey(rows, key)
		return
	}
	d := distinct{keys: make([]uint64, 1<<slotBits), number: make([]uint16, 1<<slotBits)}
	numbers := make([]uint16, len(rows))
	for q, i := range rows {
		number, ok := d.of(sortKey(v[i]))
		if !ok {
			sortByKey(rows, key)
			return
		}
		numbers[q] = number
	}
	start := d.starts()
	sorted := make([]int, len(rows))
	for q, i := range rows {
		at := &start[numbers[q]]
		sorted[*at] = i
		*at++
	}
	copy(rows, sorted)
}

// distinct numbers values in the order in which they come, by open addressing. The key of a
// number is never 0.
type distinct struct {
	keys   []uint64
	number []uint16
	values []uint64 // by number
	counts []int
}

// of is the number of a value; ok is false where there are too many.
func (d *distinct) of(key uint64) (number uint16, ok bool) {
	for slot := key * 0x9e3779b97f4a7c15 >> (64 - slotBits); ; slot = (slot + 1) % (1 << slotBits) {
		switch d.keys[slot] {
		case key:
			number = d.number[slot]
			d.counts[number]++
			return number, true
		case 0:
			if len(d.values) == fewValues {
				return 0, false
			}
			number = uint16(len(d.values))
			d.keys[slot], d.number[slot] = key, number
			d.values, d.counts = append(d.values, key), append(d.counts, 1)
			return number, true
		}
	}
}

// starts is where the rows of each number begin once they are sorted.
func (d *distinct) starts() []int {
	order := make([]int, len(d.values))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int {
		if d.values[a] < d.values[b] {
			return -1
		}
		return 1
	})
	start, at := make([]int, len(order)), 0
	for _, k := range order {
		start[k] = at
		at += d.counts[k]
	}
	return start
}
