package dataset

import (
	"context"
	"strconv"

	"everfold/survival"
)

// FeatureSchema names the columns that new rows must have. Others are not looked at.
type FeatureSchema struct {
	ID          string // "": row numbers
	Numeric     []string
	Categorical []string
}

// Features are rows without an outcome, for a fitted model. Nothing is dropped.
type Features struct {
	Rows    int
	Columns []Column // in the order of the file
	ID      []string // nil: use the row number, see RowID; ids may repeat
}

// Frame is the columns for preprocess. It shares memory with x.
func (x *Features) Frame() *survival.Frame { return &survival.Frame{Rows: x.Rows, Columns: x.Columns} }

// RowID is the id of row i: the id column's text, or the row number in the file.
func (x *Features) RowID(i int) string {
	if x.ID == nil {
		return strconv.Itoa(i)
	}
	return x.ID[i]
}

// ReadFeatures reads rows in one pass. Errors are those of Read: a column that is missing, and
// a cell of another kind than its column's, are an *InvalidError that names it.
func ReadFeatures(ctx context.Context, src Source, s FeatureSchema) (*Features, error) {
	schema := Schema{ID: s.ID, Numeric: append([]string{}, s.Numeric...), Categorical: append([]string{}, s.Categorical...),
		unnamed: true}
	c, _, err := collect(ctx, &src, schema)
	if err == nil {
		err = c.refuseUnclear()
	}
	if err != nil {
		return nil, located(err, src)
	}
	x := &Features{Rows: c.rows}
	for _, f := range c.features {
		x.Columns = append(x.Columns, f.column(nil))
	}
	if c.id != nil {
		all := make([]int, c.rows)
		for i := range all {
			all[i] = i
		}
		x.ID = c.id.take(all)
	}
	return x, nil
}
