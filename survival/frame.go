package survival

import "fmt"

// FeatureKind says how the cells of a Feature are held.
type FeatureKind uint8

// The feature kinds.
const (
	NumericFeature     FeatureKind = iota // numbers in Feature.Values
	CategoricalFeature                    // level numbers in Feature.Codes
)

// String is "numeric" or "categorical".
func (k FeatureKind) String() string {
	if k == CategoricalFeature {
		return "categorical"
	}
	return "numeric"
}

// Feature is one covariate column before encoding.
type Feature struct {
	Name string
	Kind FeatureKind
	// Values holds a number a row, NaN where missing; nil for categorical features.
	Values []float64
	// Codes holds an index into Levels a row, −1 where missing; nil for numeric features.
	Codes []int32
	// Levels are distinct and in byte order; nil for numeric features.
	Levels []string
}

// Missing says whether the cell of row i is missing.
func (f Feature) Missing(i int) bool {
	if f.Kind == CategoricalFeature {
		return f.Codes[i] < 0
	}
	return f.Values[i] != f.Values[i]
}

// Len is the number of rows.
func (f Feature) Len() int {
	if f.Kind == CategoricalFeature {
		return len(f.Codes)
	}
	return len(f.Values)
}

// Take copies the given rows, in the given order.
func (f Feature) Take(rows []int) Feature {
	if f.Kind == CategoricalFeature {
		f.Codes = take(f.Codes, rows)
	} else {
		f.Values = take(f.Values, rows)
	}
	return f
}

// Frame is a table of covariates before encoding: what a preprocess pipeline is fitted
// on and applied to. Every feature has Rows cells.
type Frame struct {
	Rows    int
	Columns []Feature
}

// Column finds a feature by name; a name that the frame lacks is a *ColumnError.
func (x *Frame) Column(name string) (*Feature, error) {
	for j := range x.Columns {
		if x.Columns[j].Name == name {
			return &x.Columns[j], nil
		}
	}
	return nil, &ColumnError{Column: name}
}

// Take copies the given rows, in the given order; levels stay.
func (x *Frame) Take(rows []int) *Frame {
	out := &Frame{Rows: len(rows), Columns: make([]Feature, len(x.Columns))}
	for j, f := range x.Columns {
		out.Columns[j] = f.Take(rows)
	}
	return out
}

// Validate panics where a feature's length differs from Rows, a code lies outside its
// levels, or a name occurs twice: all of it the caller could have known.
func (x *Frame) Validate() {
	seen := make(map[string]bool, len(x.Columns))
	for _, f := range x.Columns {
		if f.Len() != x.Rows {
			panic(fmt.Sprintf("survival: feature %q has %d rows, the frame %d", f.Name, f.Len(), x.Rows))
		}
		if seen[f.Name] {
			panic(fmt.Sprintf("survival: feature %q occurs twice", f.Name))
		}
		seen[f.Name] = true
		for _, c := range f.Codes {
			if c < -1 || int(c) >= len(f.Levels) {
				panic(fmt.Sprintf("survival: feature %q has code %d, but %d levels", f.Name, c, len(f.Levels)))
			}
		}
	}
}
