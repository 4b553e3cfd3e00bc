package dataset

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"everfold/survival"
)

// Read reads a table in one pass. Refusals that the data decide are *InvalidError; errors
// of the opener, of reading and of a cancelled context are passed on, wrapped. Progress is
// in bytes of the file. A schema that no data could satisfy panics.
func Read(ctx context.Context, src Source, s Schema) (*Table, *Profile, error) {
	s.check()
	t, p, err := read(ctx, src, s)
	if err != nil {
		return nil, nil, located(err, src)
	}
	return t, p, nil
}

// located names the file in an error.
func located(err error, src Source) error {
	var refused *InvalidError
	if errors.As(err, &refused) {
		refused.Source = src.Name
		return refused
	}
	return fmt.Errorf("read %s: %w", src.Name, err)
}

func read(ctx context.Context, src Source, s Schema) (*Table, *Profile, error) {
	c, file, err := collect(ctx, &src, s)
	if err != nil {
		return nil, nil, err
	}
	t, p, err := c.finish(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.Source, p.Format, p.Bytes, p.SourceSHA256 = src.Name, src.Format, file.read, hex.EncodeToString(file.sum.Sum(nil))
	return t, p, nil
}

// collect reads the columns that the schema uses; it completes src.
func collect(ctx context.Context, src *Source, s Schema) (*collector, *counted, error) {
	if src.Format == "" {
		format, err := FormatOf(src.Name)
		if err != nil {
			return nil, nil, err
		}
		src.Format = format
	}
	src.Limits = src.Limits.orDefault()
	in, size, err := src.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	file := &counted{in: in, size: size, ctx: ctx, sum: sha256.New()}
	var c *collector
	switch src.Format {
	case CSV, CSVGzip:
		c, err = readCSV(file, *src, s)
	case Parquet:
		c, err = readParquet(file, *src, s)
	default:
		panic(fmt.Sprintf("dataset: format %q", src.Format))
	}
	return c, file, err
}

// counted is a file that counts and digests what is read of it.
type counted struct {
	in   io.Reader
	size int64 // −1: unknown
	read int64
	sum  hash.Hash
	ctx  context.Context // of the one Read call that this value serves
}

func (f *counted) Read(b []byte) (int, error) {
	n, err := f.in.Read(b)
	f.read += int64(n)
	f.sum.Write(b[:n])
	return n, err
}

// expect guesses the rows of the whole file from those in what is read, to reserve memory by:
// never more than pairs of bytes, 0 where the size is unknown.
func (f *counted) expect(rows int) int {
	if f.size < 0 || f.read == 0 {
		return 0
	}
	const margin = 1.02
	return int(min(margin*float64(rows)*float64(f.size)/float64(f.read), float64(f.size)/2))
}

// check reports how much of the file is read.
func (f *counted) check() error {
	return survival.Check(f.ctx, float64(f.read), float64(max(f.size, f.read)))
}

func readCSV(file *counted, src Source, s Schema) (*collector, error) {
	var in io.Reader = file
	if src.Format == CSVGzip {
		in = &gunzip{file: file}
	}
	lines := newRecords(in, src.Limits, file.check)
	if err := lines.skipMark(); err != nil {
		return nil, err
	}
	err := lines.read(1)
	if err == io.EOF {
		return nil, invalid("", "is empty", "a header line and data rows")
	}
	if err != nil {
		return nil, err
	}
	lines.width = len(lines.spans)
	header, err := checkHeader(lines)
	if err != nil {
		return nil, err
	}
	c, err := newCollector(header, s, src.Limits)
	if err != nil {
		return nil, err
	}
	return c, c.collect(lines, file)
}

// batchRows is how many rows are split before their columns are converted, one column after
// another: the text stays in the cache, and each loop does one kind of work.
const batchRows = 256

// rowsAhead is how many times the rows that were read columns are made for: the size of a file is a
// claim where it is elsewhere.
const rowsAhead = 16

// collect reads all data rows.
func (c *collector) collect(lines *records, file *counted) error {
	for {
		err := lines.read(batchRows)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n := min(len(lines.lines), c.limits.Rows-c.rows)
		if err := c.convert(lines, n); err != nil {
			return err
		}
		if n < len(lines.lines) {
			return tooMany("rows", c.limits.Rows)
		}
		held := c.rows + n
		if c.rows == 0 { // the first batch, of a buffer that may hold more
			held = n * lines.end / lines.start
		}
		if c.rows += n; c.rows >= c.room {
			c.room = min(file.expect(held), rowsAhead*held)
			c.reserve(c.room)
		}
		if err := c.checkMemory(); err != nil {
			return err
		}
	}
}

// convert brings the first n rows read last to the builders. What it refuses is the first bad
// cell in the order of rows, then sinks.
func (c *collector) convert(lines *records, n int) error {
	var refused *InvalidError
	for _, k := range c.sinks {
		i, r := k.take(lines, n)
		if r == nil {
			continue
		}
		refused = &InvalidError{Line: lines.lines[i], Row: int64(c.rows + i), Column: c.header[k.at], Problem: r.problem, Allowed: r.allowed}
		n = i // another sink may refuse an earlier row
	}
	if refused != nil {
		return refused
	}
	return nil
}

// take brings the sink's column of the first n rows to its builder, to the first row that is
// refused.
func (k sink) take(lines *records, n int) (int, *refusal) {
	for i := 0; ; i++ {
		if i = k.builder.takePlain(lines, k.at, i, n); i == n {
			return n, nil
		}
		if r := k.builder.text(lines.cell(i, k.at)); r != nil {
			return i, r
		}
	}
}

// gunzip decompresses a file, opened at the first read. What is no whole gzip file is an
// *InvalidError.
type gunzip struct {
	file io.Reader
	z    *gzip.Reader
}

func (g *gunzip) Read(b []byte) (int, error) {
	if g.z == nil {
		z, err := gzip.NewReader(g.file)
		if err == io.EOF {
			return 0, invalid("", "is empty", "a header line and data rows")
		}
		if err != nil {
			return 0, damagedGzip(err)
		}
		g.z = z
	}
	n, err := g.z.Read(b)
	if err != nil && err != io.EOF {
		err = damagedGzip(err)
	}
	return n, err
}

func damagedGzip(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt):
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return err
	}
	refused := invalid("", "is not a whole gzip file", "gzip; name it .csv where it is not compressed")
	refused.Err = err
	return refused
}
