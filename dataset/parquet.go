package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"everfold/survival"
)

// readParquet reads the used columns of a Parquet file, row group by row group. Kinds are
// those of the file: integers, floats, decimals and booleans are numbers, strings are
// text even where they look like numbers.
func readParquet(file *counted, src Source, s Schema) (c *collector, err error) {
	at, cleanup, err := randomAccess(file, src)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	if file.read == 0 {
		return nil, invalid("", "is empty", "a Parquet file")
	}
	in := &faultyReader{in: at}
	defer in.settle(&err)
	if err := checkFooter(in, file.read); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(in, file.read, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damagedParquet(err)
	}
	columns := f.Root().Columns()
	if len(columns) > src.Limits.Columns {
		return nil, tooMany("columns", src.Limits.Columns)
	}
	header := make([]string, len(columns))
	for j, column := range columns {
		header[j] = column.Name()
	}
	if f.NumRows() > int64(src.Limits.Rows) {
		return nil, tooMany("rows", src.Limits.Rows)
	}
	if c, err = newCollector(header, s, src.Limits); err != nil {
		return nil, err
	}
	feeds, err := c.feeds(columns)
	if err != nil {
		return nil, err
	}
	for _, feed := range feeds {
		if err := checkPages(in, f, columns[feed.at]); err != nil {
			return nil, err
		}
	}
	// The footer's number is a claim: room beyond what the file's bytes make likely is made as
	// values come.
	c.reserve(min(int(f.NumRows()), max(claimedRows, int(file.read))))
	for _, group := range f.RowGroups() {
		if n := group.NumRows(); n < 0 || int64(c.rows)+n > f.NumRows() {
			return nil, damagedParquet(errors.New("the row groups have more rows than the file"))
		}
		for _, feed := range feeds {
			if err = feed.rowGroup(file.ctx, group, c); err != nil {
				return nil, err
			}
		}
		c.rows += int(group.NumRows())
	}
	return c, nil
}

// claimedRows are believed of any file.
const claimedRows = 1 << 16

// faultyReader remembers the first error of reading, which is no fault of the file's content.
type faultyReader struct {
	in  io.ReaderAt
	err error
}

// ReadAt passes on.
func (r *faultyReader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 { // asked for by a footer that is none, not refused by the disk
		return 0, io.ErrUnexpectedEOF
	}
	n, err := r.in.ReadAt(b, off)
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return n, err
}

// settle decides what an error means: one of reading stays what it is, and a panic of the
// Parquet library, which it has for some damaged files, is a damaged file.
func (r *faultyReader) settle(err *error) {
	if p := recover(); p != nil {
		*err = damagedParquet(fmt.Errorf("panic: %v", p))
	}
	if r.err != nil && *err != nil {
		*err = r.err
	}
}

func damagedParquet(cause error) error {
	refused := invalid("", "is not a readable Parquet file", "")
	refused.Err = cause
	return refused
}

// feed brings the values of one Parquet column to a builder.
type feed struct {
	name    string
	at      int // among the columns of the root
	leaf    int
	builder builder
	number  bool    // the builder takes numbers, not text
	divisor float64 // of decimals; else 1
	signed  bool
	scratch [32]byte // of numbers that become text
}

