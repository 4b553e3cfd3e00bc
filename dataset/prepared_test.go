package dataset_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/dataset"
	"everfold/survival"
)

// anyTable draws a valid table with every kind of column.
func anyTable(t *rapid.T) *dataset.Table {
	n := rapid.IntRange(1, 40).Draw(t, "rows")
	floats := func(label string, low, high float64) []float64 {
		return rapid.SliceOfN(rapid.Float64Range(low, high), n, n).Draw(t, label)
	}
	table := &dataset.Table{
		Outcome:   survival.Outcome{Time: floats("time", 1, 100), Event: rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "event")},
		SourceRow: rapid.SliceOfN(rapid.Int64Range(0, 1<<40), n, n).Draw(t, "source rows"),
	}
	if rapid.Bool().Draw(t, "more") {
		table.Outcome.Entry, table.Outcome.Weight = floats("entry", -1, 0.5), floats("weight", 0.1, 3)
		table.Group = rapid.SliceOfN(rapid.IntRange(0, 5), n, n).Draw(t, "groups")
		table.ID = rapid.SliceOfN(rapid.String(), n, n).Draw(t, "ids")
	}
	x := floats("x", -1e300, 1e300)
	x[0] = math.NaN()
	s := dataset.Column{Name: "s", Kind: dataset.Categorical, Levels: []string{"", "NA", "a\nb", "ü"}}
	s.Codes = rapid.SliceOfN(rapid.Int32Range(-1, 3), n, n).Draw(t, "codes")
	table.Columns = []dataset.Column{{Name: "z", Values: x}, s, {Name: "time", Values: floats("time covariate", 0, 1)}}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return table.Take(rows) // only levels that occur
}

func prepared(t require.TestingT, table *dataset.Table) []byte {
	var b bytes.Buffer
	require.NoError(t, dataset.WriteParquet(&b, table, table.Digest()))
	return b.Bytes()
}

func readPrepared(b []byte) (*dataset.Table, error) {
	return dataset.ReadPrepared(bytes.NewReader(b), int64(len(b)))
}

// The prepared file gives back an equal table, floats bit by bit, and writing is
// deterministic.
func TestPreparedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable(t)
		content := prepared(t, table)
		require.Equal(t, content, prepared(t, table))
		back, err := readPrepared(content)
		require.NoError(t, err)
		require.Equal(t, table.Digest(), back.Digest())
		require.Equal(t, content, prepared(t, back))
		require.Equal(t, table.ID, back.ID)
		require.Equal(t, table.Group, back.Group)
		require.Equal(t, table.SourceRow, back.SourceRow)
		require.Equal(t, table.Outcome, back.Outcome)
		for j, c := range table.Columns {
			require.Equal(t, c.Levels, back.Columns[j].Levels)
			require.Equal(t, c.Codes, back.Columns[j].Codes)
			for i, v := range c.Values {
				require.Equal(t, v != v, back.Columns[j].Missing(i))
				require.True(t, v != v || math.Float64bits(v) == math.Float64bits(back.Columns[j].Values[i]))
			}
		}
	})
}

// More rows than a row group holds come back whole.
func TestPreparedRowGroups(t *testing.T) {
	table, _ := readCSV(t, manyLevels(7, 140_000), base)
	content := prepared(t, table)
	back, err := readPrepared(content)
	require.NoError(t, err)
	require.Equal(t, table, back)
}

// Whatever differs from what was written is refused: other Parquet files, changed bytes,
// changed metadata, cut files.
func TestPreparedRefusals(t *testing.T) {
	table, _ := readCSV(t, lines("time,event,x,s", "1.5,1,0.25,b", "2,0,NA,a"), base)
	content := prepared(t, table)
	swap := func(from, to string) []byte {
		require.Equal(t, 1, bytes.Count(content, []byte(from)), from)
		return bytes.Replace(content, []byte(from), []byte(to), 1)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":   {nil, "is not a readable Parquet file"},
		"foreign": {parquetFile(t, subjects()), "is a Parquet file, but not a prepared table; allowed: what WriteParquet wrote"},
		"cut":     {content[:len(content)-1], "is not a readable Parquet file"},
		"digest":  {swap(`"digest":"`+table.Digest()[:6], `"digest":"xxxxxx`), "is not a readable Parquet file"},
		"version": {swap(`"version":1`, `"version":2`), "is of version 2; allowed: version 1"},
		"rows":    {swap(`"rows":2`, `"rows":3`), "is not a readable Parquet file"},
		"key":     {swap(`"rows":2`, `"lots":2`), "is not a readable Parquet file"},
		"kind":    {swap(`"kind":"numeric"`, `"kind":"numbers"`), "is not a readable Parquet file"},
		"kinds":   {swap(`{"name":"x","kind":"numeric"}`, `{"name":"s","kind":"numeric"}`), "is not a readable Parquet file"},
		"fewer":   {swap(`{"name":"x","kind":"numeric"},`, strings.Repeat(" ", 30)), "is not a readable Parquet file"},
	} {
		_, err := readPrepared(c.content)
		require.EqualError(t, err, "prepared table: "+c.want, name)
	}
	lost := errors.New("connection lost")
	_, err := dataset.ReadPrepared(brokenAt{nil, lost}, int64(len(content)))
	require.ErrorIs(t, err, lost)
	require.ErrorIs(t, dataset.WriteParquet(failingWriter{lost}, table, table.Digest()), lost)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A file whose digest is right but whose content no Read would give is refused.
func TestPreparedContent(t *testing.T) {
	good, _ := readCSV(t, lines("time,event", "1,1", "2,0"), base)
	for name, spoil := range map[string]func(*dataset.Table){
		"time":  func(x *dataset.Table) { x.Outcome.Time[1] = -1 },
		"row":   func(x *dataset.Table) { x.SourceRow[0] = -1 },
		"group": func(x *dataset.Table) { x.Group = []int{0, -1} },
	} {
		table := good.Take([]int{0, 1})
		spoil(table)
		_, err := readPrepared(prepared(t, table))
		var refused *dataset.InvalidError
		require.ErrorAs(t, err, &refused, name)
		var data *survival.DataError
		require.ErrorAs(t, err, &data, name)
	}
}

// Hostile bytes never panic, and what is accepted has the digest that the file names.
func FuzzReadPrepared(f *testing.F) {
	table, _, err := read("t.csv", []byte(lines("time,event,x,s", "1.5,1,0.25,b", "2,0,NA,a", "3,1,1,b")), base)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(prepared(f, table))
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		back, err := dataset.ReadPrepared(bytes.NewReader(content), int64(len(content)))
		if err == nil && (back.Digest() != table.Digest() || back.Outcome.Validate() != nil) {
			t.Fatal("another table is accepted")
		}
	})
}

// Hostile bytes in any format never panic, and a table that is accepted is valid.
func FuzzRead(f *testing.F) {
	f.Add("t.csv", []byte("time,event,x\n1,1,a\n2,0,b\n"))
	f.Add("t.csv", []byte("\xef\xbb\xbf\"time\",event\r\n\"1\",true\r\n,\r\n"))
	f.Add("t.csv.gz", []byte("\x1f\x8b\x08\x00"))
	f.Add("t.parquet", []byte("PAR1"))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		table, _, err := read(name, content, with(func(s *dataset.Schema) { s.ZeroTime = dataset.ZeroDrop }))
		if err != nil {
			return
		}
		table.Frame().Validate()
		if err := table.Outcome.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := dataset.WriteParquet(io.Discard, table, table.Digest()); err != nil {
			t.Fatal(err)
		}
	})
}
