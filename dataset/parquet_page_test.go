package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"
)

// Claim: a page's header is read whatever its length.
func TestPageHeader(t *testing.T) {
	for _, statistics := range []int{0, 5000} {
		header := format.PageHeader{UncompressedPageSize: 100, CompressedPageSize: 40, DataPageHeader: thrift.New(
			format.DataPageHeader{NumValues: 10, Statistics: format.Statistics{MaxValue: make([]byte, statistics)}})}
		text, err := thrift.Marshal(&thrift.CompactProtocol{}, &header)
		require.NoError(t, err)
		h, length, err := readPageHeader(bytes.NewReader(append(text, 1, 2, 3)), 0, int64(len(text)+3))
		require.NoError(t, err)
		require.EqualValues(t, len(text), length)
		require.EqualValues(t, 10, h.DataPageHeader.V.NumValues)
		_, _, err = readPageHeader(io.NewSectionReader(bytes.NewReader(text), 0, 9), 0, 9)
		require.Error(t, err)
	}
}

// Claim: what a page's header claims is held against what can be.
func TestPageClaims(t *testing.T) {
	good := func() *format.PageHeader {
		return &format.PageHeader{UncompressedPageSize: 100, CompressedPageSize: 40, DataPageHeader: thrift.New(format.DataPageHeader{NumValues: 10})}
	}
	require.True(t, plausible(good(), format.Snappy, 40, 10))
	for name, change := range map[string]func(*format.PageHeader){
		"beyond the column": func(h *format.PageHeader) { h.CompressedPageSize = 41 }, "negative": func(h *format.PageHeader) { h.CompressedPageSize = -1 },
		"bomb": func(h *format.PageHeader) { h.UncompressedPageSize = 1 << 30 }, "negative bomb": func(h *format.PageHeader) { h.UncompressedPageSize = -1 },
		"more values than rows": func(h *format.PageHeader) { h.DataPageHeader.V.NumValues = 11 }, "negative values": func(h *format.PageHeader) { h.DataPageHeader.V.NumValues = -1 },
		"more of the second version": func(h *format.PageHeader) { h.DataPageHeaderV2.V.NumValues = 11 },
		"entries":                    func(h *format.PageHeader) { h.DictionaryPageHeader.V.NumValues = 801 }, "negative entries": func(h *format.PageHeader) { h.DictionaryPageHeader.V.NumValues = -1 },
	} {
		h := good()
		change(h)
		require.False(t, plausible(h, format.Zstd, 40, 10), name)
	}
	h := good()
	h.DataPageHeader.V.NumValues = 1 << 30
	require.False(t, plausible(h, format.Snappy, 40, 1<<40), "more values than a page may have")
	for codec, most := range map[format.CompressionCodec]int32{format.Uncompressed: 40, format.Snappy: 22 * 40, format.Gzip: 1100 * 40} {
		h.UncompressedPageSize, h.DataPageHeader.V.NumValues = most, 1
		require.True(t, plausible(h, codec, 40, 10), codec)
		h.UncompressedPageSize++
		require.False(t, plausible(h, codec, 40, 10), codec)
	}
}

