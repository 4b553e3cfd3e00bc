package riskset

import (
	"cmp"
	"math"
	"math/bits"
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

// sortByKey stably reorders rows so that key(rows[·]) ascends. The 32 leading bits of the keys'
// range are sorted in O(n); only rows that they do not tell apart are compared.
func sortByKey(rows []int, key func(row int) uint64) {
	n := len(rows)
	if n < 2 {
		return
	}
	least, most := ^uint64(0), uint64(0)
	for _, r := range rows {
		k := key(r)
		least, most = min(least, k), max(most, k)
	}
	shift := max(0, bits.Len64(most-least)-32)
	words := make([]uint64, n)
	for q, r := range rows {
		words[q] = (key(r)-least)>>shift<<32 | uint64(q)
	}
	words, _ = SortWords(words, make([]uint64, n))
	sorted := make([]int, n)
	for q, w := range words {
		sorted[q] = rows[uint32(w)]
	}
	copy(rows, sorted)
	if shift > 0 {
		finish(rows, words, key)
	}
}

// finish sorts the runs of rows with equal upper halves of their words.
func finish(rows []int, words []uint64, key func(row int) uint64) {
	compare := func(a, b int) int { return cmp.Compare(key(a), key(b)) }
	for start, end := 0, 1; start < len(rows); start, end = end, end+1 {
		for end < len(rows) && words[end]>>32 == words[start]>>32 {
			end++
		}
		if run := rows[start:end]; len(run) > 1 && !slices.IsSortedFunc(run, compare) {
			slices.SortStableFunc(run, compare)
		}
	}
}

const (
	digitBits = 11  // the counts of so many bits fit into a core's cache beside what is sorted
	maxPasses = 3   // which 32 bits take
	fewWords  = 128 // fewer are moved into place one by one: clearing the counts takes longer
)

// SortWords sorts words by their upper 32 bits, stably, by a least-significant-digit radix sort
// over the range of these. It returns the sorted slice and the other one, which it overwrites;
// both are equally long.
func SortWords(from, to []uint64) (sorted, scratch []uint64) {
	if len(from) < fewWords {
		for i, w := range from {
			k := i
			for ; k > 0 && from[k-1]>>32 > w>>32; k-- {
				from[k] = from[k-1]
			}
			from[k] = w
		}
		return from, to
	}
	least, most := ^uint64(0), uint64(0)
	for _, w := range from {
		least, most = min(least, w>>32), max(most, w>>32)
	}
	if least == most {
		return from, to
	}
	width := bits.Len64(most - least)
	passes := (width + digitBits - 1) / digitBits
	digit := (width + passes - 1) / passes
	mask, base := uint64(1)<<digit-1, least<<32
	var counts [maxPasses][1 << digitBits]uint32
	for _, w := range from {
		w = (w - base) >> 32
		for d := range passes {
			counts[d][w&mask]++
			w >>= digit
		}
	}
	for d := range passes {
		count, at, shift := &counts[d], uint32(0), 32+d*digit
		for k := range mask + 1 {
			count[k], at = at, at+count[k]
		}
		for _, w := range from {
			slot := &count[(w-base)>>shift&mask]
			to[*slot] = w
			*slot++
		}
		from, to = to, from
	}
	return from, to
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
