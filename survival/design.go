package survival

// Design is a column-major design matrix of encoded covariates.
type Design struct {
	Rows    int
	Columns []Column
	// Strata is nil, or one stratum number a row (0…k−1); only stratified models read it.
	Strata []int
}

// Column is one encoded covariate: a numeric source column, one dummy of a categorical
// one, or a missing indicator.
type Column struct {
	Name   string    // unique within a design, such as "age" or "celltype=smallcell"
	Term   string    // the source column; the dummies of one factor share it
	Values []float64 // len == Rows; NaN (missing) only for models that take gaps
}

// Names lists the column names in order.
func (x *Design) Names() []string {
	names := make([]string, len(x.Columns))
	for j, c := range x.Columns {
		names[j] = c.Name
	}
	return names
}

// Take copies the given rows, in the given order.
func (x *Design) Take(rows []int) *Design {
	out := &Design{Rows: len(rows), Columns: make([]Column, len(x.Columns))}
	for j, c := range x.Columns {
		out.Columns[j] = Column{Name: c.Name, Term: c.Term, Values: take(c.Values, rows)}
	}
	if x.Strata != nil {
		out.Strata = take(x.Strata, rows)
	}
	return out
}

// Align returns a view of x with exactly the named columns in that order.
// A name that x lacks is a *ColumnError.
func (x *Design) Align(names []string) (*Design, error) {
	at := make(map[string]int, len(x.Columns))
	for j, c := range x.Columns {
		at[c.Name] = j
	}
	out := &Design{Rows: x.Rows, Columns: make([]Column, len(names)), Strata: x.Strata}
	for j, name := range names {
		k, ok := at[name]
		if !ok {
			return nil, &ColumnError{Column: name}
		}
		out.Columns[j] = x.Columns[k]
	}
	return out, nil
}
