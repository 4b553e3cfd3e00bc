package hostile_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"
)

// parts are a Parquet file taken apart: what its footer says, and its pages. Put together again,
// lengths, places and checksums are right, whatever the pages hold by then, so that readers get
// past them to what was changed.
type parts struct {
	footer []byte
	width  int      // columns
	chunks [][]page // of each of them in each row group, in the order of the footer
}

// page has its header, and what it holds, unpacked.
type page struct{ header, body []byte }

var compact thrift.CompactProtocol

// takenApart takes a file apart.
func takenApart(t testing.TB, file []byte) *parts {
	t.Helper()
	_, footer := split(file)
	p := &parts{footer: footer}
	p.width = len(p.metadata().RowGroups[0].Columns)
	for _, c := range columnsOf(p.metadata()) {
		var pages []page
		at := c.DataPageOffset
		if c.DictionaryPageOffset != 0 {
			at = c.DictionaryPageOffset
		}
		for rest := file[at : at+c.TotalCompressedSize]; len(rest) > 0; {
			var header format.PageHeader
			in := compact.NewReaderFromBytes(bytes.Clone(rest))
			require.NoError(t, thrift.NewDecoder(in).Decode(&header))
			packed := rest[in.BytesRead():][:header.CompressedPageSize]
			levels := levelsOf(&header, packed)
			body, err := parquet.LookupCompressionCodec(c.Codec).Decode(nil, packed[levels:])
			require.NoError(t, err)
			pages = append(pages, page{rest[:in.BytesRead()], slices.Concat(packed[:levels], body)})
			rest = rest[in.BytesRead()+len(packed):]
		}
		p.chunks = append(p.chunks, pages)
	}
	return p
}

// split parts a file before its footer.
func split(file []byte) (pages, footer []byte) {
	end := len(file) - 8
	at := end - int(binary.LittleEndian.Uint32(file[end:]))
	return file[:at], file[at:end]
}

// levelsOf is how many bytes of a page are levels that are not packed with the rest, as pages of
// the second version have them.
func levelsOf(h *format.PageHeader, body []byte) int {
	v2 := h.DataPageHeaderV2.V // zeros where there is none
	return min(len(body), int(v2.RepetitionLevelsByteLength+v2.DefinitionLevelsByteLength))
}

func (p *parts) metadata() *format.FileMetaData {
	var m format.FileMetaData
	if err := thrift.Unmarshal(&compact, p.footer, &m); err != nil {
		panic(err)
	}
	return &m
}

func columnsOf(m *format.FileMetaData) (columns []*format.ColumnMetaData) {
	for g := range m.RowGroups {
		for c := range m.RowGroups[g].Columns {
			columns = append(columns, &m.RowGroups[g].Columns[c].MetaData)
		}
	}
	return columns
}

// only are the parts of a file that has no columns but those of these names.
func (p *parts) only(names ...string) *parts {
	m, out := p.metadata(), &parts{width: len(names)}
	has := func(name string) bool { return slices.Contains(names, name) }
	for k, c := range columnsOf(m) {
		if has(c.PathInSchema[0]) {
			out.chunks = append(out.chunks, p.chunks[k])
		}
	}
	for g := range m.RowGroups {
		m.RowGroups[g].Columns = slices.DeleteFunc(m.RowGroups[g].Columns, func(c format.ColumnChunk) bool { return !has(c.MetaData.PathInSchema[0]) })
	}
	m.Schema = append(m.Schema[:1], slices.DeleteFunc(m.Schema[1:], func(e format.SchemaElement) bool { return !has(e.Name) })...)
	m.Schema[0].NumChildren.V = int32(len(m.Schema) - 1)
	m.ColumnOrders = nil
	out.footer = marshalled(m)
	return out
}

// changes are what a forged file has otherwise.
type changes struct {
	codec  format.CompressionCodec // of the column that has the page
	page   int                     // that holds body, where there is one, counted from 0 over all chunks
	body   []byte
	note   []byte // in place of what the first key of the metadata has; nil: as it is
	claims []byte // numbers of headers and footer: see claim
}

