package tree

import (
	"cmp"
	"math"
	"slices"
)

// item is a value and its row.
type item struct {
	value float64
	row   uint32
}

// fewItems is up to how many values are sorted by comparison.
const fewItems = 1 << 12

// ascend sorts the values that are not missing. −0 is taken as +0.
func ascend(values []float64) []item {
	if len(values) > fewItems {
		return radix(values)
	}
	var items []item
	for i, v := range values {
		if v == v {
			items = append(items, item{v + 0, uint32(i)})
		}
	}
	slices.SortFunc(items, byValue)
	return items
}

// sortRun sorts the values around i whose high halves are equal.
func sortRun(items []item, i int) {
	from, to, h := i, i, high(items[i].value)
	for from > 0 && high(items[from-1].value) == h {
		from--
	}
	for to < len(items) && high(items[to].value) == h {
		to++
	}
	slices.SortFunc(items[from:to], byValue)
}

func byValue(a, b item) int { return cmp.Compare(a.value, b.value) }

const (
	digitBits = 11
	digits    = 3 // of the high half
	digitMask = 1<<digitBits - 1
)

// radix sorts by the high halves of the values, the least significant digit first, then runs
// of equal ones.
func radix(values []float64) []item {
	var counts [digits][1 << digitBits]uint32
	keys, other := make([]uint64, 0, len(values)), make([]uint64, len(values))
	for i, v := range values {
		if v != v {
			continue
		}
		k := high(v + 0)
		keys = append(keys, uint64(k)<<32|uint64(i))
		for d := range counts {
			counts[d][k>>(d*digitBits)&digitMask]++
		}
	}
	other = other[:len(keys)]
	for d := range counts {
		c := &counts[d]
		at := uint32(0)
		for k, n := range c {
			c[k] = at
			at += n
		}
		for _, key := range keys {
			k := key >> (32 + d*digitBits) & digitMask
			other[c[k]] = key
			c[k]++
		}
		keys, other = other, keys
	}
	items := make([]item, len(keys))
	for i, key := range keys {
		items[i] = item{values[uint32(key)] + 0, uint32(key)}
	}
	for i := 1; i < len(items); i++ {
		if items[i].value < items[i-1].value {
			sortRun(items, i)
		}
	}
	return items
}

// high is the high half of an integer of the same order as the values.
func high(v float64) uint32 {
	b := math.Float64bits(v)
	return uint32((b ^ (uint64(int64(b)>>63) | 1<<63)) >> 32)
}
