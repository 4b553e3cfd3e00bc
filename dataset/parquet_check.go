package dataset

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"
)

// The Parquet library believes what a file claims: it asks for the memory of a footer, a list, a
// page before it has read any of it, and follows a schema as deep as that goes. So claims are
// looked at first, here.
const (
	footerEnd  = 8        // the footer's length and the mark at the end of a file
	mostFooter = 64 << 20 // bytes
	mostSchema = 100_000  // entries: the library goes as deep as they nest
	mostHeader = 1 << 20  // bytes of a page's header, with its statistics

	// A page may unpack to plainPage bytes, and beyond that to unpacked bytes for each of its own:
	// what gzip can. Beyond plainValues it has no more values than eight for each of these bytes.
	plainPage   = 64 << 20
	unpacked    = 1100
	plainValues = 1 << 24
)

// checkFooter refuses a file whose footer claims more than it holds.
func checkFooter(in io.ReaderAt, size int64) error {
	end := make([]byte, footerEnd)
	if size < 2*footerEnd {
		return damagedParquet(errors.New("it is too short"))
	}
	if _, err := in.ReadAt(end, size-footerEnd); err != nil {
		return damagedParquet(err)
	}
	n := int64(binary.LittleEndian.Uint32(end))
	if n > size-footerEnd || n > mostFooter {
		return damagedParquet(errors.New("its footer is longer than it can be"))
	}
	footer := make([]byte, n)
	if _, err := in.ReadAt(footer, size-footerEnd-n); err != nil {
		return damagedParquet(err)
	}
	walk := thriftWalk{rest: footer, structs: 1<<16 + int(n)/8, schema: mostSchema, number: func(fields, int64) {}}
	if err := walk.object(fields{}, 0); err != nil {
		return damagedParquet(err)
	}
	return nil
}

// checkPages refuses a column whose pages claim more than they hold.
func checkPages(in io.ReaderAt, f *parquet.File, column int) error {
	for _, group := range f.Metadata().RowGroups {
		if column >= len(group.Columns) {
			return damagedParquet(errors.New("a row group lacks a column"))
		}
		chunk := group.Columns[column].MetaData
		at, end := chunk.DataPageOffset, int64(0)
		if chunk.DictionaryPageOffset != 0 { // as the library takes it
			at = chunk.DictionaryPageOffset
		}
		if end = at + chunk.TotalCompressedSize; at < 0 || chunk.TotalCompressedSize < 0 || end < at || end > f.Size() {
			return damagedParquet(errors.New("a column lies outside of the file"))
		}
		for at < end {
			page, err := readPageHeader(in, at, end)
			if err != nil {
				return err
			}
			if !page.plausible(end-at-page.length, group.NumRows) {
				return damagedParquet(errors.New("a page claims more than it can hold"))
			}
			at += page.length + page.packed
		}
	}
	return nil
}

// pageHeader is what a page claims.
type pageHeader struct {
	length           int64 // of the header
	packed, unpacked int64 // bytes of the page
	values, entries  int64 // of a data page; of a dictionary
}

// plausible says that a page with so many bytes left in its column, of so many rows, may be true.
func (p pageHeader) plausible(left, rows int64) bool {
	switch {
	case p.packed < 0 || p.packed > left, p.unpacked < 0 || p.unpacked > plainPage+unpacked*p.packed:
		return false
	case p.values < 0 || p.values > rows || p.values > plainValues+8*p.unpacked:
		return false
	}
	return p.entries >= 0 && p.entries <= 8*p.unpacked
}

// readPageHeader reads the header at an offset, of which nothing tells how long it is.
func readPageHeader(in io.ReaderAt, at, end int64) (pageHeader, error) {
	for size := int64(512); ; size *= 8 {
		size = min(size, end-at)
		head := make([]byte, size)
		if _, err := in.ReadAt(head, at); err != nil && err != io.EOF {
			return pageHeader{}, damagedParquet(err)
		}
		var p pageHeader
		walk := thriftWalk{rest: head, structs: 1000, number: p.number}
		err := walk.object(fields{}, 0)
		if err == nil {
			p.length = size - int64(len(walk.rest))
			return p, nil
		}
		if size == end-at || size > mostHeader {
			return p, damagedParquet(err)
		}
	}
}

// number takes what matters of a PageHeader (parquet-format, parquet.thrift).
func (p *pageHeader) number(path fields, v int64) {
	switch path {
	case fields{2}:
		p.unpacked = v
	case fields{3}:
		p.packed = v
	case fields{5, 1}, fields{8, 1}:
		p.values = v
	case fields{7, 1}:
		p.entries = v
	}
}
