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
	if err == nil {
		return t, p, nil
	}
	var refused *InvalidError
	if errors.As(err, &refused) {
		refused.Source = src.Name
		return nil, nil, refused
	}
	return nil, nil, fmt.Errorf("read %s: %w", src.Name, err)
}

func read(ctx context.Context, src Source, s Schema) (*Table, *Profile, error) {
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
		c, err = readCSV(file, src, s)
	case Parquet:
		c, err = readParquet(file, src, s)
	default:
		panic(fmt.Sprintf("dataset: format %q", src.Format))
	}
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
	cells, err := lines.next()
	if err == io.EOF {
		return nil, invalid("", "is empty", "a header line and data rows")
	}
	if err != nil {
		return nil, err
	}
	header, err := checkHeader(cells)
	if err != nil {
		return nil, err
	}
	c, err := newCollector(header, s, src.Limits)
	if err != nil {
		return nil, err
	}
	return c, c.collect(lines)
}

// collect reads all data rows.
func (c *collector) collect(lines *records) error {
	for {
		cells, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if c.rows == c.limits.Rows {
			return tooMany("rows", c.limits.Rows)
		}
		if len(cells) != len(c.header) {
			return &InvalidError{Line: lines.at, Row: lines.row, Problem: fmt.Sprintf("has %d cells", len(cells)),
				Allowed: fmt.Sprintf("%d, as many as the header line", len(c.header))}
		}
		for _, k := range c.sinks {
			if r := k.builder.text(cells[k.at]); r != nil {
				return &InvalidError{Line: lines.at, Row: lines.row, Column: c.header[k.at], Problem: r.problem, Allowed: r.allowed}
			}
		}
		c.rows++
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
