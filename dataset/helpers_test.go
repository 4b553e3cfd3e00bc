package dataset_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
)

var nan = math.NaN()

// streamed opens bytes as a plain reader, which Parquet has to copy.
func streamed(content []byte) dataset.Opener {
	return func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(content))), int64(len(content)), nil
	}
}

// file opens a file of the repository's testdata.
func file(elem ...string) dataset.Opener {
	path := filepath.Join(append([]string{".."}, elem...)...)
	return func(context.Context) (io.ReadCloser, int64, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		return f, info.Size(), err
	}
}

// base is the schema of most tests.
var base = dataset.Schema{Time: "time", Event: "event"}

func read(name string, content []byte, s dataset.Schema) (*dataset.Table, *dataset.Profile, error) {
	return dataset.Read(context.Background(), dataset.Source{Name: name, Open: streamed(content)}, s)
}

// readCSV reads text that must be accepted.
func readCSV(t *testing.T, text string, s dataset.Schema) (*dataset.Table, *dataset.Profile) {
	t.Helper()
	table, profile, err := read("t.csv", []byte(text), s)
	require.NoError(t, err)
	return table, profile
}

func zipped(t *testing.T, text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// column finds a column by name.
func column(t *testing.T, table *dataset.Table, name string) dataset.Column {
	t.Helper()
	c, err := table.Frame().Column(name)
	require.NoError(t, err)
	return *c
}

// cells are the cells of a column as text, "." where missing.
func cells(c dataset.Column) string {
	var out []string
	for i, code := range c.Codes {
		if c.Missing(i) {
			out = append(out, ".")
		} else {
			out = append(out, c.Levels[code])
		}
	}
	return strings.Join(out, " ")
}

// rows makes n distinct CSV rows "time,event" after a header of more columns.
func lines(header string, rows ...string) string {
	return header + "\n" + strings.Join(rows, "\n") + "\n"
}
