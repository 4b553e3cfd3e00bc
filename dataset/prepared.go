package dataset

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"everfold/survival"
)

// Columns of the prepared file; covariates follow under featurePrefix + name.
const (
	columnRow     = "row"    // row of the file as read
	columnID      = "id"     // where there are ids
	columnGroup   = "group"  // where there are groups
	columnTime    = "time"   //
	columnEvent   = "event"  //
	columnEntry   = "entry"  // where there is one
	columnWeight  = "weight" // where there is one
	featurePrefix = "x_"
)

// rowsPerGroup is the size of a row group of the prepared file.
const rowsPerGroup = 1 << 17

// preparedKey is the metadata key of the prepared form.
const preparedKey = "everfold.prepared"

// preparedForm is what the Parquet schema does not say: the order and kinds of covariates.
type preparedForm struct {
	Version int              `json:"version"`
	Rows    int              `json:"rows"`
	Digest  string           `json:"digest"`
	Columns []preparedColumn `json:"columns"`
}

type preparedColumn struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// WriteParquet writes t as the prepared table: one Parquet file with typed columns that
// ReadPrepared turns back into an equal table, every float bit-equal (missing cells are
// NaN, of numeric columns, or null), and with the same digest. Equal tables give equal bytes.
// digest is t.Digest(), which callers know from reading; ReadPrepared refuses another.
func WriteParquet(w io.Writer, t *Table, digest string) error {
	form := preparedForm{Version: 1, Rows: t.Rows(), Digest: digest}
	for _, c := range t.Columns {
		form.Columns = append(form.Columns, preparedColumn{c.Name, c.Kind.String()})
	}
	meta, err := json.Marshal(form)
	if err != nil {
		return err
	}
	return writeFile(w, "table", t.Rows(), t.preparedColumns(), parquet.CreatedBy("everfold", "1", "prepared"),
		parquet.KeyValueMetadata(preparedKey, string(meta)))
}

// writeFile writes columns by their names, in row groups.
func writeFile(w io.Writer, name string, rows int, columns map[string]fileColumn, options ...parquet.WriterOption) error {
	group := parquet.Group{}
	for name, c := range columns {
		group[name] = c.node
	}
	schema := parquet.NewSchema(name, group)
	out := parquet.NewWriter(w, append(options, schema, parquet.Compression(&parquet.Snappy))...)
	for from := 0; from < rows; from += rowsPerGroup {
		to := min(from+rowsPerGroup, rows)
		for k, path := range schema.Columns() {
			if err := writeColumn(out.ColumnWriters()[k], columns[path[0]], k, from, to); err != nil {
				return fmt.Errorf("write column %q: %w", path[0], err)
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return out.Close()
}

// fileColumn is a column of the prepared file: its type and its cells.
type fileColumn struct {
	node  parquet.Node
	value func(row int) parquet.Value
}

// preparedColumns maps the file's column names to their content.
func (t *Table) preparedColumns() map[string]fileColumn {
	integer := parquet.Leaf(parquet.Int64Type)
	columns := map[string]fileColumn{
		columnRow:   {integer, func(i int) parquet.Value { return parquet.Int64Value(t.SourceRow[i]) }},
		columnTime:  floatColumn(t.Outcome.Time),
		columnEvent: {parquet.Leaf(parquet.BooleanType), func(i int) parquet.Value { return parquet.BooleanValue(t.Outcome.Event[i]) }},
	}
	if t.Outcome.Entry != nil {
		columns[columnEntry] = floatColumn(t.Outcome.Entry)
	}
	if t.Outcome.Weight != nil {
		columns[columnWeight] = floatColumn(t.Outcome.Weight)
	}
	if t.Group != nil {
		columns[columnGroup] = fileColumn{integer, func(i int) parquet.Value { return parquet.Int64Value(int64(t.Group[i])) }}
	}
	if t.ID != nil {
		columns[columnID] = textColumn(t.ID)
	}
	for _, c := range t.Columns {
		columns[featurePrefix+c.Name] = featureColumn(c)
	}
	return columns
}

func featureColumn(c Column) fileColumn {
	if c.Kind == Categorical {
		return levelColumn(c)
	}
	return floatColumn(c.Values)
}

func floatColumn(values []float64) fileColumn {
	return fileColumn{parquet.Leaf(parquet.DoubleType), func(i int) parquet.Value { return parquet.DoubleValue(values[i]) }}
}

func textColumn(values []string) fileColumn {
	return fileColumn{parquet.String(), func(i int) parquet.Value { return parquet.ByteArrayValue([]byte(values[i])) }}
}

func levelColumn(c Column) fileColumn {
	levels := make([]parquet.Value, len(c.Levels))
	for k, level := range c.Levels {
		levels[k] = parquet.ByteArrayValue([]byte(level))
	}
	node := parquet.Encoded(parquet.Optional(parquet.String()), &parquet.RLEDictionary)
	return fileColumn{node, func(i int) parquet.Value {
		if c.Codes[i] < 0 {
			return parquet.NullValue()
		}
		return levels[c.Codes[i]]
	}}
}

func writeColumn(out *parquet.ColumnWriter, c fileColumn, index, from, to int) error {
	var batch [1024]parquet.Value
	for i := from; i < to; {
		n := 0
		for ; n < len(batch) && i < to; n, i = n+1, i+1 {
			v := c.value(i)
			defined := 0
			if c.node.Optional() && !v.IsNull() {
				defined = 1
			}
			batch[n] = v.Level(0, defined, index)
		}
		if _, err := out.WriteRowValues(batch[:n]); err != nil {
			return err
		}
	}
	return out.Close()
}

// checkPrepared refuses what WriteParquet never writes.
func (t *Table) checkPrepared() error {
	if err := t.Outcome.Validate(); err != nil {
		return err
	}
	for i := range t.SourceRow {
		if t.SourceRow[i] < 0 {
			return &survival.DataError{Row: i, Column: columnRow, Problem: "must not be negative"}
		}
		if t.Group != nil && t.Group[i] < 0 {
			return &survival.DataError{Row: i, Column: columnGroup, Problem: "must not be negative"}
		}
	}
	return nil
}
