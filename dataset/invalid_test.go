package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/survival"
)

// manyLevels makes a table whose column "city" has n levels in rows rows.
func manyLevels(n, rows int) string {
	var b strings.Builder
	b.WriteString("time,event,city\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%d,city%d\n", 1+i, i%2, i%n)
	}
	return b.String()
}

// with changes the base schema.
func with(change func(*dataset.Schema)) dataset.Schema {
	s := base
	change(&s)
	return s
}

var invalidFiles = map[string]struct {
	text   string
	schema dataset.Schema
	want   string // the message after "t.csv: "
}{
	"empty file":        {"", base, "is empty; allowed: a header line and data rows"},
	"only a mark":       {"\xef\xbb\xbf", base, "is empty; allowed: a header line and data rows"},
	"header only":       {"time,event\n", base, "has no data rows; allowed: at least two rows"},
	"utf-16":            {"\xff\xfet\x00", base, "is UTF-16; allowed: UTF-8"},
	"lone CR":           {"time,event\r1,1\r", base, "the header line holds a lone carriage return; allowed: lines that end in LF or CRLF"},
	"semicolons":        {"time;event\n1;1\n", base, "the header line has no comma; allowed: cells separated by commas, not by semicolons, tabs or bars"},
	"bars":              {"time|event\n1|1\n", base, "the header line has no comma; allowed: cells separated by commas, not by semicolons, tabs or bars"},
	"unnamed column":    {"time,,event\n", base, "column 2 has no name; allowed: a header line that names every column"},
	"header not UTF-8":  {"time,\xff\n", base, "the name of column 2 is not valid UTF-8; allowed: text in UTF-8"},
	"duplicate name":    {"time,event,time\n", base, `column "time": is the name of columns 1 and 3; allowed: different names`},
	"unknown column":    {"time,events\n", base, `column "event": is named by data.event, but the file has no such column; allowed: a column of the file; near: ["events"]`},
	"nothing near":      {"time,status\n", base, `column "event": is named by data.event, but the file has no such column; allowed: one of the 2 columns of the header line`},
	"two uses":          {"time,event\n", with(func(s *dataset.Schema) { s.Ignore = []string{"time"} }), `column "time": is named by data.time and by data.ignore; allowed: one use a column`},
	"ragged":            {"time,event\n1,1\n2\n", base, "line 3 (row 1): has 1 cells; allowed: 2, as many as the header line"},
	"quote in a cell":   {"time,event\n1,1\n2,0\"\n", base, `line 3 (row 1): cell 2 has a quote inside an unquoted cell; allowed: cells with quotes are quoted and the quotes doubled: "5"" pipe"`},
	"after a quote":     {"time,event\n\"1\"x,1\n", base, "line 2 (row 0): cell 1 goes on after a closing quote; allowed: a comma or the end of the line"},
	"open quote":        {"time,event\n1,\"1\n2,0\n", base, "line 2 (row 0): cell 2 opens a quote that is never closed"},
	"text in a number":  {"time,event\n1,1\nsoon,0\n", base, `line 3 (row 1): column "time": holds text where a number is needed; allowed: decimal numbers such as 12, -0.5 or 1e-3, or an empty cell`},
	"infinite number":   {"time,event,x\n1,1,1\n2,0,Inf\n", base, `line 3 (row 1): column "x": holds an infinite number; allowed: finite numbers or an empty cell`},
	"not UTF-8":         {"time,event,x\n1,1,\xff\n", base, `line 2 (row 0): column "x": is not valid UTF-8; allowed: text in UTF-8`},
	"NaN time":          {"time,event\n1,1\nNaN,0\n,0\n", base, `row 1: column "time": is missing or not a finite number in 2 rows, of which this is the first; allowed: a positive finite number in every row`},
	"infinite time":     {"time,event\n1,1\ninf,0\n", base, `row 1: column "time": is missing or not a finite number in 1 rows, of which this is the first; allowed: a positive finite number in every row`},
	"negative time":     {"time,event\n1,1\n-2,0\n-1,1\n", base, `row 1: column "time": is negative in 2 rows, of which this is the first; allowed: a positive finite number in every row`},
	"zero time":         {"time,event\n1,1\n0,0\n0,1\n3,1\n4,1\n", base, `row 1: column "time": is 0 in 2 of 5 rows, of which this is the first; they hold 1 of the 4 events (25 %); allowed: positive times; or set data.on_zero_time to drop, or to a positive number that replaces 0`},
	"zero, no events":   {"time,event\n1,0\n0,0\n", base, `row 1: column "time": is 0 in 1 of 2 rows, of which this is the first; they hold 0 of the 0 events (0 %); allowed: positive times; or set data.on_zero_time to drop, or to a positive number that replaces 0`},
	"all dropped":       {"time,event\n0,1\n", with(func(s *dataset.Schema) { s.ZeroTime = dataset.ZeroDrop }), "has no rows left: all 1 were dropped; allowed: rows with a positive time and, under impute drop-row, all covariates"},
	"one time":          {"time,event\n3,1\n3,0\n", base, `column "time": is the same in every row; allowed: at least two different times`},
	"no events":         {"time,event\n1,0\n2,0\n0,1\n", with(func(s *dataset.Schema) { s.ZeroTime = dataset.ZeroDrop }), `column "event": has no events: all 2 rows kept are censored (3 read, 1 dropped); allowed: at least one row with event 1; is the coding reversed?`},
	"event codes":       {"time,event\n1,1\n2,2\n3,dead\n4,2\n", base, `row 1: column "event": has the codes 2, dead in 3 rows; if they are other kinds of end (competing risks), decide which one is the event and code the others as 0, bearing in mind that they are then treated as censored; allowed: 0 or 1, true or false`},
	"too many codes":    {"time,event\n1,5.5\n2,6\n3,7\n4,8\n5,9\n6,10\n", base, `row 0: column "event": has more than 5 other codes in 6 rows; if they are other kinds of end (competing risks), decide which one is the event and code the others as 0, bearing in mind that they are then treated as censored; allowed: 0 or 1, true or false`},
	"long code":         {"time,event\n1,the patient moved to Leeds\n", base, `row 0: column "event": has the codes (longer text) in 1 rows; if they are other kinds of end (competing risks), decide which one is the event and code the others as 0, bearing in mind that they are then treated as censored; allowed: 0 or 1, true or false`},
	"missing event":     {"time,event\n1,1\n2,\n3,NA\n", base, `row 1: column "event": is missing in 2 rows, of which this is the first; allowed: 0 or 1, true or false`},
	"entry not finite":  {"time,event,in\n1,1,\n2,0,1\n", with(func(s *dataset.Schema) { s.Entry = "in" }), `row 0: column "in": is missing or not a finite number in 1 rows, of which this is the first; allowed: a finite number before the time in every row`},
	"entry after time":  {"time,event,in\n1,1,0\n2,0,2\n", with(func(s *dataset.Schema) { s.Entry = "in" }), `row 1: column "in": is not before the time; allowed: entry < time in every row`},
	"weight":            {"time,event,w\n1,1,1\n2,0,0\n3,0,\n", with(func(s *dataset.Schema) { s.Weight = "w" }), `row 1: column "w": is missing, not finite or not positive in 2 rows, of which this is the first; allowed: a positive finite number in every row`},
	"missing group":     {"time,event,g\n1,1,a\n2,0,\n", with(func(s *dataset.Schema) { s.Group = "g" }), `row 1: column "g": is missing in 1 rows; allowed: a group in every row`},
	"missing id":        {"time,event,id\n1,1,a\n2,0,\n", with(func(s *dataset.Schema) { s.ID = "id" }), `line 3 (row 1): column "id": has no id; allowed: an id in every row, or no id column`},
	"id not UTF-8":      {"time,event,id\n1,1,\xff\n", with(func(s *dataset.Schema) { s.ID = "id" }), `line 2 (row 0): column "id": is not valid UTF-8; allowed: text in UTF-8`},
	"duplicate id":      {"time,event,id\n0,1,a\n1,1,a\n2,0,b\n3,0,a\n", with(func(s *dataset.Schema) { s.ID, s.ZeroTime = "id", dataset.ZeroDrop }), `row 3: column "id": repeats the id of row 1; allowed: different ids; where rows belong together, name what they share in data.group`},
	"missing covariate": {"time,event,x\n1,1,1\n2,0,\n", with(func(s *dataset.Schema) { s.Impute = dataset.RefuseGaps }), `row 1: column "x": is missing; allowed: a value in every row, as impute is error; see preprocess.impute`},
	"mixed":             {"time,event,x,y\n1,1,1,a\n2,0,soon,2\n", base, `row 1: column "x": holds both numbers and text (so do "y"); allowed: one kind, with missing cells empty, NA, NaN or null; list it in data.ignore, or list all categorical columns, it among them, in data.categorical`},
	"dates":             {"time,event,d\n1,1,2024-01-31\n2,0,\n", base, `column "d": holds dates; allowed: numbers such as days since a fixed day; list it in data.ignore, or list all categorical columns, it among them, in data.categorical`},
	"over 100 levels":   {manyLevels(101, 4000), base, `column "city": holds text with more than 100 levels, or more than 20 that are over 5 % of its cells; allowed: list it in data.ignore, or list all categorical columns, it among them, in data.categorical`},
	"over 5 % levels":   {manyLevels(21, 400), base, `column "city": holds text with more than 100 levels, or more than 20 that are over 5 % of its cells; allowed: list it in data.ignore, or list all categorical columns, it among them, in data.categorical`},
}