// varints are numbers as they are within pages.
func varints(numbers ...uint64) (b []byte) {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// lengthed is a body after its length.
func lengthed(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// Claim: counts and lengths within a page are held against the values that it is to have: what is
// too short would be filled from memory that others have used, what is too long would be made room for.
func TestPagesThatLie(t *testing.T) {
	const all = 1 << 31 << 1 // in a run's head
	long, ones := varints(all), varints(20, 1)
	of := func(text ...int32) []byte { return must((&delta.BinaryPackedEncoding{}).EncodeInt32(nil, text)) }
	for name, c := range map[string]struct {
		kind     parquet.Kind
		optional bool
		encoding format.Encoding
		good     []byte // ten values
		bad      []byte
	}{
		"plain":      {kind: parquet.Double, good: make([]byte, 80), bad: make([]byte, 79)},
		"halves":     {kind: parquet.Float, good: make([]byte, 40), bad: make([]byte, 39)},
		"truth":      {kind: parquet.Boolean, good: make([]byte, 2), bad: make([]byte, 1)},
		"texts":      {kind: parquet.ByteArray, good: bytes.Repeat([]byte{1, 0, 0, 0, 'a'}, 10), bad: bytes.Repeat([]byte{1, 0, 0, 0, 'a'}, 9)},
		"cut text":   {kind: parquet.ByteArray, good: make([]byte, 40), bad: append(make([]byte, 36), 1, 0, 0, 0)},
		"split":      {kind: parquet.Double, encoding: format.ByteStreamSplit, good: make([]byte, 80), bad: make([]byte, 72)},
		"entries":    {kind: parquet.ByteArray, encoding: format.RLEDictionary, good: append([]byte{1}, ones...), bad: append([]byte{1}, long...)},
		"wide":       {kind: parquet.ByteArray, encoding: format.RLEDictionary, good: []byte{}, bad: append([]byte{33}, ones...)},
		"groups":     {kind: parquet.ByteArray, encoding: plainDictionary, good: []byte{1, 5, 0, 0}, bad: []byte{1, 5, 0}},
		"nothing":    {kind: parquet.ByteArray, encoding: format.RLEDictionary, good: []byte{1, 0, 20, 1}, bad: []byte{1, 0, 253, 1}},
		"delta":      {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: varints(128, 4, 1<<31, 0)},
		"few deltas": {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: of(1, 2)},
		"no parts":   {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: varints(128, 0, 10, 0)},
		"cut deltas": {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: varints(128, 4, 10, 0)},
		"no deltas":  {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: varints(128, 4)},
		"cut part":   {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: append(varints(128, 4, 10, 0, 0), 2, 0, 0, 0, 1)},
		"wide delta": {kind: parquet.Int32, encoding: format.DeltaBinaryPacked, good: of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), bad: append(varints(128, 4, 10, 0, 0), 33, 0, 0, 0)},
		"lengths":    {kind: parquet.ByteArray, encoding: format.DeltaLengthByteArray, good: of(0, 0), bad: varints(128, 4, 1<<31, 0)},
		"long texts": {kind: parquet.ByteArray, encoding: format.DeltaLengthByteArray, good: append(of(1, 2), "abc"...), bad: append(of(1, 2), "ab"...)},
		"own":        {kind: parquet.ByteArray, encoding: format.DeltaByteArray, good: append(append(of(0, 1), of(1, 2)...), "abc"...), bad: append(of(0, 0), of(1<<30, 1<<30)...)},
		"prefixes":   {kind: parquet.ByteArray, encoding: format.DeltaByteArray, good: append(of(0, 0), of(0, 0)...), bad: append(of(0, 1<<30), of(0, 0)...)},
		"backwards":  {kind: parquet.ByteArray, encoding: format.DeltaByteArray, good: append(of(0, 0), of(0, 0)...), bad: append(of(0, -1), of(0, 0)...)},
		"suffixes":   {kind: parquet.ByteArray, encoding: format.DeltaByteArray, good: append(of(0, 0), of(0, 0)...), bad: of(0, 0)},
		"no prefix":  {kind: parquet.ByteArray, encoding: format.DeltaByteArray, good: append(of(0, 0), of(0, 0)...), bad: nil},
		"levels":     {kind: parquet.Double, optional: true, good: append(lengthed(varints(20, 0)), 0), bad: lengthed(long)},
		"few levels": {kind: parquet.Double, optional: true, good: append(lengthed(varints(20, 0)), 0), bad: lengthed(varints(18, 0))},
		"no levels":  {kind: parquet.Double, optional: true, good: append(lengthed(varints(20, 0)), 0), bad: []byte{9, 0, 0, 0}},
		"present":    {kind: parquet.Double, optional: true, good: append(lengthed(ones), make([]byte, 80)...), bad: append(lengthed(ones), make([]byte, 72)...)},
	} {
		check := columnCheck{kind: c.kind, optional: c.optional, chunk: &format.ColumnMetaData{}}
		look := func(body []byte) error {
			check.packed = body
			return check.page(&format.PageHeader{UncompressedPageSize: int32(len(body)), DataPageHeader: thrift.New(
				format.DataPageHeader{NumValues: 10, Encoding: c.encoding, DefinitionLevelEncoding: format.RLE})})
		}
		require.NoError(t, look(c.good), name)
		require.Error(t, look(c.bad), name)
	}
}

// Claim: a page of the second version has the levels and as many values as its header says.
func TestSecondPages(t *testing.T) {
	body := append(varints(16, 1, 4, 0), make([]byte, 64)...) // eight values, two that are missing
	header := func() format.DataPageHeaderV2 {
		return format.DataPageHeaderV2{NumValues: 10, NumNulls: 2, NumRows: 10, DefinitionLevelsByteLength: 4}
	}
	check := columnCheck{kind: parquet.Double, optional: true, chunk: &format.ColumnMetaData{}, packed: body}
	look := func(h format.DataPageHeaderV2) error {
		return check.page(&format.PageHeader{Type: format.DataPageV2, UncompressedPageSize: int32(len(body)), DataPageHeaderV2: thrift.New(h)})
	}
	require.NoError(t, look(header()))
	for name, change := range map[string]func(*format.DataPageHeaderV2){
		"beyond the page": func(h *format.DataPageHeaderV2) { h.DefinitionLevelsByteLength = 1000 }, "negative": func(h *format.DataPageHeaderV2) { h.RepetitionLevelsByteLength = -1 },
		"fewer nulls": func(h *format.DataPageHeaderV2) { h.NumNulls = 1 }, "negative nulls": func(h *format.DataPageHeaderV2) { h.NumNulls = -1 },
		"more nulls than values": func(h *format.DataPageHeaderV2) { h.NumNulls = 11 }, "more values": func(h *format.DataPageHeaderV2) { h.NumValues = 11 },
	} {
		h := header()
		change(&h)
		require.Error(t, look(h), name)
	}
}

// Claim: a header that is of several kinds, of none, or of a dictionary of another encoding is refused.
func TestKindsOfPages(t *testing.T) {
	data, dictionary := thrift.New(format.DataPageHeader{}), thrift.New(format.DictionaryPageHeader{})
	check := columnCheck{kind: parquet.Double, chunk: &format.ColumnMetaData{}}
	require.NoError(t, check.page(&format.PageHeader{DataPageHeader: data}))
	require.NoError(t, check.page(&format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: dictionary}))
	for _, h := range []format.PageHeader{
		{}, {Type: format.IndexPage}, {Type: format.DictionaryPage, DataPageHeader: data}, {DataPageHeader: data, DictionaryPageHeader: dictionary},
		{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{Encoding: format.DeltaBinaryPacked})},
		{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 1})},
	} {
		require.Error(t, check.page(&h))
	}
}

