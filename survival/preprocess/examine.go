package preprocess

import (
	"context"
	"fmt"
	"strconv"

	"everfold/survival"
)

// Finding is something about rows that the training rows did not show: it is no error, but
// predictions rest on a rule there, not on data.
type Finding struct {
	Columns []string // one source column, or those of the strata
	Unseen  bool     // a level or stratum; else a gap where training had none
	Rows    int      // so many rows

	subject, what string
}

// Warning says it of so many rows in all.
func (f Finding) Warning(rows int) survival.Warning {
	return survival.Warning{Category: "data", Message: fmt.Sprintf("%s: %d of %d rows %s", f.subject, f.Rows, rows, f.what)}
}

// examined is how many rows Examine encodes at a time.
const examined = 1 << 15

// Examine says what Apply would warn of, were it called with all rows of x, without holding
// their design. Errors are Apply's.
func (p *Pipeline) Examine(ctx context.Context, x *survival.Frame) ([]Finding, error) {
	var all []Finding
	at := map[string]int{}
	for from := 0; from == 0 || from < x.Rows; from += examined {
		rows := make([]int, min(examined, x.Rows-from))
		for i := range rows {
			rows[i] = from + i
		}
		a, err := p.apply(ctx, x, rows)
		if err != nil {
			return nil, err
		}
		for _, f := range a.findings {
			k, known := at[f.subject+f.what]
			if !known {
				at[f.subject+f.what] = len(all)
				all = append(all, f)
				continue
			}
			all[k].Rows += f.Rows
		}
	}
	return all, nil
}

// Source is a column that a frame must have for Apply.
type Source struct {
	Name string
	Kind survival.FeatureKind
}

// Needs is Sources with the kinds of the columns. A stratum column is numeric if all its cells
// in the training rows were numbers, gaps apart.
func (p *Pipeline) Needs() []Source {
	var needs []Source
	for _, t := range p.terms {
		kind := survival.NumericFeature
		if t.Factor != nil {
			kind = survival.CategoricalFeature
		}
		needs = append(needs, Source{t.Name, kind})
	}
	if p.strata != nil {
		for j, name := range p.strata.Columns {
			needs = append(needs, Source{name, p.strata.kind(j)})
		}
	}
	return needs
}

// kind tells what the column's cells were.
func (s *strata) kind(column int) survival.FeatureKind {
	for _, key := range s.Keys {
		v, err := strconv.ParseFloat(key[column], 64)
		if key[column] != MissingLevel && (err != nil || strconv.FormatFloat(v, 'g', -1, 64) != key[column]) {
			return survival.CategoricalFeature
		}
	}
	return survival.NumericFeature
}
