package hostile_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/survival/resample"
)

var schema = dataset.Schema{Time: "time", Event: "event", ZeroTime: dataset.ZeroDrop}

const csvText = "time,event,x,s\n1.5,1,0.25,b\n2,0,NA,a\n3,1,1,\"b,\"\"c\"\n"

// readBoth reads a file as data of a run and as rows to be predicted.
func readBoth(t *testing.T, name string, content []byte) {
	table, _, err := dataset.Read(t.Context(), source(name, content), schema)
	if err == nil {
		table.Frame().Validate()
		require.NoError(t, table.Outcome.Validate())
	}
	_, _ = dataset.ReadFeatures(t.Context(), source(name, content), dataset.FeatureSchema{ID: "s", Numeric: []string{"x"}})
}

// FuzzCSV: whatever a data file holds.
func FuzzCSV(f *testing.F) {
	f.Add([]byte(csvText))
	f.Add([]byte("\xef\xbb\xbftime,event\r\n\"1\",true\r\n,\r\n"))
	f.Add([]byte("time,event,\"" + strings.Repeat("x", 1000)))
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 16*mib, 1<<10, func() { readBoth(t, "t.csv", content) })
	})
}

// FuzzGzip: whatever a compressed file holds, what it unpacks to included: the limit is on that.
func FuzzGzip(f *testing.F) {
	for _, text := range []string{csvText, "time,event\n" + strings.Repeat("1,1\n", 1<<18)} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := io.WriteString(z, text)
		require.NoError(f, err)
		require.NoError(f, z.Close())
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 512*mib, 1<<10, func() { readBoth(t, "t.csv.gz", content) })
	})
}

// FuzzParquet: whatever a Parquet file holds.
func FuzzParquet(f *testing.F) {
	f.Add(parquetFile(f))
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 256*mib, 64<<10, func() { readBoth(t, "t.parquet", content) })
	})
}

// FuzzPrepared: whatever a store has for the prepared table.
func FuzzPrepared(f *testing.F) {
	f.Add(parquetFile(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 256*mib, 64<<10, func() {
			if table, err := dataset.ReadPrepared(bytes.NewReader(content), int64(len(content))); err == nil {
				table.Frame().Validate()
			}
		})
	})
}

// parquetFile is the table of csvText as the store keeps it.
func parquetFile(f testing.TB) []byte {
	table, _, err := dataset.Read(f.Context(), source("t.csv", []byte(csvText)), schema)
	require.NoError(f, err)
	var b bytes.Buffer
	require.NoError(f, dataset.WriteParquet(&b, table, table.Digest()))
	return b.Bytes()
}

// FuzzArray: whatever a store has for an array.
func FuzzArray(f *testing.F) {
	array, err := io.ReadAll(artifact.NPY([]float64{1, 2, 3, 4, 5, 6}, 2, 3))
	require.NoError(f, err)
	f.Add(array)
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 4*mib, 64, func() {
			read[float64](content)
			read[float32](content)
			read[int64](content)
		})
	})
}

func read[T artifact.Element](content []byte) {
	_, _, _ = artifact.ReadNPY[T](bytes.NewReader(content), int64(len(content)))
}

// FuzzFolds: whatever a folds file holds.
func FuzzFolds(f *testing.F) {
	f.Add([]byte("fold,row\n0,1\n1,2\n"))
	f.Add([]byte("fold,row,set\n0,1,test\n0,2,ignore\n0,3,train\n"))
	f.Add([]byte("fold,row\n0,\"" + strings.Repeat("\n", 1000)))
	const rows = 1000
	f.Fuzz(func(t *testing.T, content []byte) {
		bounded(t, len(content), 16*mib, 16*rows, func() {
			_, _ = resample.FromFile(bytes.NewReader(content), func(row int64) (int, bool) { return int(row % rows), row%7 != 0 }, rows)
		})
	})
}
