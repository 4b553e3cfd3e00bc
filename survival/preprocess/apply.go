package preprocess

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
)

// Apply encodes the given rows of x, in the given order. x may have columns that the
// pipeline does not use, and levels that it does not know; it must have all of Sources, of
// the same kinds, else the error is a *survival.ColumnError or *TermError. A gap under an
// Impute that fills none is a *survival.DataError naming the row of x. Warnings count
// unseen levels, and gaps in columns that had none in training.
func (p *Pipeline) Apply(ctx context.Context, x *survival.Frame, rows []int) (*survival.Design, []survival.Warning, error) {
	for _, r := range rows {
		if r < 0 || r >= x.Rows {
			panic(fmt.Sprintf("preprocess: row %d outside 0..%d", r, x.Rows-1))
		}
	}
	a := &applier{options: p.options, rows: rows, design: &survival.Design{Rows: len(rows)}}
	for k, t := range p.terms {
		if err := survival.Check(ctx, float64(k), float64(len(p.terms))); err != nil {
			return nil, nil, err
		}
		if err := a.term(t, x); err != nil {
			return nil, nil, fmt.Errorf("preprocess: %w", err)
		}
	}
	if p.strata != nil {
		numbers, warnings, err := p.strata.apply(x, rows)
		if err != nil {
			return nil, nil, fmt.Errorf("preprocess: %w", err)
		}
		a.design.Strata, a.warnings = numbers, append(a.warnings, warnings...)
	}
	return a.design, a.warnings, nil
}

// applier is the state of one Apply.
type applier struct {
	options  Options
	rows     []int
	design   *survival.Design
	warnings []survival.Warning
}

func (a *applier) term(t term, x *survival.Frame) error {
	f, err := x.Column(t.Name)
	if err != nil {
		return err
	}
	if factor := f.Kind == survival.CategoricalFeature; factor != (t.Factor != nil) {
		return &TermError{t.Name, fmt.Sprintf("is %s, but was not in training", f.Kind)}
	}
	if t.Factor != nil {
		return a.factor(t, f)
	}
	return a.numeric(t, f)
}

// add appends an empty column to the design and gives its cells.
func (a *applier) add(name, term string) []float64 {
	values := make([]float64, len(a.rows))
	a.design.Columns = append(a.design.Columns, survival.Column{Name: name, Term: term, Values: values})
	return values
}

func (a *applier) warn(format string, args ...any) {
	a.warnings = append(a.warnings, survival.Warning{Category: "data", Message: fmt.Sprintf(format, args...)})
}

func (a *applier) numeric(t term, f *survival.Feature) error {
	n := t.Numeric
	gaps := 0
	var values []float64
	if n.Value {
		values = a.add(t.Name, t.Name)
	}
	for k, r := range a.rows {
		v := f.Values[r]
		if v != v {
			if a.options.refusesGaps() {
				return gapError(r, t.Name)
			}
			gaps++
			if v = math.NaN(); a.options.fills() {
				v = n.Fill
			}
		}
		if n.Value {
			values[k] = (v - n.Mean) / n.SD
		}
	}
	if n.Indicator {
		missing := a.add(indicatorName(t.Name), indicatorName(t.Name))
		for k, r := range a.rows {
			if f.Missing(r) {
				missing[k] = 1
			}
		}
	}
	if gaps > 0 && n.Gaps == 0 {
		a.warn("column %q: %d of %d rows are missing, though no training row is", t.Name, gaps, len(a.rows))
	}
	return nil
}

func (a *applier) factor(t term, f *survival.Feature) error {
	to, missing := t.Factor.recode(f.Levels)
	dummies := make([][]float64, len(t.Factor.Levels)) // nil for the reference
	for k := t.Factor.First; k < len(dummies); k++ {
		dummies[k] = a.add(dummyName(t.Name, t.Factor.Levels[k]), t.Name)
	}
	unseen := 0
	for k, r := range a.rows {
		level := missing
		if code := f.Codes[r]; code >= 0 {
			level = to[code]
		} else if a.options.refusesGaps() {
			return gapError(r, t.Name)
		}
		if level < 0 {
			level = t.Factor.unseen()
			unseen++
		}
		if dummies[level] != nil {
			dummies[level][k] = 1
		}
	}
	if unseen > 0 {
		a.warn("column %q: %d of %d rows have a level that the training rows lack; they count as %s", t.Name, unseen, len(a.rows), t.Factor.fallback())
	}
	return nil
}

// fallback names where unseen levels go, without naming a level of the data.
func (t *factorTerm) fallback() string {
	if t.Levels[t.unseen()] == OtherLevel {
		return OtherLevel
	}
	return "the reference level"
}