// feeds connects the builders with the columns of the file.
func (c *collector) feeds(columns []*parquet.Column) ([]*feed, error) {
	var feeds []*feed
	for _, k := range c.sinks {
		column := columns[k.at]
		if !column.Leaf() || column.Repeated() {
			return nil, invalid(column.Name(), "is nested or repeated", "flat columns; list it in data.ignore")
		}
		f := &feed{name: column.Name(), at: k.at, leaf: column.Index(), builder: k.builder, divisor: 1, signed: true}
		text, err := f.understand(column)
		if err != nil {
			return nil, err
		}
		switch b := k.builder.(type) {
		case *numbers, *events:
			f.number = !text
		case *inferred:
			if f.number = !text; text {
				b.numbers, b.levels = nil, newLevels(inferredLevels)
				f.builder = b.levels // the type tells the kind, whatever the text looks like
			}
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

// understand tells whether the column holds text, or else how its values are numbers.
func (f *feed) understand(column *parquet.Column) (text bool, err error) {
	kind := column.Type().Kind()
	if logical := column.Type().LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *format.DateType, *format.TimeType, *format.TimestampType:
			return false, invalid(f.name, "holds dates", "numbers such as days since a fixed day; or list it in data.ignore")
		case *format.DecimalType:
			if f.divisor = math.Pow10(int(l.Scale)); kind != parquet.Int32 && kind != parquet.Int64 {
				return false, invalid(f.name, "holds decimals of more than 18 digits", "float64; or list it in data.ignore")
			}
		case *format.IntType:
			f.signed = l.IsSigned
		}
	}
	switch kind {
	case parquet.Int96:
		return false, invalid(f.name, "holds dates", "numbers such as days since a fixed day; or list it in data.ignore")
	case parquet.FixedLenByteArray:
		return false, invalid(f.name, "holds binary data", "numbers or text; or list it in data.ignore")
	}
	return kind == parquet.ByteArray, nil
}

// rowGroup brings all values of one row group to the rows that c has so far.
func (f *feed) rowGroup(ctx context.Context, group parquet.RowGroup, c *collector) error {
	row, n := c.rows, c.rows+int(group.NumRows())
	err := eachPage(group.ColumnChunks()[f.leaf], func(page parquet.Page) error {
		first := row
		if row += int(page.NumValues()); row > n {
			return damagedParquet(errors.New("a column has more values than rows"))
		}
		if err := cmp.Or(survival.Check(ctx, 0, 0), c.checkMemory()); err != nil {
			return err
		}
		if done, at, r := f.takePage(page); r != nil {
			return invalidRow(first+at, f.name, r.problem, r.allowed)
		} else if done {
			return nil
		}
		return f.takeValues(ctx, page, first)
	})
	if err == nil && row < n {
		return damagedParquet(errors.New("a column has fewer values than rows"))
	}
	return err
}

// takeValues brings a page's values one by one, whatever they are; the first is in the given row.
func (f *feed) takeValues(ctx context.Context, page parquet.Page, row int) error {
	last := row + int(page.NumValues())
	err := eachInPage(ctx, page, func(v parquet.Value) error {
		if row == last {
			return damagedParquet(errors.New("a page has more values than it says"))
		}
		if r := f.put(v); r != nil {
			return invalidRow(row, f.name, r.problem, r.allowed)
		}
		row++
		return nil
	})
	if err == nil && row < last {
		return damagedParquet(errors.New("a page has fewer values than it says"))
	}
	return err
}

// eachPage visits the pages of a column chunk in order.
func eachPage(chunk parquet.ColumnChunk, visit func(parquet.Page) error) error {
	pages := chunk.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damagedParquet(err)
		}
		err = visit(page)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}

// eachInPage visits the values of a page in order.
func eachInPage(ctx context.Context, page parquet.Page, visit func(parquet.Value) error) error {
	var batch [1024]parquet.Value
	values := page.Values()
	for {
		if err := survival.Check(ctx, 0, 0); err != nil {
			return err
		}
		n, err := values.ReadValues(batch[:])
		for _, v := range batch[:n] {
			if failed := visit(v); failed != nil {
				return failed
			}
		}
		if err == io.EOF || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return damagedParquet(err)
		}
	}
}

// put brings one value to the builder.
func (f *feed) put(v parquet.Value) *refusal {
	if v.IsNull() {
		return f.builder.missing()
	}
	if v.Kind() == parquet.ByteArray {
		return f.builder.text(v.ByteArray())
	}
	if f.number {
		return f.builder.number(f.float(v))
	}
	scratch := f.scratch[:0]
	switch v.Kind() {
	case parquet.Boolean:
		return f.builder.text(strconv.AppendBool(scratch, v.Boolean()))
	case parquet.Int32, parquet.Int64:
		if f.divisor == 1 && f.signed {
			return f.builder.text(strconv.AppendInt(scratch, f.integer(v), 10))
		}
		if f.divisor == 1 {
			return f.builder.text(strconv.AppendUint(scratch, f.unsigned(v), 10))
		}
	}
	return f.builder.number(f.float(v))
}

func (f *feed) float(v parquet.Value) float64 {
	switch v.Kind() {
	case parquet.Boolean:
		if v.Boolean() {
			return 1
		}
		return 0
	case parquet.Int32, parquet.Int64:
		if f.signed {
			return float64(f.integer(v)) / f.divisor
		}
		return float64(f.unsigned(v)) / f.divisor
	case parquet.Float:
		return float64(v.Float())
	}
	return v.Double()
}

func (f *feed) integer(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func (f *feed) unsigned(v parquet.Value) uint64 {
	if v.Kind() == parquet.Int32 {
		return uint64(v.Uint32())
	}
	return v.Uint64()
}
