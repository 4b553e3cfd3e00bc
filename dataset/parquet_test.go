package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"everfold/dataset"
)

// subject is a row of a Parquet file as other programs write it.
type subject struct {
	ID     int64    `parquet:"id"`
	Time   float32  `parquet:"time"`
	Event  bool     `parquet:"event"`
	Age    *float64 `parquet:"age,optional"`
	Visits uint32   `parquet:"visits"`
	Dose   int32    `parquet:"dose,decimal(2:9)"`
	Site   *string  `parquet:"site,optional,dict"`
	Zip    string   `parquet:"zip"`
	Stage  int64    `parquet:"stage"`
	Smoker bool     `parquet:"smoker"`
	Level  float64  `parquet:"level"`
}

func subjects() []subject {
	age, leeds, york := 61.5, "Leeds", "York"
	return []subject{
		{1 << 60, 1.5, true, &age, 4294967295, 150, &leeds, "01", 1, true, 0.5},
		{1<<60 + 1, 2, false, nil, 0, -25, nil, "02", 2, false, 1},
		{3, 4, true, &age, 7, 0, &york, "01", 10, true, nan},
	}
}

func parquetFile[T any](t *testing.T, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, parquet.Write(&b, rows, parquet.MaxRowsPerRowGroup(2)))
	return b.Bytes()
}

// atOnce opens bytes as a reader at any offset, which Parquet reads in place.
func atOnce(content []byte) dataset.Opener {
	return func(context.Context) (io.ReadCloser, int64, error) {
		return struct {
			*bytes.Reader
			io.Closer
		}{bytes.NewReader(content), io.NopCloser(nil)}, int64(len(content)), nil
	}
}

// Kinds come from the types of the file: numbers of any type, text even of digits; listed
// columns have the listed kind. It does not matter how the file is opened.
func TestParquetKinds(t *testing.T) {
	s := dataset.Schema{ID: "id", Time: "time", Event: "event"}
	content := parquetFile(t, subjects())
	for _, open := range []dataset.Opener{streamed(content), atOnce(content)} {
		table, profile, err := dataset.Read(context.Background(), dataset.Source{Name: "t.parquet", Open: open}, s)
		require.NoError(t, err)
		require.Equal(t, []string{"1152921504606846976", "1152921504606846977", "3"}, table.ID)
		require.Equal(t, []float64{1.5, 2, 4}, table.Outcome.Time)
		require.Equal(t, []bool{true, false, true}, table.Outcome.Event)
		require.Equal(t, []float64{4294967295, 0, 7}, column(t, table, "visits").Values)
		require.Equal(t, []float64{1.5, -0.25, 0}, column(t, table, "dose").Values)
		require.Equal(t, []float64{1, 0, 1}, column(t, table, "smoker").Values)
		require.Equal(t, "Leeds . York", cells(column(t, table, "site")))
		require.Equal(t, "01 02 01", cells(column(t, table, "zip")))
		age, level := column(t, table, "age"), column(t, table, "level")
		require.True(t, age.Missing(1) && level.Missing(2) && !age.Missing(2))
		require.EqualValues(t, len(content), profile.Bytes)
	}
	s.Categorical = []string{"stage", "smoker", "visits", "level", "dose"}
	table, _, err := read("t.parquet", content, s)
	require.NoError(t, err)
	require.Equal(t, "1 2 10", cells(column(t, table, "stage")))
	require.Equal(t, "true false true", cells(column(t, table, "smoker")))
	require.Equal(t, "4294967295 0 7", cells(column(t, table, "visits")))
	require.Equal(t, "0.5 1 .", cells(column(t, table, "level")))
	require.Equal(t, "1.5 -0.25 0", cells(column(t, table, "dose")))

	s.Categorical, s.Numeric, s.ID = nil, []string{"zip"}, ""
	table, _, err = read("t.parquet", content, s)
	require.NoError(t, err)
	require.Equal(t, []float64{1, 2, 1}, column(t, table, "zip").Values)
}