// Every refusal says where, what and what is allowed, is an *InvalidError, and repeats no
// cell; the codes of the event column are the one exception.
func TestInvalidMessages(t *testing.T) {
	for name, c := range invalidFiles {
		t.Run(name, func(t *testing.T) {
			_, _, err := read("t.csv", []byte(c.text), c.schema)
			var refused *dataset.InvalidError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "t.csv: "+c.want, err.Error())
		})
	}
}

// A table without events is recognisable as such.
func TestNoEvents(t *testing.T) {
	_, _, err := read("t.csv", []byte("time,event\n1,0\n2,0\n"), base)
	require.ErrorIs(t, err, survival.ErrNoEvents)
}

// Limits refuse before memory is taken.
func TestLimits(t *testing.T) {
	cases := map[string]struct {
		limits dataset.Limits
		want   string
	}{
		"rows":    {dataset.Limits{Rows: 1}, "has too many rows; allowed: at most 1"},
		"columns": {dataset.Limits{Columns: 2}, "has too many columns; allowed: at most 2"},
		"cell":    {dataset.Limits{CellBytes: 4}, "line 1: cell 2 is too long; allowed: at most 4 bytes a cell"},
		"line":    {dataset.Limits{LineBytes: 1}, "line 3 (row 1): is too long; allowed: at most 1 bytes a record; is a quote left open?"},
		"levels":  {dataset.Limits{Levels: 1}, `column "x": has too many levels; allowed: at most 1`},
	}
	text := "time,event,x\n1,1,a\n2,0,\"" + strings.Repeat("b", 1<<18) + "\"\n"
	for name, c := range cases {
		s := with(func(s *dataset.Schema) { s.Categorical = []string{"x"} })
		_, _, err := dataset.Read(context.Background(), dataset.Source{Name: "t.csv", Open: streamed([]byte(text)), Limits: c.limits}, s)
		require.EqualError(t, err, "t.csv: "+c.want, name)
	}
}

