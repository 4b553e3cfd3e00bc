package preprocess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"everfold/survival"
)

// document is the JSON form of a Pipeline.
type document struct {
	Version  int                `json:"version"`
	Options  Options            `json:"options"`
	Rows     int                `json:"rows"`
	Terms    []term             `json:"terms"`
	Strata   *strata            `json:"strata,omitempty"`
	Dropped  []Dropped          `json:"dropped,omitempty"`
	Warnings []survival.Warning `json:"warnings,omitempty"`
}

// MarshalJSON gives the pipeline's exact form.
func (p *Pipeline) MarshalJSON() ([]byte, error) {
	return json.Marshal(document{Version, p.options, p.rows, p.terms, p.strata, p.dropped, p.warnings})
}

// UnmarshalJSON reads what MarshalJSON wrote. Anything else, another version among it, is
// a survival.ErrBadModelFile.
func (p *Pipeline) UnmarshalJSON(b []byte) error {
	var d document
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return fmt.Errorf("preprocess: %w: %w", survival.ErrBadModelFile, err)
	}
	if problem := d.problem(); problem != "" {
		return fmt.Errorf("preprocess: %w: %s", survival.ErrBadModelFile, problem)
	}
	*p = Pipeline{options: d.Options, rows: d.Rows, terms: d.Terms, strata: d.Strata, dropped: d.Dropped, warnings: d.Warnings}
	if err := p.checkNames(); err != nil {
		return fmt.Errorf("preprocess: %w: %w", survival.ErrBadModelFile, err)
	}
	return nil
}

// problem says what Apply could not rely on, or "".
func (d *document) problem() string {
	if d.Version != Version {
		return fmt.Sprintf("version %d; this program reads version %d", d.Version, Version)
	}
	if problem := d.Options.problem(); problem != "" {
		return problem
	}
	for _, t := range d.Terms {
		switch {
		case (t.Numeric == nil) == (t.Factor == nil):
			return "a term is neither numeric nor a factor"
		case t.Numeric != nil && !(t.Numeric.SD > 0):
			return "a standard deviation is not positive"
		case t.Factor != nil && !t.Factor.sound():
			return "the levels of a factor do not fit together"
		}
	}
	if (d.Strata != nil) != (len(d.Options.Strata) > 0) || d.Strata != nil && !slices.Equal(d.Strata.Columns, d.Options.Strata) {
		return "the strata do not fit the options"
	}
	return ""
}

func (t *factorTerm) sound() bool {
	if len(t.Levels) == 0 || !slices.IsSorted(t.Levels) || t.First < 0 || t.First > 1 {
		return false
	}
	for k, r := range t.Known {
		if r.To < 0 || r.To >= len(t.Levels) || k > 0 && t.Known[k-1].Level >= r.Level {
			return false
		}
	}
	return true
}
