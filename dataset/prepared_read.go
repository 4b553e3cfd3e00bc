package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// ReadPrepared reads what WriteParquet wrote. Anything else, bytes that do not give the
// digest in the file among it, is an *InvalidError; an error of r is passed on.
func ReadPrepared(r io.ReaderAt, size int64) (t *Table, err error) {
	in := &faultyReader{in: r}
	defer func() {
		var refused *InvalidError
		if errors.As(err, &refused) {
			refused.Source = "prepared table"
		}
	}()
	defer in.settle(&err)
	if err := checkFooter(in, size); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damagedParquet(err)
	}
	form, err := formOf(f)
	if err != nil {
		return nil, err
	}
	t = &Table{}
	p := preparedReader{in: in, file: f, rows: form.Rows, left: map[string]bool{}}
	for _, column := range f.Root().Columns() {
		p.left[column.Name()] = true
	}
	if err = p.table(t, form); err != nil {
		return nil, err
	}
	if err = t.checkPrepared(); err != nil {
		return nil, damagedParquet(err)
	}
	if t.Digest() != form.Digest {
		return nil, damagedParquet(errors.New("the content does not have the digest that the file names"))
	}
	return t, nil
}

// formOf reads the metadata and checks it against the limits and the row count.
func formOf(f *parquet.File) (*preparedForm, error) {
	meta, ok := f.Lookup(preparedKey)
	if !ok {
		return nil, invalid("", "is a Parquet file, but not a prepared table", "what WriteParquet wrote")
	}
	var form preparedForm
	decoder := json.NewDecoder(bytes.NewReader([]byte(meta)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&form); err != nil {
		return nil, damagedParquet(err)
	}
	limits := Limits{}.orDefault()
	switch {
	case form.Version != 1:
		return nil, invalid("", fmt.Sprintf("is of version %d", form.Version), "version 1")
	case form.Rows <= 0 || int64(form.Rows) != f.NumRows():
		return nil, damagedParquet(errors.New("the row counts differ"))
	case form.Rows > limits.Rows:
		return nil, tooMany("rows", limits.Rows)
	case len(form.Columns) > limits.Columns:
		return nil, tooMany("columns", limits.Columns)
	}
	return &form, nil
}

// preparedReader reads columns by name and ticks them off.
type preparedReader struct {
	in   io.ReaderAt
	file *parquet.File
	rows int
	left map[string]bool // columns of the file not yet read
}

// table reads all columns of the form; one more or fewer in the file is a damage.
func (p *preparedReader) table(t *Table, form *preparedForm) (err error) {
	read := func(name string, optional bool, kind parquet.Kind, visit func(parquet.Value)) {
		if err != nil || optional && !p.left[name] {
			return
		}
		err = p.column(name, kind, visit)
	}
	floats := func(name string, optional bool, into *[]float64) {
		if err == nil && (!optional || p.left[name]) {
			err = p.floats(name, into)
		}
	}
	read(columnRow, false, parquet.Int64, func(v parquet.Value) { t.SourceRow = append(t.SourceRow, v.Int64()) })
	floats(columnTime, false, &t.Outcome.Time)
	read(columnEvent, false, parquet.Boolean, func(v parquet.Value) { t.Outcome.Event = append(t.Outcome.Event, v.Boolean()) })
	floats(columnEntry, true, &t.Outcome.Entry)
	floats(columnWeight, true, &t.Outcome.Weight)
	read(columnGroup, true, parquet.Int64, func(v parquet.Value) { t.Group = append(t.Group, int(v.Int64())) })
	read(columnID, true, parquet.ByteArray, func(v parquet.Value) { t.ID = append(t.ID, string(v.ByteArray())) })
	for _, c := range form.Columns {
		column := Column{Name: c.Name}
		switch c.Kind {
		case Numeric.String():
			floats(featurePrefix+c.Name, false, &column.Values)
		case Categorical.String():
			column.Kind = Categorical
			codes := newCoder()
			read(featurePrefix+c.Name, false, parquet.ByteArray, codes.add)
			column.Codes, column.Levels = compact(codes.codes, codes.levels)
		default:
			return damagedParquet(errors.New("a column is of no known kind"))
		}
		t.Columns = append(t.Columns, column)
	}
	if err == nil && len(p.left) > 0 {
		err = damagedParquet(errors.New("the file has more columns than it names"))
	}
	return err
}

// column visits all values of a column; only levels may be null.
func (p *preparedReader) column(name string, kind parquet.Kind, visit func(parquet.Value)) error {
	seen := 0
	return p.pages(name, kind, func(page parquet.Page) error {
		return eachInPage(context.Background(), page, func(v parquet.Value) error {
			if seen++; seen > p.rows || v.IsNull() && kind != parquet.ByteArray {
				return damagedParquet(fmt.Errorf("column %q has values that do not fit", name))
			}
			visit(v)
			return nil
		})
	}, &seen)
}

// floats appends all values of a column, a page at a time where it holds them as they are.
func (p *preparedReader) floats(name string, into *[]float64) error {
	*into = make([]float64, 0, min(p.rows, max(claimedRows, int(p.file.Size()))))
	seen := 0
	return p.pages(name, parquet.Double, func(page parquet.Page) error {
		if page.Dictionary() != nil || len(page.DefinitionLevels()) > 0 {
			return damagedParquet(fmt.Errorf("column %q is not plain", name))
		}
		data := page.Data()
		values := data.Double()
		if seen += len(values); seen > p.rows {
			return damagedParquet(fmt.Errorf("column %q has values that do not fit", name))
		}
		*into = append(*into, values...)
		return nil
	}, &seen)
}

// pages visits the pages of a column; seen, which visit counts, must be all rows in the end.
func (p *preparedReader) pages(name string, kind parquet.Kind, visit func(parquet.Page) error, seen *int) error {
	leaf := p.file.Root().Column(name)
	if !p.left[name] || leaf == nil || !leaf.Leaf() || leaf.Repeated() || leaf.Type().Kind() != kind {
		return damagedParquet(fmt.Errorf("the file has no usable column %q", name))
	}
	delete(p.left, name)
	if err := checkPages(p.in, p.file, leaf); err != nil {
		return err
	}
	for _, group := range p.file.RowGroups() {
		if err := eachPage(group.ColumnChunks()[leaf.Index()], visit); err != nil {
			return err
		}
	}
	if *seen != p.rows {
		return damagedParquet(fmt.Errorf("column %q has too few values", name))
	}
	return nil
}

// coder numbers levels in order of appearance.
type coder struct {
	index  map[string]int32
	levels []string
	codes  []int32
}

func newCoder() *coder { return &coder{index: map[string]int32{}} }

func (c *coder) add(v parquet.Value) {
	if v.IsNull() {
		c.codes = append(c.codes, -1)
		return
	}
	code, ok := c.index[string(v.ByteArray())]
	if !ok {
		code = int32(len(c.levels))
		level := string(v.ByteArray())
		c.levels, c.index[level] = append(c.levels, level), code
	}
	c.codes = append(c.codes, code)
}
