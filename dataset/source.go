package dataset

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Format is how a file holds a table.
type Format string

// The formats.
const (
	CSV     Format = "csv"     // .csv
	CSVGzip Format = "csv.gz"  // .csv.gz
	Parquet Format = "parquet" // .parquet
)

// FormatOf tells the format from the end of a name, in any case.
func FormatOf(name string) (Format, error) {
	lower := strings.ToLower(name)
	for _, f := range []Format{CSVGzip, CSV, Parquet} {
		if strings.HasSuffix(lower, "."+string(f)) {
			return f, nil
		}
	}
	e := invalid("", "the name does not tell the format", "names ending in .csv, .csv.gz or .parquet")
	e.Source = name
	return "", e
}

// Opener opens the file and tells its size in bytes, or −1 where that is unknown. A reader
// that is also an io.ReaderAt lets Parquet be read in place; others are first copied to a
// temporary file, which has no name: ErrTemporary where the folder does not take it. An error of the opener is passed on, wrapped: a missing file stays
// recognisable to errors.Is.
type Opener func(ctx context.Context) (r io.ReadCloser, size int64, err error)

// Source is a file to read.
type Source struct {
	Name   string // for messages
	Format Format // "": told from Name
	Open   Opener
	Limits Limits // zero fields mean the defaults

	scratch scratch // nil: the process's temporary folder
}

// Limits bound what a file may make Read allocate.
type Limits struct {
	Rows      int // data rows; default 100,000,000
	Columns   int // columns of the file; default 10,000
	CellBytes int // one cell; default 1 MiB
	LineBytes int // one CSV record with all its cells; default 16 MiB
	Levels    int // levels of a declared categorical column; default 10,000

	CopyBytes int64 // a Parquet file that is copied to be read; default 64 GiB
	Memory    int64 // bytes that the columns may take while they are read; default: no limit
}

func (l Limits) orDefault() Limits {
	set := func(v *int, value int) {
		if *v == 0 {
			*v = value
		}
	}
	set(&l.Rows, 100_000_000)
	set(&l.Columns, 10_000)
	set(&l.CellBytes, 1<<20)
	set(&l.LineBytes, 16<<20)
	set(&l.Levels, 10_000)
	if l.CopyBytes == 0 {
		l.CopyBytes = 64 << 30
	}
	return l
}

// fits refuses columns that take more memory than they may.
func (l Limits) fits(columns int64) error {
	if l.Memory <= 0 || columns <= l.Memory {
		return nil
	}
	return invalid("", fmt.Sprintf("takes more than %d MiB of memory", l.Memory>>20), "fewer rows or columns (data.ignore), or a worker with more memory")
}

// tooMany is the refusal of a file beyond a limit.
func tooMany(what string, limit int) *InvalidError {
	return invalid("", "has too many "+what, fmt.Sprintf("at most %d", limit))
}
