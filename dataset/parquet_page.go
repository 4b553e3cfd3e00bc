package dataset

import (
	"errors"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// What a page may be.
const (
	mostHeader = 1 << 20 // bytes of its header, with its statistics

	// It may unpack to snappied or deflated bytes for each of its own, which is what these codecs
	// can; of other codecs to plainPage bytes beside. Beyond plainValues it has no more values than
	// eight for each byte unpacked.
	snappied    = 22
	deflated    = 1100
	plainPage   = 64 << 20
	plainValues = 1 << 24

	// plainDictionary is what older writers call the encoding of a dictionary, and that of pages by it.
	plainDictionary = format.Encoding(2)
)

// checkPages refuses a column whose pages claim more than they hold: in their headers, and in the
// lengths and counts within them, for which the library makes room as it comes to them, or takes
// what an earlier page has left in its buffers for what is missing.
func checkPages(in io.ReaderAt, f *parquet.File, leaf *parquet.Column) error {
	c := columnCheck{in: in, kind: leaf.Type().Kind(), optional: leaf.Optional()}
	for _, group := range f.Metadata().RowGroups {
		if leaf.Index() >= len(group.Columns) {
			return damagedParquet(errors.New("a row group lacks a column"))
		}
		c.chunk, c.rows = &group.Columns[leaf.Index()].MetaData, group.NumRows
		switch codec := c.chunk.Codec; {
		case !slices.Contains(codecs, codec):
			return invalid(leaf.Name(), "is compressed by "+codec.String(), "Snappy, Zstandard, gzip, Brotli, or no compression")
		case codec != leaf.Compression().CompressionCodec(): // which the library takes for all row groups
			return damagedParquet(errors.New("a column is packed by several codecs"))
		}
		switch err := c.pages(f.Size()); {
		case errors.Is(err, errRuns):
			return invalid(leaf.Name(), "has truth values encoded as runs (RLE), as pages of version 2 have them", "pages of version 1 (pyarrow: data_page_version=\"1.0\"), or the numbers 0 and 1")
		case err != nil:
			return damagedParquet(err)
		}
	}
	return nil
}

// columnCheck looks at the pages of a flat column, one after the other.
type columnCheck struct {
	in       io.ReaderAt
	kind     parquet.Kind
	optional bool

	chunk *format.ColumnMetaData // of the row group that it has come to
	rows  int64                  // of that

	packed, unpacked, levels []byte // of a page; they are used again
}

// pages goes over a column of one row group.
func (c *columnCheck) pages(size int64) error {
	at, end := c.chunk.DataPageOffset, int64(0)
	if c.chunk.DictionaryPageOffset != 0 { // as the library takes it
		at = c.chunk.DictionaryPageOffset
	}
	if end = at + c.chunk.TotalCompressedSize; at < 0 || c.chunk.TotalCompressedSize < 0 || end < at || end > size {
		return errors.New("a column lies outside of the file")
	}
	for at < end {
		header, length, err := readPageHeader(c.in, at, end)
		if err != nil {
			return err
		}
		at += length
		if !plausible(header, c.chunk.Codec, end-at, c.rows) {
			return errors.New("a page claims more than it can hold")
		}
		c.packed = resized(c.packed, int(header.CompressedPageSize))
		if n, err := c.in.ReadAt(c.packed, at); n < len(c.packed) {
			return err
		}
		if err := c.page(header); err != nil {
			return err
		}
		at += int64(header.CompressedPageSize)
	}
	return nil
}

// readPageHeader reads the header at an offset, of which nothing tells how long it is.
func readPageHeader(in io.ReaderAt, at, end int64) (h *format.PageHeader, length int64, err error) {
	for size := int64(512); ; size *= 8 {
		size = min(size, end-at)
		head := make([]byte, size)
		if _, err := in.ReadAt(head, at); err != nil && err != io.EOF {
			return nil, 0, err
		}
		walk := thriftWalk{rest: head, structs: 1000}
		if err = walk.object(0); err == nil {
			head = head[:len(head)-len(walk.rest)]
			h = &format.PageHeader{}
			return h, int64(len(head)), thrift.Unmarshal(&thrift.CompactProtocol{}, head, h)
		}
		if size == end-at || size > mostHeader {
			return nil, 0, err
		}
	}
}

// plausible says that a page with so many bytes left in its column, of so many rows, may be true.
func plausible(h *format.PageHeader, codec format.CompressionCodec, left, rows int64) bool {
	packed, unpacked := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
	if packed < 0 || packed > left || unpacked < 0 || unpacked > mostUnpacked(codec, packed) {
		return false
	}
	data, second, dictionary := h.DataPageHeader, h.DataPageHeaderV2, h.DictionaryPageHeader
	values := int64(max(data.V.NumValues, second.V.NumValues))
	if data.V.NumValues < 0 || second.V.NumValues < 0 || values > rows || values > plainValues+8*unpacked {
		return false
	}
	return dictionary.V.NumValues >= 0 && int64(dictionary.V.NumValues) <= 8*unpacked
}

// mostUnpacked is what so many bytes can unpack to.
func mostUnpacked(codec format.CompressionCodec, packed int64) int64 {
	switch codec {
	case format.Uncompressed:
		return packed
	case format.Snappy:
		return snappied * packed
	case format.Gzip:
		return deflated * packed
	}
	return plainPage + deflated*packed
}

// page looks into a page, which is of one kind: the library looks for others, too.
func (c *columnCheck) page(h *format.PageHeader) error {
	data, second, dictionary := h.DataPageHeader, h.DataPageHeaderV2, h.DictionaryPageHeader
	switch {
	case h.Type == format.DataPageV2 && second.Valid && !data.Valid && !dictionary.Valid:
		return c.secondPage(&second.V, int(h.UncompressedPageSize))
	case h.Type == format.DataPage && data.Valid && !second.Valid && !dictionary.Valid:
	case h.Type == format.DictionaryPage && dictionary.Valid && !data.Valid && !second.Valid:
		if e := dictionary.V.Encoding; e != format.Plain && e != plainDictionary {
			return errors.New("a dictionary has an encoding that it cannot have")
		}
	default:
		return errors.New("a page is not of one kind")
	}
	switch size := int(h.UncompressedPageSize); {
	case dictionary.Valid:
		return c.packedValues(format.Plain, c.packed, size, int(dictionary.V.NumValues))
	case c.optional:
		return c.optionalPage(&data.V, size)
	default:
		return c.packedValues(data.V.Encoding, c.packed, size, int(data.V.NumValues))
	}
}

// optionalPage looks into a page of the first version: levels, which are packed with the values.
func (c *columnCheck) optionalPage(h *format.DataPageHeader, unpacked int) error {
	body, err := c.unpack(c.packed, unpacked)
	if err != nil {
		return err
	}
	levels, body, ok := cutLength(body)
	if !ok {
		return errors.New("a page ends within its levels")
	}
	present, err := c.present(levels, h.DefinitionLevelEncoding, int(h.NumValues))
	if err != nil {
		return err
	}
	return c.values(h.Encoding, body, present)
}

// secondPage looks into a page of the second version: levels as they are, and values packed.
func (c *columnCheck) secondPage(h *format.DataPageHeaderV2, unpacked int) error {
	repetition, definition, nulls := int(h.RepetitionLevelsByteLength), int(h.DefinitionLevelsByteLength), int(h.NumNulls)
	levels := repetition + definition
	if repetition < 0 || definition < 0 || levels > len(c.packed) || levels > unpacked || nulls < 0 || nulls > int(h.NumValues) {
		return errors.New("a page ends within its levels")
	}
	present := int(h.NumValues)
	if c.optional {
		var err error
		if present, err = c.present(c.packed[repetition:levels], format.RLE, present); err != nil {
			return err
		}
	}
	if present != int(h.NumValues)-nulls {
		return errors.New("a page has not as many values as its levels say")
	}
	if h.IsCompressed.Valid && !h.IsCompressed.V {
		return c.values(h.Encoding, c.packed[levels:], present)
	}
	return c.packedValues(h.Encoding, c.packed[levels:], unpacked-levels, present)
}

// packedValues looks at n values that are packed, which are not unpacked where their length tells.
func (c *columnCheck) packedValues(by format.Encoding, packed []byte, unpacked, n int) error {
	if (by == format.Plain || by == format.ByteStreamSplit) && c.kind != parquet.ByteArray {
		if size, err := c.unpackedSize(packed); err == nil && (size == unpacked || c.chunk.Codec == format.Uncompressed) {
			return c.lengths(size, n)
		}
	}
	body, err := c.unpack(packed, unpacked)
	if err != nil {
		return err
	}
	return c.values(by, body, n)
}