// file puts the parts together.
func (p *parts) file(c changes) []byte {
	m := p.metadata()
	headers, bodies := p.pages(c)
	claimed(c.claims, 0, headers)
	out, at := []byte("PAR1"), 0
	for k, column := range columnsOf(m) {
		start, data := int64(len(out)), int64(0)
		for range p.chunks[k] {
			if data == 0 && headers[at].Type != format.DictionaryPage {
				data = int64(len(out))
			}
			out = slices.Concat(out, marshalled(headers[at]), bodies[at])
			at++
		}
		if column.DictionaryPageOffset != 0 {
			column.DictionaryPageOffset = start
		}
		column.Codec, column.DataPageOffset, column.TotalCompressedSize = p.codec(k, c), data, int64(len(out))-start
	}
	if len(c.note) > 0 && len(m.KeyValueMetadata) > 0 {
		m.KeyValueMetadata[0].Value = string(c.note)
	}
	claimed(c.claims, 1, m)
	return footed(out, marshalled(m))
}

// codec is that of a chunk: all of the column that has the page are packed.
func (p *parts) codec(chunk int, c changes) format.CompressionCodec {
	of, first := 0, 0
	for of < len(p.chunks)-1 && c.page >= first+len(p.chunks[of]) {
		first += len(p.chunks[of])
		of++
	}
	if chunk%p.width != of%p.width {
		return format.Uncompressed
	}
	return c.codec
}

// pages are the headers and packed bodies of all pages.
func (p *parts) pages(c changes) (headers []*format.PageHeader, bodies [][]byte) {
	for k, pages := range p.chunks {
		codec := parquet.LookupCompressionCodec(p.codec(k, c))
		for _, page := range pages {
			header, body := &format.PageHeader{}, page.body
			if err := thrift.Unmarshal(&compact, page.header, header); err != nil {
				panic(err)
			}
			if len(c.body) > 0 && len(headers) == c.page {
				body = c.body
			}
			levels := levelsOf(header, body)
			packed, err := codec.Encode(nil, body[levels:])
			if err != nil {
				panic(err)
			}
			packed = slices.Concat(body[:levels], packed)
			header.UncompressedPageSize, header.CompressedPageSize = int32(len(body)), int32(len(packed))
			if header.DataPageHeaderV2.Valid {
				header.DataPageHeaderV2.V.IsCompressed = thrift.New(c.codec != format.Uncompressed)
			}
			header.CRC = int32(crc32.ChecksumIEEE(packed))
			headers, bodies = append(headers, header), append(bodies, packed)
		}
	}
	return headers, bodies
}

// footed ends a file with its footer.
func footed(out, footer []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(slices.Concat(out, footer), uint32(len(footer))), "PAR1"...)
}

func marshalled(v any) []byte {
	out, err := thrift.Marshal(&compact, v)
	if err != nil {
		panic(err)
	}
	return out
}

// claimed changes numbers in v, in the order they have there. A claim is eight bytes: of what
// (0: headers of pages, 1: the footer), how, which number (two bytes), and a value (four bytes).
func claimed(claims []byte, of byte, v any) {
	var numbers []reflect.Value
	for ; len(claims) >= 8; claims = claims[8:] {
		if claims[0]%2 != of {
			continue
		}
		if numbers == nil {
			numbers = numbersIn(reflect.ValueOf(v), nil)
		}
		number := numbers[int(binary.LittleEndian.Uint16(claims[2:]))%len(numbers)]
		value := int64(int32(binary.LittleEndian.Uint32(claims[4:])))
		switch how := claims[1] % 4; {
		case number.Kind() == reflect.Bool:
			number.SetBool(value&1 == 1)
		case how == 0:
			number.SetInt(value)
		case how == 1:
			number.SetInt(number.Int() + value)
		default:
			number.SetInt(value << (10 * how))
		}
	}
}

// numbersIn are all integers and truth values that v leads to.
func numbersIn(v reflect.Value, found []reflect.Value) []reflect.Value {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return numbersIn(v.Elem(), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			found = numbersIn(v.Field(i), found)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return found
		}
		for i := range v.Len() {
			found = numbersIn(v.Index(i), found)
		}
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return append(found, v)
	}
	return found
}
