package survival

import "sort"

// StepFunction is right-continuous: Before for t < Times[0], Values[k] for
// Times[k] ≤ t < Times[k+1], and the last value kept for ever after.
// (scikit-survival returns Values[0] before the first time and raises past the last.)
type StepFunction struct {
	Times  []float64 // ascending, distinct
	Values []float64 // len(Values) == len(Times)
	Before float64
}

// At is the value at t.
func (f StepFunction) At(t float64) float64 {
	return f.value(sort.Search(len(f.Times), func(k int) bool { return f.Times[k] > t }))
}

// Left is the left limit at t: the value just before t.
func (f StepFunction) Left(t float64) float64 {
	return f.value(sort.SearchFloat64s(f.Times, t))
}

func (f StepFunction) value(steps int) float64 {
	if steps == 0 {
		return f.Before
	}
	return f.Values[steps-1]
}
