package preprocess

import (
	"context"
	"fmt"
	"slices"

	"everfold/survival"
)

// Fit learns a pipeline from the given rows of x; rows may repeat and come in any order,
// and no other row of x has any influence. It panics on malformed frames, options and row
// numbers, and on no rows. What the data decide: a gap under an Impute that fills none is
// a *survival.DataError, a stratum column that x lacks a *survival.ColumnError, a column
// that cannot be used a *TermError.
func Fit(ctx context.Context, x *survival.Frame, rows []int, options Options) (*Pipeline, error) {
	if problem := options.problem(); problem != "" {
		panic("preprocess: " + problem)
	}
	x.Validate()
	b := &builder{options: options, rows: ascending(rows, x.Rows)}
	b.options.Strata = slices.Clone(options.Strata)
	p := &Pipeline{options: b.options, rows: len(rows)}
	for j := range x.Columns {
		if err := survival.Check(ctx, float64(j), float64(len(x.Columns))); err != nil {
			return nil, err
		}
		f := &x.Columns[j]
		if slices.Contains(options.Strata, f.Name) {
			continue
		}
		t, err := b.fitTerm(f)
		if err != nil {
			return nil, fmt.Errorf("preprocess: %w", err)
		}
		if t != nil {
			p.terms = append(p.terms, *t)
		}
	}
	p.dropped, p.warnings = b.dropped, b.warnings
	if err := p.checkNames(); err != nil {
		return nil, fmt.Errorf("preprocess: %w", err)
	}
	if len(options.Strata) > 0 {
		s, err := fitStrata(x, b.rows, options.Strata)
		if err != nil {
			return nil, fmt.Errorf("preprocess: %w", err)
		}
		p.strata = s
	}
	return p, nil
}

// builder is the state of one Fit.
type builder struct {
	options  Options
	rows     []int // training rows, ascending
	scratch  []float64
	patterns []pattern
	dropped  []Dropped
	warnings []survival.Warning
}

func (b *builder) fitTerm(f *survival.Feature) (*term, error) {
	t := &term{Name: f.Name}
	var err error
	if f.Kind == survival.CategoricalFeature {
		t.Factor, err = b.fitFactor(f)
	} else {
		t.Numeric, err = b.fitNumeric(f)
	}
	if err != nil || t.Factor == nil && t.Numeric == nil {
		return nil, err
	}
	return t, nil
}

// drop notes a column left out, with a warning.
func (b *builder) drop(column, reason string) {
	b.dropped = append(b.dropped, Dropped{column, reason})
	b.warnings = append(b.warnings, survival.Warning{Category: "data", Message: fmt.Sprintf("column %q is left out: %s", column, reason)})
}

// checkNames refuses design columns of one name, such as a numeric column "a_missing"
// beside the indicator of "a".
func (p *Pipeline) checkNames() error {
	seen := map[string]string{}
	for _, t := range p.terms {
		for _, name := range t.columns() {
			if other, ok := seen[name]; ok {
				return &TermError{t.Name, fmt.Sprintf("gives the design column %q, as column %q does: rename one", name, other)}
			}
			seen[name] = t.Name
		}
	}
	return nil
}

// ascending checks row numbers and sorts a copy where they are not in order.
func ascending(rows []int, n int) []int {
	if len(rows) == 0 {
		panic("preprocess: no rows")
	}
	for _, r := range rows {
		if r < 0 || r >= n {
			panic(fmt.Sprintf("preprocess: row %d outside 0..%d", r, n-1))
		}
	}
	if !slices.IsSorted(rows) {
		rows = slices.Clone(rows)
		slices.Sort(rows)
	}
	return rows
}
