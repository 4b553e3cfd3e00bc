package tree

import (
	"slices"
	"sort"
)

// Bins is how finely the values of a column are told apart.
type Bins int

const (
	// Quantiles gives a column at most 255 codes: one a distinct value where there are no
	// more, else quantile bins. The default.
	Quantiles Bins = iota
	// Exact gives every distinct value a code of its own.
	Exact
)

// maxBins is how many codes Quantiles may give.
const maxBins = 255

// feature is one design column as codes: 0…len(low)−1 in ascending order of value. Code c
// stands for the values low[c] ≤ x ≤ high[c].
type feature struct {
	low, high []float64
	codes     []uint32 // by design row; gap where the value is missing
	gaps      bool
}

// gap is the code of a missing value before columns are laid out.
const gap = ^uint32(0)

// quantise sorts the values of a column into codes.
func quantise(values []float64, bins Bins) feature {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if v == v {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	f := feature{codes: make([]uint32, len(values)), gaps: len(sorted) < len(values)}
	for i := 0; i < len(sorted); i = next(sorted, i) {
		f.low = append(f.low, sorted[i])
	}
	if bins == Quantiles && len(f.low) > maxBins {
		f.low = quantiles(sorted, maxBins)
	}
	for c := range f.low {
		end := len(sorted)
		if c+1 < len(f.low) {
			end = sort.SearchFloat64s(sorted, f.low[c+1])
		}
		f.high = append(f.high, sorted[end-1])
	}
	for i, v := range values {
		f.codes[i] = gap
		if v == v {
			f.codes[i] = f.code(v)
		}
	}
	return f
}

// next is the index of the first value above sorted[i].
func next(sorted []float64, i int) int {
	v := sorted[i]
	for i < len(sorted) && sorted[i] == v {
		i++
	}
	return i
}

// quantiles are the smallest values of at most k bins of about equal size.
func quantiles(sorted []float64, k int) []float64 {
	low := []float64{sorted[0]}
	for q := 1; q < k; q++ {
		if v := sorted[q*len(sorted)/k]; v > low[len(low)-1] {
			low = append(low, v)
		}
	}
	return low
}

// code is the last code whose smallest value does not exceed v.
func (f *feature) code(v float64) uint32 {
	return uint32(max(1, sort.Search(len(f.low), func(c int) bool { return f.low[c] > v })) - 1)
}

// between is the threshold that separates code left from the higher code right: their
// middle, rounded down onto left's largest value where the two are neighbours.
func (f *feature) between(left, right uint32) float64 {
	a, b := f.high[left], f.low[right]
	middle := a/2 + b/2
	if !(middle >= a && middle < b) {
		return a
	}
	return middle
}
