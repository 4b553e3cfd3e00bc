package tree

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
	if f, ok := zeroOne(values); ok {
		return f
	}
	sorted := ascend(values)
	f := feature{codes: make([]uint32, len(values)), gaps: len(sorted) < len(values)}
	for i := 0; i < len(sorted); i = next(sorted, i) {
		f.low = append(f.low, sorted[i].value)
	}
	if bins == Quantiles && len(f.low) > maxBins {
		f.low = quantiles(sorted, maxBins)
	}
	f.high = make([]float64, len(f.low))
	if f.gaps {
		for i := range f.codes {
			f.codes[i] = gap
		}
	}
	code := 0
	for _, it := range sorted {
		for code+1 < len(f.low) && it.value >= f.low[code+1] {
			code++
		}
		f.high[code] = it.value
		f.codes[it.row] = uint32(code)
	}
	return f
}

// zeroOne codes a column of zeros and ones, as indicators and levels are.
func zeroOne(values []float64) (f feature, ok bool) {
	ones := 0
	for _, v := range values {
		if v != 0 && v != 1 {
			return f, false
		}
		ones += int(v)
	}
	if ones == 0 || ones == len(values) {
		return f, false
	}
	f = feature{low: []float64{0, 1}, high: []float64{0, 1}, codes: make([]uint32, len(values))}
	for i, v := range values {
		f.codes[i] = uint32(v)
	}
	return f, true
}

// next is the index of the first value above sorted[i].
func next(sorted []item, i int) int {
	v := sorted[i].value
	for i < len(sorted) && sorted[i].value == v {
		i++
	}
	return i
}

// quantiles are the smallest values of at most k bins of about equal size.
func quantiles(sorted []item, k int) []float64 {
	low := []float64{sorted[0].value}
	for q := 1; q < k; q++ {
		if v := sorted[q*len(sorted)/k].value; v > low[len(low)-1] {
			low = append(low, v)
		}
	}
	return low
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
