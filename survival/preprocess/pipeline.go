package preprocess

import (
	"slices"

	"everfold/survival"
)

// Pipeline is what Fit learnt. It is immutable, safe for concurrent use, and has an exact
// JSON form: equal pipelines give equal bytes, and every float64 survives the round trip.
type Pipeline struct {
	options  Options
	rows     int // training rows
	terms    []term
	strata   *strata // nil without Options.Strata
	dropped  []Dropped
	warnings []survival.Warning
}

// Dropped is a column that Fit left out, and why.
type Dropped struct {
	Column string `json:"column"` // a design column, or a source column that gives none
	Reason string `json:"reason"`
}

// term is a source column and what becomes of it; exactly one of the parts is set.
type term struct {
	Name    string       `json:"name"`
	Numeric *numericTerm `json:"numeric,omitempty"`
	Factor  *factorTerm  `json:"factor,omitempty"`
}

// columns names the design columns of a term, in order.
func (t term) columns() []string {
	if t.Factor != nil {
		var names []string
		for _, level := range t.Factor.Levels[t.Factor.First:] {
			names = append(names, dummyName(t.Name, level))
		}
		return names
	}
	var names []string
	if t.Numeric.Value {
		names = append(names, t.Name)
	}
	if t.Numeric.Indicator {
		names = append(names, indicatorName(t.Name))
	}
	return names
}

func dummyName(column, level string) string { return column + "=" + level }

func indicatorName(column string) string { return column + "_missing" }

// Options are the options of the fit.
func (p *Pipeline) Options() Options {
	o := p.options
	o.Strata = slices.Clone(o.Strata)
	return o
}

// Columns names the columns of the designs that Apply makes, in order.
func (p *Pipeline) Columns() []string {
	var names []string
	for _, t := range p.terms {
		names = append(names, t.columns()...)
	}
	return names
}

// Sources names the columns that a frame must have for Apply, in training order.
func (p *Pipeline) Sources() []string {
	var names []string
	for _, t := range p.terms {
		names = append(names, t.Name)
	}
	if p.strata != nil {
		names = append(names, p.options.Strata...)
	}
	return names
}

// Dropped lists what Fit left out.
func (p *Pipeline) Dropped() []Dropped { return slices.Clone(p.dropped) }

// Warnings are the findings of Fit: columns that were constant or had no observed value.
func (p *Pipeline) Warnings() []survival.Warning { return slices.Clone(p.warnings) }

// Unscale converts coefficients of scaled columns into those per original unit: value and
// standard error divided by the training standard deviation. Columns that are not scaled
// pass through. The linear predictor of the result on unscaled columns exceeds that of
// coefficients on Apply's design by shift = Σ β·mean/sd in every row. A column that the
// pipeline does not make is a *survival.ColumnError.
func (p *Pipeline) Unscale(coefficients []survival.Coefficient) (original []survival.Coefficient, shift float64, err error) {
	scale := map[string]*numericTerm{}
	for _, name := range p.Columns() {
		scale[name] = nil
	}
	for _, t := range p.terms {
		if t.Numeric != nil && t.Numeric.Value {
			scale[t.Name] = t.Numeric
		}
	}
	original = slices.Clone(coefficients)
	for k, c := range coefficients {
		n, ok := scale[c.Column]
		if !ok {
			return nil, 0, &survival.ColumnError{Column: c.Column}
		}
		if n == nil {
			continue
		}
		original[k].Value = c.Value / n.SD
		original[k].SE = c.SE / n.SD
		shift += float64(original[k].Value * n.Mean)
	}
	return original, shift, nil
}