// A Parquet file and a CSV file of one content give one digest.
func TestParquetEqualsCSV(t *testing.T) {
	type row struct {
		Time  float64 `parquet:"time"`
		Event int32   `parquet:"event"`
		X     float64 `parquet:"x"`
		S     string  `parquet:"s"`
	}
	csv, _ := readCSV(t, lines("time,event,x,s", "1,1,0.1,b", "2,0,NA,a"), base)
	table, _, err := read("t.parquet", parquetFile(t, []row{{1, 1, 0.1, "b"}, {2, 0, nan, "a"}}), base)
	require.NoError(t, err)
	require.Equal(t, csv.Digest(), table.Digest())
}

// What the file holds and a table cannot is refused by name; damage is recognised.
func TestParquetRefusals(t *testing.T) {
	type dated struct {
		Time  float64   `parquet:"time"`
		Event bool      `parquet:"event"`
		Day   time.Time `parquet:"day,timestamp"`
	}
	type nested struct {
		Time  float64   `parquet:"time"`
		Event bool      `parquet:"event"`
		X     []float64 `parquet:"x"`
	}
	type binary struct {
		Time  float64 `parquet:"time"`
		Event bool    `parquet:"event"`
		X     [4]byte `parquet:"x"`
	}
	type texts struct {
		Time  string `parquet:"time"`
		Event int64  `parquet:"event"`
	}
	whole := parquetFile(t, subjects())
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/3] ^= 0xff
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":   {nil, "is empty; allowed: a Parquet file"},
		"csv":     {[]byte("time,event\n1,1\n"), "is not a readable Parquet file"},
		"cut":     {whole[:len(whole)-9], "is not a readable Parquet file"},
		"dates":   {parquetFile(t, []dated{{1, true, time.Unix(0, 0)}}), `column "day": holds dates; allowed: numbers such as days since a fixed day; or list it in data.ignore`},
		"nested":  {parquetFile(t, []nested{{1, true, nil}}), `column "x": is nested or repeated; allowed: flat columns; list it in data.ignore`},
		"binary":  {parquetFile(t, []binary{{Time: 1}}), `column "x": holds binary data; allowed: numbers or text; or list it in data.ignore`},
		"no rows": {parquetFile(t, []texts{}), "has no data rows; allowed: at least two rows"},
		"text":    {parquetFile(t, []texts{{"1", 1}, {"soon", 2}}), `row 1: column "time": holds text where a number is needed; allowed: decimal numbers such as 12, -0.5 or 1e-3, or an empty cell`},
		"unknown": {parquetFile(t, []struct {
			Event bool `parquet:"event"`
		}{{true}}), `column "time": is named by data.time, but the file has no such column; allowed: one of the 1 columns of the header line`},
	} {
		_, _, err := read("t.parquet", c.content, base)
		require.EqualError(t, err, "t.parquet: "+c.want, name)
	}
	_, _, err := read("t.parquet", damaged, base)
	require.Error(t, err)
	s := with(func(s *dataset.Schema) { s.Ignore = []string{"day"} })
	_, _, err = read("t.parquet", parquetFile(t, []dated{{1, true, time.Unix(0, 0)}, {2, false, time.Unix(0, 0)}}), s)
	require.NoError(t, err)
	for name, limits := range map[string]dataset.Limits{"rows": {Rows: 2}, "columns": {Columns: 3}} {
		_, _, err = dataset.Read(context.Background(), dataset.Source{Name: "t.parquet", Open: streamed(whole), Limits: limits}, base)
		require.ErrorContains(t, err, "has too many "+name)
	}
}

// An error of reading at an offset is not blamed on the file.
func TestParquetReadError(t *testing.T) {
	lost := errors.New("connection lost")
	content := parquetFile(t, subjects())
	open := func(context.Context) (io.ReadCloser, int64, error) {
		return brokenAt{bytes.NewReader(content), lost}, int64(len(content)), nil
	}
	_, _, err := dataset.Read(context.Background(), dataset.Source{Name: "t.parquet", Open: open}, base)
	require.ErrorIs(t, err, lost)
}

type brokenAt struct {
	io.Reader
	err error
}

func (b brokenAt) ReadAt([]byte, int64) (int, error) { return 0, b.err }

func (b brokenAt) Close() error { return nil }