// Claim: by every codec a page unpacks to what it has and says; what unpacks to more or less, and
// what is no page of the codec, is refused.
func TestUnpack(t *testing.T) {
	text := bytes.Repeat([]byte("survival "), 1000)
	for _, codec := range codecs {
		packed := must(parquet.LookupCompressionCodec(codec).Encode(nil, text))
		check := columnCheck{chunk: &format.ColumnMetaData{Codec: codec}}
		body, err := check.unpack(packed, len(text))
		require.NoError(t, err, codec)
		require.Equal(t, text, body, codec)
		if codec == format.Uncompressed {
			continue
		}
		for name, page := range map[string][]byte{"longer": packed, "damaged": bytes.Repeat([]byte{0xfe}, 50), "cut": packed[:len(packed)/2]} {
			_, err := check.unpack(page, len(text)-1)
			require.Error(t, err, "%s %s", codec, name)
		}
		_, err = check.unpack(packed, len(text)+1)
		require.Error(t, err, codec)
	}
	_, err := (&columnCheck{chunk: &format.ColumnMetaData{Codec: format.LZO}}).unpack(text, len(text))
	require.Error(t, err)
}

// Claim: large pages that hardly pack are read the same by every codec and version of pages; LZ4,
// by which they would not be, is refused by name.
func TestCodecs(t *testing.T) {
	type row struct {
		Time  float64  `parquet:"time"`
		Event bool     `parquet:"event"`
		X     *float64 `parquet:"x"`
		S     string   `parquet:"s,dict"`
	}
	rows := make([]row, 20_000)
	for i := range rows {
		x := float64(i*i%7919) / 3
		rows[i] = row{Time: 1 + x*x, Event: i%3 > 0, X: &x, S: string(rune('a' + i%5))}
	}
	read := func(version int, codec compress.Codec) (string, error) {
		var b bytes.Buffer
		w := parquet.NewGenericWriter[row](&b, parquet.Compression(codec), parquet.DataPageVersion(version))
		must(w.Write(rows))
		require.NoError(t, w.Close())
		table, _, err := Read(t.Context(), Source{Name: "t.parquet", Open: func(context.Context) (io.ReadCloser, int64, error) {
			return io.NopCloser(&b), int64(b.Len()), nil
		}}, Schema{Time: "time", Event: "event"})
		if err != nil {
			return "", err
		}
		return table.Digest(), nil
	}
	want := must(read(1, &parquet.Uncompressed))
	for version := 1; version <= 2; version++ {
		for _, codec := range codecs {
			require.Equal(t, want, must(read(version, parquet.LookupCompressionCodec(codec))), codec)
		}
		_, err := read(version, &parquet.Lz4Raw)
		require.EqualError(t, err, `t.parquet: column "time": is compressed by LZ4_RAW; allowed: Snappy, Zstandard, gzip, Brotli, or no compression`)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Claim: truth values that are encoded as runs, which would be misread, are refused by name.
func TestTruthAsRuns(t *testing.T) {
	var b bytes.Buffer
	schema := parquet.NewSchema("t", parquet.Group{"time": parquet.Leaf(parquet.DoubleType), "event": parquet.Encoded(parquet.Leaf(parquet.BooleanType), &parquet.RLE)})
	w := parquet.NewWriter(&b, schema)
	for i := range 20 {
		must(w.WriteRows([]parquet.Row{{parquet.BooleanValue(i > 5).Level(0, 0, 0), parquet.DoubleValue(1).Level(0, 0, 1)}}))
	}
	require.NoError(t, w.Close())
	_, _, err := Read(t.Context(), Source{Name: "t.parquet", Open: func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(&b), int64(b.Len()), nil
	}}, Schema{Time: "time", Event: "event"})
	require.ErrorContains(t, err, `column "event": has truth values encoded as runs (RLE)`)
}
