package riskset

import (
	"slices"
	"sort"
	"strconv"

	"everfold/survival"
)

// nearEqual is 2⁻²⁶, the square root of the float64 spacing at 1.
const nearEqual = 1.0 / (1 << 26)

// Merge applies a time rule before a fit. TimesExact returns y itself. TimesMlr3proba
// sorts the distinct times y₁ < … < y_m (entry times included) and ties y_j to y_{j−1}
// where y_j − y_{j−1} ≤ 2⁻²⁶, absolutely or relative to the mean of |y|; each chain of
// tied times becomes its first member. A row whose entry and time are so merged is a
// *survival.DataError: it would never be at risk.
func Merge(y survival.Outcome, rule survival.TimeRule) (survival.Outcome, error) {
	if rule == survival.TimesExact || y.Len() == 0 {
		return y, nil
	}
	distinct := append(slices.Clone(y.Time), y.Entry...)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	mean := 0.0
	for _, t := range distinct {
		mean += abs(t) / float64(len(distinct))
	}
	first := make([]float64, len(distinct)) // the first member of each time's chain
	for j, t := range distinct {
		first[j] = t
		if j > 0 {
			if gap := t - distinct[j-1]; gap <= nearEqual || gap/mean <= nearEqual {
				first[j] = first[j-1]
			}
		}
	}
	merged := func(times []float64) []float64 {
		out := make([]float64, len(times))
		for i, t := range times {
			out[i] = first[sort.SearchFloat64s(distinct, t)]
		}
		return out
	}
	y.Time = merged(y.Time)
	if y.Entry == nil {
		return y, nil
	}
	y.Entry = merged(y.Entry)
	for i, entry := range y.Entry {
		if !(entry < y.Time[i]) {
			return y, &survival.DataError{Row: i, Column: "entry", Problem: "is too near to the time to be told from it"}
		}
	}
	return y, nil
}

// CurveTimes applies a time rule to the step times of a fitted survival curve, in place:
// under TimesMlr3proba each passes through 15 significant decimal digits. Merged times
// are too far apart to coincide.
func CurveTimes(times []float64, rule survival.TimeRule) {
	if rule == survival.TimesExact {
		return
	}
	for i, t := range times {
		// Formatting a finite number and reading it back cannot fail.
		times[i], _ = strconv.ParseFloat(strconv.FormatFloat(t, 'g', 15, 64), 64)
	}
}
