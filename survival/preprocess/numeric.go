package preprocess

import (
	"math"
	"slices"

	"everfold/survival"
)

// numericTerm is what is learnt of a numeric column.
type numericTerm struct {
	Value     bool    `json:"value"`     // the column itself is in the design
	Indicator bool    `json:"indicator"` // so is its missing indicator
	Gaps      int     `json:"gaps"`      // missing training cells
	Fill      float64 `json:"fill"`      // for gaps; 0 where they are not filled
	Mean      float64 `json:"mean"`      // 0 where not scaled
	SD        float64 `json:"sd"`        // 1 where not scaled
}

// fitNumeric learns a numeric column from the training rows, which are ascending. A nil
// term and no error mean that the column gives no design column.
func (b *builder) fitNumeric(f *survival.Feature) (*numericTerm, error) {
	observed, err := b.observed(f)
	if err != nil {
		return nil, err
	}
	t := &numericTerm{Value: true, Gaps: len(b.rows) - len(observed), SD: 1}
	if len(observed) == 0 {
		if !b.options.DropConstant {
			return nil, &TermError{f.Name, "has no observed value in the training rows: ignore it, or set drop_constant"}
		}
		b.drop(f.Name, "no observed value in the training rows")
		return nil, nil
	}
	low, high := slices.Min(observed), slices.Max(observed)
	if t.Gaps > 0 && b.options.fills() {
		t.Fill = b.fill(observed, low, high)
		t.Indicator = b.newPattern(f)
	} else if b.options.fills() {
		t.Fill = b.fill(observed, low, high)
	}
	// Under native a constant column with gaps varies: models split on the gap.
	if b.options.DropConstant && low == high && (t.Gaps == 0 || b.options.fills()) {
		b.drop(f.Name, "constant in the training rows")
		t.Value = false
		if !t.Indicator {
			return nil, nil
		}
	}
	if b.options.Scale == "standard" && t.Value && low < high {
		return t, b.fitScale(t, f)
	}
	return t, nil
}

// observed gives the training values that are there.
func (b *builder) observed(f *survival.Feature) ([]float64, error) {
	values := b.scratch[:0]
	for _, r := range b.rows {
		v := f.Values[r]
		if v == v {
			values = append(values, v)
		} else if b.options.refusesGaps() {
			return nil, gapError(r, f.Name)
		}
	}
	b.scratch = values
	return values, nil
}

// fill is the value for gaps. It may reorder observed.
func (b *builder) fill(observed []float64, low, high float64) float64 {
	switch {
	case low == high: // a sum could round away from the only value
		return low
	case b.options.Impute == "mean":
		return mean(observed)
	}
	slices.Sort(observed)
	n := len(observed)
	if n%2 == 1 {
		return observed[n/2]
	}
	a, c := observed[n/2-1], observed[n/2]
	if m := (a + c) / 2; !math.IsInf(m, 0) {
		return m
	}
	return a/2 + c/2
}

// mean is the sum, in order, over the count.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// fitScale learns mean and population standard deviation of the column as imputed; under
// native, of the observed values. Two passes: the squares are of deviations.
func (b *builder) fitScale(t *numericTerm, f *survival.Feature) error {
	values := b.scratch[:0]
	for _, r := range b.rows {
		v := f.Values[r]
		if v != v {
			if !b.options.fills() {
				continue
			}
			v = t.Fill
		}
		values = append(values, v)
	}
	b.scratch = values
	t.Mean = mean(values)
	sum := 0.0
	for _, v := range values {
		d := v - t.Mean
		sum += float64(d * d)
	}
	t.SD = math.Sqrt(sum / float64(len(values)))
	if math.IsInf(t.Mean, 0) || math.IsInf(t.SD, 0) || math.IsNaN(t.SD) {
		return &TermError{f.Name, "has values too large to scale: divide them first, or set scale to none"}
	}
	if t.SD == 0 { // squares of differences below 1e-162 vanish
		t.SD = 1
	}
	return nil
}

// newPattern says whether no column before has its gaps in the same training rows, and
// otherwise notes the merged indicator.
func (b *builder) newPattern(f *survival.Feature) bool {
	bits := make([]uint64, (len(b.rows)+63)/64)
	for k, r := range b.rows {
		if f.Missing(r) {
			bits[k/64] |= 1 << (k % 64)
		}
	}
	for _, p := range b.patterns {
		if slices.Equal(p.bits, bits) {
			b.dropped = append(b.dropped, Dropped{indicatorName(f.Name), "the same as " + indicatorName(p.column) + " in the training rows"})
			return false
		}
	}
	b.patterns = append(b.patterns, pattern{f.Name, bits})
	return true
}

// pattern is the set of training rows in which a column is missing.
type pattern struct {
	column string
	bits   []uint64
}
