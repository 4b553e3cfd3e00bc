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
	items := make([]item, 0, len(values))
	for i, v := range values {
		if v == v {
			items = append(items, item{v + 0, uint32(i)})
		}
	}
	if len(items) <= fewItems {
		slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.value, b.value) })
		return items
	}
	return radix(items)
}

const (
	digitBits = 8
	digits    = (64 + digitBits - 1) / digitBits
	digitMask = 1<<digitBits - 1
)

// radix sorts by the bits of the values, the least significant digit first; passes over a
// digit that all values share are left out.
func radix(items []item) []item {
	var counts [digits][1 << digitBits]uint32
	for i := range items {
		k := ordered(items[i].value)
		for d := range counts {
			counts[d][k>>(d*digitBits)&digitMask]++
		}
	}
	other := make([]item, len(items))
	for d := range counts {
		c := &counts[d]
		if int(c[ordered(items[0].value)>>(d*digitBits)&digitMask]) == len(items) {
			continue
		}
		at := uint32(0)
		for k, n := range c {
			c[k] = at
			at += n
		}
		for _, it := range items {
			k := ordered(it.value) >> (d * digitBits) & digitMask
			other[c[k]] = it
			c[k]++
		}
		items, other = other, items
	}
	return items
}

// ordered maps a number to an integer of the same order.
func ordered(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}
