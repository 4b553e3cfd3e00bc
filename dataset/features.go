package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

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
	Source  string // the file that they were read from, as the reader was told; kept rows keep it
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
	x := &Features{Source: src.Name, Rows: c.rows}
	for _, f := range c.features {
		x.Columns = append(x.Columns, f.column(nil))
	}
	if c.id != nil {
		x.ID = c.id.strings()
	}
	return x, nil
}

// The metadata keys of the digest, and of the file that the rows were read from.
const (
	featuresKey       = "everfold.features"
	featuresSourceKey = "everfold.source"
)

// WriteParquet writes x as a Parquet file, which ReadKept reads back as equal features. id names
// the column of ids. Equal features give equal bytes.
func (x *Features) WriteParquet(w io.Writer, id string) error {
	columns := map[string]fileColumn{}
	for _, c := range x.Columns {
		columns[c.Name] = featureColumn(c)
	}
	if x.ID != nil {
		columns[id] = textColumn(x.ID)
	}
	if len(columns) == 0 { // the rows are to be counted all the same
		columns[columnRow] = fileColumn{parquet.Leaf(parquet.Int64Type), func(i int) parquet.Value { return parquet.Int64Value(int64(i)) }}
	}
	return writeFile(w, "features", x.Rows, columns, parquet.CreatedBy("everfold", "1", "features"),
		parquet.KeyValueMetadata(featuresKey, x.Digest()), parquet.KeyValueMetadata(featuresSourceKey, x.Source))
}

// ReadKept reads content that WriteParquet wrote; src has no opener. Anything else, bytes that do
// not give the digest in the file among it, is an *InvalidError.
func ReadKept(ctx context.Context, src Source, content []byte, s FeatureSchema) (*Features, error) {
	src.Format, src.Open = Parquet, func(context.Context) (io.ReadCloser, int64, error) {
		return fileInMemory{bytes.NewReader(content)}, int64(len(content)), nil
	}
	x, err := ReadFeatures(ctx, src, s)
	if err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, located(damagedParquet(err), src)
	}
	if digest, _ := f.Lookup(featuresKey); digest != x.Digest() {
		return nil, located(damagedParquet(errors.New("the content does not have the digest that the file names")), src)
	}
	x.Source, _ = f.Lookup(featuresSourceKey)
	return x, nil
}

// fileInMemory is an open file, of which Parquet is read in place.
type fileInMemory struct{ *bytes.Reader }

// Close does nothing.
func (fileInMemory) Close() error { return nil }

// featuresVersion begins the digested form; it changes when the form does.
const featuresVersion = "everfold.features.1"

// Digest is SHA-256, in hexadecimal, over what predictions of x can depend on, in row order:
// ids, and per column, in the order of their names, name, kind and cells, as in Table.Digest.
func (x *Features) Digest() string {
	d := digester{sum: sha256.New()}
	d.text(featuresVersion)
	d.count(x.Rows)
	d.count(len(x.ID))
	for _, id := range x.ID {
		d.text(id)
	}
	columns := slices.Clone(x.Columns)
	slices.SortFunc(columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	d.columns(columns)
	return hex.EncodeToString(d.sum.Sum(nil))
}

// Bytes estimates the memory that x holds.
func (x *Features) Bytes() int64 { return bytesOf(x.ID, x.Columns) }
