package hostile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/survival/resample"
)

var schema = dataset.Schema{Time: "time", Event: "event", ZeroTime: dataset.ZeroDrop}

const csvText = "time,event,x,s\n1.5,1,0.25,b\n2,0,NA,a\n3,1,1,\"b,\"\"c\"\n"

// readBoth reads a file as data of a run and as rows to be predicted. It gives the digest of the
// data; "" where they are refused.
func readBoth(t *testing.T, name string, content []byte) (digest string) {
	table, _, err := dataset.Read(t.Context(), source(name, content), schema)
	if err == nil {
		table.Frame().Validate()
		require.NoError(t, table.Outcome.Validate())
		digest = table.Digest()
	}
	_, _ = dataset.ReadFeatures(t.Context(), source(name, content), newRows)
	return digest
}

// FuzzCSV: whatever a data file holds.
func FuzzCSV(f *testing.F) {
	f.Add([]byte(csvText))
	f.Add([]byte("\xef\xbb\xbftime,event\r\n\"1\",true\r\n,\r\n"))
	f.Add([]byte("time,event,\"" + strings.Repeat("x", 1000)))
	f.Add([]byte("time,event,x\n1,1,a\n2,0,2020-01-01\n3,1,-Inf\n4,0,1e400\n5,1,0x1p-2\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 4*mib, 1<<10, func() { readBoth(t, "t.csv", content) })
	})
}

// FuzzGzip: whatever a compressed file holds, what it unpacks to included: the limit is on that.
func FuzzGzip(f *testing.F) {
	for _, text := range []string{csvText, "time,event\n" + strings.Repeat("1,1\n", 1<<14)} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := io.WriteString(z, text)
		require.NoError(f, err)
		require.NoError(f, z.Close())
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		src := source("t.csv.gz", content)
		src.Limits = dataset.Limits{Rows: 1 << 12, Memory: mib}
		bounded(t, len(content), 4*mib, 64, func() { _, _, _ = dataset.Read(t.Context(), src, schema) })
	})
}

// FuzzArray: whatever a store has for an array, behind a right mark and length of the header.
func FuzzArray(f *testing.F) {
	array, err := io.ReadAll(artifact.NPY([]float64{1, 2, 3, 4, 5, 6}, 2, 3))
	require.NoError(f, err)
	const before = 10 // bytes: mark, version, length of the header
	at := bytes.IndexByte(array, '\n') + 1
	f.Add(array[before:at], array[at:])
	f.Add([]byte("{'descr': '<i8', 'fortran_order': False, 'shape': (4611686018427387904, 2), }\n"), []byte{})
	f.Add([]byte("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n"), []byte{0, 0, 128, 63})
	f.Fuzz(func(t *testing.T, header, elements []byte) {
		content := binary.LittleEndian.AppendUint16(bytes.Clone(array[:before-2]), uint16(len(header)))
		content = slices.Concat(content, header, elements)
		bounded(t, len(content), 4*mib, 64, func() {
			read[float64](t, content)
			read[float32](t, content)
			read[int64](t, content)
		})
	})
}

// read reads an array, which is then what it would be written as.
func read[T artifact.Element](t *testing.T, content []byte) {
	data, shape, err := artifact.ReadNPY[T](bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return
	}
	again, err := io.ReadAll(artifact.NPY(data, shape...))
	require.NoError(t, err)
	n := len(data) * int(unsafe.Sizeof(*new(T)))
	require.Equal(t, again[len(again)-n:], content[len(content)-n:])
}

// FuzzFolds: whatever a folds file holds.
func FuzzFolds(f *testing.F) {
	f.Add([]byte("fold,row\n0,1\n1,2\n"))
	f.Add([]byte("fold,row,set\n0,1,test\n0,2,ignore\n0,3,train\n"))
	f.Add([]byte("fold,row\n0,\"" + strings.Repeat("\n", 1000)))
	const rows = 1000
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 4*mib, 16*rows, func() {
			_, _ = resample.FromFile(bytes.NewReader(content), func(row int64) (int, bool) { return int(row % rows), row%7 != 0 }, rows)
		})
	})
}
