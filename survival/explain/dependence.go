package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"everfold/survival"
)

// MeanSurvival is a model's survival at fixed horizons, averaged over the rows of x. x must
// not be kept.
type MeanSurvival func(ctx context.Context, x *survival.Frame) ([]float64, error)

// Value is a value of a column of the kind: a number, or a level.
type Value struct {
	Kind   survival.FeatureKind
	Number float64 // of a numeric column
	Code   int32   // of a categorical one: the index of Level among the feature's levels
	Level  string
}

// String is the number as Go writes it, or the level.
func (v Value) String() string {
	if v.Kind == survival.CategoricalFeature {
		return v.Level
	}
	return strconv.FormatFloat(v.Number, 'g', -1, 64)
}

// Grid chooses at most points values of a feature, ascending. Of a numeric one they are
// quantiles of what is observed at the shares 0, 1/(points−1), …, 1, each a value that
// occurs (the ⌈share·n⌉-th smallest), without repetition. Of a categorical one they are the
// most frequent levels, equally frequent ones in byte order. A feature without observed
// value has none. It panics where points < 1.
func Grid(f survival.Feature, points int) []Value {
	if points < 1 {
		panic("explain: a grid needs at least one point")
	}
	if f.Kind == survival.CategoricalFeature {
		return frequent(f, points)
	}
	var observed []float64
	for i, v := range f.Values {
		if !f.Missing(i) {
			observed = append(observed, v)
		}
	}
	if len(observed) == 0 {
		return nil
	}
	slices.Sort(observed)
	var out []Value
	for k := range points {
		at := (len(observed) - 1) / 2 // of one point: the median
		if points > 1 {
			at = max(0, (k*len(observed)+points-2)/(points-1)-1) // ⌈k·n/(points−1)⌉ − 1
		}
		if v := observed[at]; len(out) == 0 || v != out[len(out)-1].Number {
			out = append(out, Value{Number: v, Kind: f.Kind})
		}
	}
	return out
}

// frequent lists levels that occur, in byte order.
func frequent(f survival.Feature, points int) []Value {
	rows := make([]int, len(f.Levels))
	for _, code := range f.Codes {
		if code >= 0 {
			rows[code]++
		}
	}
	var out []Value
	for code, level := range f.Levels {
		if rows[code] > 0 {
			out = append(out, Value{Code: int32(code), Level: level, Kind: f.Kind})
		}
	}
	slices.SortStableFunc(out, func(a, b Value) int { return cmp.Compare(rows[b.Code], rows[a.Code]) })
	out = out[:min(points, len(out))]
	slices.SortFunc(out, func(a, b Value) int { return cmp.Compare(a.Code, b.Code) })
	return out
}

// Dependence is the partial dependence of the mean survival at each value on x, by value
// and then as mean gives it. A name that x lacks is a *survival.ColumnError; other errors
// are those of mean and the context's. It panics on a value of the other kind, or of a
// level that the feature lacks.
func Dependence(ctx context.Context, x *survival.Frame, column string, values []Value, mean MeanSurvival) ([][]float64, error) {
	f, err := x.Column(column)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(values))
	for k, v := range values {
		if err := survival.Check(ctx, float64(k), float64(len(values))); err != nil {
			return nil, err
		}
		if out[k], err = mean(ctx, replace(x, constant(*f, v))); err != nil {
			return nil, fmt.Errorf("survival with column %q set: %w", column, err)
		}
	}
	return out, nil
}

// constant is a feature that has one value in all rows.
func constant(f survival.Feature, v Value) survival.Feature {
	if v.Kind != f.Kind || f.Kind == survival.CategoricalFeature && int(v.Code) >= len(f.Levels) {
		panic("explain: the value is not one of the feature " + f.Name)
	}
	n := f.Len()
	if f.Kind == survival.CategoricalFeature {
		f.Codes = slices.Repeat([]int32{v.Code}, n)
	} else {
		f.Values = slices.Repeat([]float64{v.Number}, n)
	}
	return f
}