// Errors of opening, reading and a cancelled context keep their identity.
func TestPassedOnErrors(t *testing.T) {
	_, _, err := dataset.Read(context.Background(), dataset.Source{Name: "gone.csv", Open: file("testdata", "gone.csv")}, base)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "read gone.csv: ")

	lost := errors.New("connection lost")
	failing := func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("time,event\n1,1\n"), failingReader{lost})), -1, nil
	}
	for _, name := range []string{"t.csv", "t.parquet"} {
		_, _, err = dataset.Read(context.Background(), dataset.Source{Name: name, Open: failing}, base)
		require.ErrorIs(t, err, lost)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(lost)
	for _, name := range []string{"t.csv", "t.csv.gz", "t.parquet"} {
		_, _, err = dataset.Read(ctx, dataset.Source{Name: name, Open: streamed([]byte("time,event\n1,1\n"))}, base)
		require.ErrorIs(t, err, lost)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// A name tells its format, in any case; other names are refused.
func TestFormatOf(t *testing.T) {
	for name, want := range map[string]dataset.Format{"a.csv": dataset.CSV, "A.CSV.GZ": dataset.CSVGzip, "b/c.parquet": dataset.Parquet} {
		got, err := dataset.FormatOf(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, _, err := read("table.xlsx", nil, base)
	require.EqualError(t, err, "table.xlsx: the name does not tell the format; allowed: names ending in .csv, .csv.gz or .parquet")
}

// A schema that no data could satisfy is a programming error.
func TestSchemaPanics(t *testing.T) {
	for name, s := range map[string]dataset.Schema{
		"no time":    {Event: "event"},
		"no event":   {Time: "time"},
		"zero mode":  {Time: "t", Event: "e", ZeroTime: "sometimes"},
		"zero value": {Time: "t", Event: "e", ZeroTime: dataset.ZeroReplace},
	} {
		require.Panics(t, func() { _, _, _ = read("t.csv", nil, s) }, name)
	}
	require.Panics(t, func() {
		_, _, _ = dataset.Read(context.Background(), dataset.Source{Name: "t", Format: "xml", Open: streamed(nil)}, base)
	})
}
