package hostile_test

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"

	"everfold/dataset"
)

// row is a row of a Parquet file in which every column has an encoding of its own.
type row struct {
	Time   float64  `parquet:"time"`
	Event  bool     `parquet:"event"`
	Plain  *float64 `parquet:"plain"`
	Split  float32  `parquet:"split,split"`
	Delta  int64    `parquet:"delta,delta"`
	Small  int32    `parquet:"small,delta"`
	Level  *string  `parquet:"level,dict"`
	Number *int64   `parquet:"number,dict"`
	Text   string   `parquet:"text,delta"`
	Bare   string   `parquet:"bare"`
	Money  int64    `parquet:"money,decimal(2:18)"`
	Whole  uint32   `parquet:"whole"`
}

func rowsOf(n int) []row {
	levels, out := []string{"a", "bb", ""}, make([]row, n)
	for i := range out {
		x, k := float64(i)/4, int64(i%3)
		out[i] = row{Time: x + 1, Event: i%2 == 0, Split: float32(x), Delta: int64(i) * 7, Small: int32(-i), Text: "t" + levels[i%2], Bare: levels[i%3],
			Money: int64(i) * 100, Whole: uint32(i)}
		if i%4 != 3 {
			out[i].Plain, out[i].Level, out[i].Number = &x, &levels[i%3], &k
		}
	}
	return out
}

// written is a file of such rows, unpacked, in two row groups.
func written(t testing.TB, version int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.DataPageVersion(version), parquet.Compression(&parquet.Uncompressed), parquet.PageBufferSize(64))
	for range 2 {
		_, err := w.Write(rowsOf(9))
		require.NoError(t, err)
		require.NoError(t, w.Flush())
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// tabled is the table of csvText as the store keeps it.
func tabled(t testing.TB) []byte {
	t.Helper()
	table, _, err := dataset.Read(t.Context(), source("t.csv", []byte(csvText)), schema)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, dataset.WriteParquet(&b, table, table.Digest()))
	return b.Bytes()
}

// newRows are columns of csvText, as rows that are to be predicted.
var newRows = dataset.FeatureSchema{ID: "s", Numeric: []string{"x"}}

// kept are the rows of csvText as the store keeps those of final.data.
func kept(t testing.TB) []byte {
	t.Helper()
	rows, err := dataset.ReadFeatures(t.Context(), source("t.csv", []byte(csvText)), newRows)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, rows.WriteParquet(&b, newRows.ID))
	return b.Bytes()
}

// readParquet reads a file as everything that is read of one. It gives the digest of the data.
func readParquet(t *testing.T, file []byte) string {
	digest := readBoth(t, "t.parquet", file)
	if table, err := dataset.ReadPrepared(bytes.NewReader(file), int64(len(file))); err == nil {
		table.Frame().Validate()
	}
	_, _ = dataset.ReadKept(t.Context(), dataset.Source{Name: "t.parquet"}, file, newRows)
	return digest
}

// FuzzParquet: whatever a Parquet file holds: data, the prepared table, the rows of final.data. The
// footer's length and the marks are right.
func FuzzParquet(f *testing.F) {
	for _, file := range [][]byte{tabled(f), kept(f), written(f, 1)} {
		pages, footer := split(file)
		f.Add(pages, footer)
	}
	f.Add([]byte{}, []byte{})
	f.Add([]byte("PAR1"), []byte("PAR1"))
	f.Fuzz(func(t *testing.T, pages, footer []byte) {
		file := footed(pages, footer)
		bounded(t, len(file), 256*mib, 16<<10, func() { readParquet(t, file) })
	})
}

var codecs = []format.CompressionCodec{format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli, format.Lz4Raw}

// forgeable are the files that FuzzPages changes: the prepared table, rows of final.data, and for each
// encoding and version of pages a table with one column of it.
func forgeable(t testing.TB) []*parts {
	t.Helper()
	files := []*parts{takenApart(t, tabled(t)), takenApart(t, kept(t))}
	for version := range 2 {
		all := takenApart(t, written(t, version+1))
		for _, name := range []string{"plain", "split", "delta", "small", "level", "number", "text", "bare", "money", "whole"} {
			files = append(files, all.only("time", "event", name))
		}
	}
	return files
}

// Claim: a file that is taken apart and put together is read as what it was, by every codec.
func TestForged(t *testing.T) {
	for k, p := range forgeable(t) {
		for at := range 3 {
			plain := p.file(changes{page: at})
			if k < 2 {
				_, prepared := dataset.ReadPrepared(bytes.NewReader(plain), int64(len(plain)))
				_, final := dataset.ReadKept(t.Context(), dataset.Source{}, plain, newRows)
				require.True(t, (prepared == nil) == (k == 0) && (final == nil) == (k == 1), "%v, %v", prepared, final)
				continue
			}
			digest := readParquet(t, plain)
			require.NotEmpty(t, digest)
			for _, codec := range codecs[:5] { // but for LZ4, which is refused
				require.Equal(t, digest, readParquet(t, p.file(changes{codec: codec, page: at})))
			}
		}
	}
}

// FuzzPages: whatever a page of a Parquet file holds, and whatever its header and the footer say of
// it, behind right lengths, places and checksums, packed by any codec. What is read is the file's
// content, and never what another file has left in memory.
func FuzzPages(f *testing.F) {
	files := forgeable(f)
	other := files[0].file(changes{})
	for k, p := range files {
		n := byte(0)
		for chunk, pages := range p.chunks {
			for _, page := range pages {
				if k < 2 || chunk == 2 { // what is before differs from no other file
					f.Add(byte(k), byte(k)+n, n, page.body, []byte{}, []byte{n, 0, 3 * n, 0, 1, 0, 0, 0})
				}
				n++
			}
		}
		for _, pair := range p.metadata().KeyValueMetadata {
			f.Add(byte(k), byte(0), byte(1), []byte{}, []byte(pair.Value), []byte{})
		}
	}
	f.Fuzz(func(t *testing.T, which, codec, page byte, body, note, claims []byte) {
		file := files[int(which)%len(files)].file(changes{codecs[int(codec)%len(codecs)], int(page), body, note, claims})
		bounded(t, len(file), 256*mib, 16<<10, func() {
			if digest := readParquet(t, file); digest != "" {
				readBoth(t, "t.parquet", other)
				require.Equal(t, digest, readBoth(t, "t.parquet", file), "it is read as another table after another file")
			}
		})
	})
}
