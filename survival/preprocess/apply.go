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
	a, err := p.apply(ctx, x, rows)
	if err != nil {
		return nil, nil, err
	}
	var warnings []survival.Warning
	for _, f := range a.findings {
		warnings = append(warnings, f.Warning(len(rows)))
	}
	return a.design, warnings, nil
}

func (p *Pipeline) apply(ctx context.Context, x *survival.Frame, rows []int) (*applier, error) {
	for _, r := range rows {
		if r < 0 || r >= x.Rows {
			panic(fmt.Sprintf("preprocess: row %d outside 0..%d", r, x.Rows-1))
		}
	}
	a := &applier{options: p.options, rows: rows, design: &survival.Design{Rows: len(rows)}}
	for k, t := range p.terms {
		if err := survival.Check(ctx, float64(k), float64(len(p.terms))); err != nil {
			return nil, err
		}
		if err := a.term(t, x); err != nil {
			return nil, fmt.Errorf("preprocess: %w", err)
		}
	}
	if p.strata != nil {
		numbers, unseen, err := p.strata.apply(x, rows)
		if err != nil {
			return nil, fmt.Errorf("preprocess: %w", err)
		}
		a.design.Strata = numbers
		a.find(Finding{Columns: p.strata.Columns, Unseen: true, Rows: unseen,
			subject: fmt.Sprintf("strata %q", p.strata.Columns), what: "are in a stratum that the training rows lack"})
	}
	return a, nil
}

// applier is the state of one Apply.
type applier struct {
	options  Options
	rows     []int
	design   *survival.Design
	findings []Finding
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

// find notes a finding, if there are rows of it.
func (a *applier) find(f Finding) {
	if f.Rows > 0 {
		a.findings = append(a.findings, f)
	}
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
	if n.Gaps == 0 {
		a.find(Finding{Columns: []string{t.Name}, Rows: gaps,
			subject: fmt.Sprintf("column %q", t.Name), what: "are missing, though no training row is"})
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
	a.find(Finding{Columns: []string{t.Name}, Unseen: true, Rows: unseen,
		subject: fmt.Sprintf("column %q", t.Name), what: "have a level that the training rows lack; they count as " + t.Factor.fallback()})
	return nil
}

// fallback names where unseen levels go, without naming a level of the data.
func (t *factorTerm) fallback() string {
	if t.Levels[t.unseen()] == OtherLevel {
		return OtherLevel
	}
	return "the reference level"
}
