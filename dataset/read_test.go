package dataset_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/survival"
)

// Kinds are inferred from the cells; all spellings of "missing" are missing; blanks around
// numbers do not matter, around levels they do.
func TestInference(t *testing.T) {
	table, profile := readCSV(t, lines("time,event,age,sex,empty",
		"1,1, 61 ,m,", "2,0,NA,f,NA", "3,true,NaN,NA,NaN", "4,FALSE,nan, f,nan", "5,1.0,null,null,null", "6,0,NULL,  ,", `7,1,"-1e2","m",`), base)
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6, 7}, table.Outcome.Time)
	require.Equal(t, []bool{true, false, true, false, true, false, true}, table.Outcome.Event)
	age := column(t, table, "age")
	require.Equal(t, dataset.Numeric, age.Kind)
	require.Equal(t, "[61 NaN NaN NaN NaN NaN -100]", fmt.Sprint(age.Values))
	sex := column(t, table, "sex")
	require.Equal(t, []string{" f", "f", "m"}, sex.Levels)
	require.Equal(t, "m f .  f . . m", cells(sex))
	require.Equal(t, dataset.Numeric, column(t, table, "empty").Kind)
	require.Equal(t, []survival.Warning{{Category: "data", Message: `column "empty" has no observed cell`}}, profile.Warnings)
}

// A byte-order mark, CRLF, quoted names, commas and line ends, blank lines and a last line
// without an end give the same table as plain text.
func TestSpellingsOfOneTable(t *testing.T) {
	plain, _ := readCSV(t, "time,event,x\n1,1,a\n2,0,b\n", base)
	for name, text := range map[string]string{
		"mark":      "\xef\xbb\xbftime,event,x\n1,1,a\n2,0,b\n",
		"mark,quot": "\xef\xbb\xbf\"time\",event,x\n1,1,a\n2,0,b\n",
		"CRLF":      "time,event,x\r\n1,1,a\r\n2,0,b\r\n",
		"quotes":    "\"time\",\"event\",\"x\"\n\"1\",\"1\",\"a\"\n\"2\",\"0\",\"b\"",
		"blank":     "\ntime,event,x\n\n1,1,a\n\n2,0,b\n\n",
	} {
		table, _ := readCSV(t, text, base)
		require.Equal(t, plain.Digest(), table.Digest(), name)
		require.Equal(t, plain.SourceRow, table.SourceRow, name)
	}
	table, _ := readCSV(t, "time,event,x\n1,1,\"a,\n\"\"b\"\"\"\n2,0,c\n", base)
	require.Equal(t, []string{"a,\n\"b\"", "c"}, column(t, table, "x").Levels)
}

// Compressed text gives the same table; what is no whole gzip file is refused.
func TestGzip(t *testing.T) {
	const text = "time,event,x\n1,1,a\n2,0,b\n"
	plain, _ := readCSV(t, text, base)
	table, profile, err := read("t.csv.gz", zipped(t, text), base)
	require.NoError(t, err)
	require.Equal(t, plain, table)
	require.EqualValues(t, len(zipped(t, text)), profile.Bytes)

	damaged := zipped(t, text)
	damaged[len(damaged)-6] ^= 1
	flipped := zipped(t, strings.Repeat(text, 50))
	flipped[20] ^= 0xff
	for name, content := range map[string][]byte{"plain": []byte(text), "cut": zipped(t, text)[:30], "checksum": damaged, "flipped": flipped} {
		_, _, err = read("t.csv.gz", content, base)
		require.EqualError(t, err, "t.csv.gz: is not a whole gzip file; allowed: gzip; name it .csv where it is not compressed", name)
	}
	_, _, err = read("t.csv.gz", nil, base)
	require.EqualError(t, err, "t.csv.gz: is empty; allowed: a header line and data rows")
}

// Listed columns have the listed kind, whatever they look like; with both lists given the
// others are not used, with one list the other kind is still inferred.
func TestDeclaredKinds(t *testing.T) {
	text := lines("time,event,stage,site,x,note", "1,1,1,a,5,u", "2,0,2,a,6,v", "3,1,10,b,7,u")
	table, profile := readCSV(t, text, with(func(s *dataset.Schema) { s.Categorical = []string{"stage", "site"}; s.Ignore = []string{"note"} }))
	require.Equal(t, []string{"1", "10", "2"}, column(t, table, "stage").Levels)
	require.Len(t, table.Columns, 3)
	require.Equal(t, []float64{5, 6, 7}, column(t, table, "x").Values)
	require.Empty(t, profile.Warnings)

	table, profile = readCSV(t, text, with(func(s *dataset.Schema) { s.Numeric = []string{"stage"} }))
	require.Len(t, table.Columns, 3) // stage, site, note
	require.Equal(t, `column "x" is not used: it is numeric, but not listed in data.numeric`, profile.Warnings[0].Message)

	table, profile = readCSV(t, text, with(func(s *dataset.Schema) { s.Numeric, s.Categorical = []string{"x"}, []string{} }))
	require.Len(t, table.Columns, 1)
	require.Equal(t, "not used", profile.Columns[2].Role)

	table, profile = readCSV(t, text, with(func(s *dataset.Schema) { s.Categorical = []string{"site"} }))
	require.Len(t, table.Columns, 3) // stage, site, x
	require.Equal(t, `column "note" is not used: it is categorical, but not listed in data.categorical`, profile.Warnings[0].Message)
}

// The bounds of inferred text: 100 levels, 20 levels of any share, and any number where listed.
func TestLevelBounds(t *testing.T) {
	for _, c := range []struct{ levels, rows int }{{100, 2000}, {20, 30}} {
		table, _ := readCSV(t, manyLevels(c.levels, c.rows), base)
		require.Len(t, column(t, table, "city").Levels, c.levels)
	}
	table, _ := readCSV(t, manyLevels(300, 400), with(func(s *dataset.Schema) { s.Categorical = []string{"city"} }))
	require.Len(t, column(t, table, "city").Levels, 300)
	_, profile := readCSV(t, manyLevels(300, 400), with(func(s *dataset.Schema) { s.Categorical = []string{} }))
	require.Len(t, profile.Warnings, 2) // and no column is left
}

// Rows with a time of zero are dropped or mended as asked, rows with a gap under drop-row;
// levels that only they had are gone, and the profile counts all of it. What is mended is told, too.
func TestDroppedRows(t *testing.T) {
	text := lines("time,event,id,g,x,s", "0,1,a,p,1,u", "1,1,b,q,,v", "2,0,c,q,3,", "3,1,d,r,4,v", "4,0,e,p,5,w")
	s := dataset.Schema{Time: "time", Event: "event", ID: "id", Group: "g", ZeroTime: dataset.ZeroDrop, Impute: dataset.DropRow}
	table, profile := readCSV(t, text, s)
	require.Equal(t, []int64{3, 4}, table.SourceRow)
	require.Equal(t, []string{"d", "e"}, table.ID)
	require.Equal(t, []int{0, 1}, table.Group)
	require.Equal(t, []string{"v", "w"}, column(t, table, "s").Levels)
	require.Equal(t, []dataset.Drop{{Reason: dataset.ReasonZeroTime, Rows: 1, Events: 1, Share: 1.0 / 3}, {Reason: dataset.ReasonMissing, Rows: 2, Events: 1, Share: 1.0 / 3}}, profile.Dropped)
	require.Equal(t, []int{5, 2, 3, 1}, []int{profile.RowsRead, profile.RowsKept, profile.EventsRead, profile.Events})
	require.Equal(t, 1, profile.Columns[4].Missing)

	s.ZeroTime, s.ZeroValue, s.Impute = dataset.ZeroReplace, 0.5, ""
	table, profile = readCSV(t, text, s)
	require.Equal(t, []float64{0.5, 1, 2, 3, 4}, table.Outcome.Time)
	require.Equal(t, []int{0, 1, 1, 2, 0}, table.Group)
	require.Equal(t, 1, profile.ZeroReplaced)
	require.Equal(t, `column "time" is 0 in 1 of 5 rows, and 0.5 replaces it; they hold 1 of the 3 events (33.3 %)`, profile.Warnings[0].Message)
	require.Empty(t, profile.Dropped)
	require.Equal(t, 3, profile.Groups)
}

// Entry and weight are read; a dropped row's entry is not held against the table; ids may
// repeat within groups, and the id column may be the group.
func TestOutcomeColumns(t *testing.T) {
	text := lines("time,event,in,w,id", "0,1,0,1,a", "1,1,-1,0.5,a", "2,0,0,2,b", "3,1,2.5,1,a")
	s := dataset.Schema{Time: "time", Event: "event", Entry: "in", Weight: "w", ID: "id", Group: "id", ZeroTime: dataset.ZeroDrop}
	table, _ := readCSV(t, text, s)
	require.Equal(t, survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, false, true}, Entry: []float64{-1, 0, 2.5}, Weight: []float64{0.5, 2, 1}}, table.Outcome)
	require.Equal(t, []int{0, 1, 0}, table.Group)
	require.Equal(t, "a b a", table.RowID(0)+" "+table.RowID(1)+" "+table.RowID(2))
	require.Empty(t, table.Columns)
}

// The profile is JSON without NaN and says how each column was understood.
func TestProfile(t *testing.T) {
	_, profile := readCSV(t, lines("time,event,x,s,k,note", "1,1,2,a,7,n", "2,0,,b,7,n", "3,1,8,a,7,n"), with(func(s *dataset.Schema) {
		s.Ignore = []string{"note"}
	}))
	b, err := json.Marshal(profile)
	require.NoError(t, err)
	require.Equal(t, "2 8", fmt.Sprint(*profile.Columns[2].Minimum, *profile.Columns[2].Maximum))
	require.Equal(t, []dataset.LevelCount{{Level: "a", Rows: 2}, {Level: "b", Rows: 1}}, profile.Columns[3].Levels)
	require.Equal(t, "ignored", profile.Columns[5].Role)
	require.Equal(t, "inferred", profile.Columns[2].How)
	require.InDelta(t, 1.0/3, profile.Columns[2].Share, 0)
	require.Equal(t, `column "k" has the same value in every observed cell`, profile.Warnings[0].Message)
	require.Contains(t, string(b), `"rows_kept":3`)
	require.Len(t, profile.SourceSHA256, 64)
}

// Progress counts bytes up to the size of the file.
func TestProgress(t *testing.T) {
	text := manyLevels(2, 50_000)
	var last, total float64
	ctx := survival.WithProgress(context.Background(), func(done, of float64) {
		if of == float64(len(text)) {
			require.GreaterOrEqual(t, done, last)
			last, total = done, of
		}
	})
	_, _, err := dataset.Read(ctx, dataset.Source{Name: "t.csv", Open: streamed([]byte(text))}, base)
	require.NoError(t, err)
	require.Equal(t, float64(len(text)), total)
	require.Greater(t, last, total/2)
}

// Real tables are read with the counts that their sources state.
func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		path                         []string
		schema                       dataset.Schema
		rows, events, columns, level int
	}{
		{[]string{"examples", "data", "hdfail.csv"}, dataset.Schema{Time: "time", Event: "status"}, 52410, 2881, 5, 85},
		{[]string{"testdata", "public", "flchain.csv"}, dataset.Schema{Time: "time", Event: "event", Ignore: []string{"chapter"}, ZeroTime: dataset.ZeroDrop}, 7871, 2166, 8, 2},
		{[]string{"testdata", "public", "lung.csv"}, base, 228, 165, 8, 0},
	} {
		table, profile, err := dataset.Read(context.Background(), dataset.Source{Name: c.path[2], Open: file(c.path...)}, c.schema)
		require.NoError(t, err)
		require.Equal(t, []int{c.rows, c.events, c.columns}, []int{table.Rows(), table.Outcome.Events(), len(table.Columns)}, c.path[2])
		most := 0
		for _, column := range profile.Columns {
			most = max(most, len(column.Levels))
		}
		require.Equal(t, c.level, most, c.path[2])
	}
}

// Gaps of lung are those that its source counts.
func TestLungGaps(t *testing.T) {
	table, _, err := dataset.Read(context.Background(), dataset.Source{Name: "lung.csv", Open: file("testdata", "public", "lung.csv")}, base)
	require.NoError(t, err)
	for name, want := range map[string]int{"inst": 1, "age": 0, "ph.ecog": 1, "ph.karno": 1, "pat.karno": 3, "meal.cal": 47, "wt.loss": 14} {
		gaps := 0
		for _, v := range column(t, table, name).Values {
			if math.IsNaN(v) {
				gaps++
			}
		}
		require.Equal(t, want, gaps, name)
	}
}

// A table of outcomes alone is one that can be fitted, and surely not what was meant: it is told.
func TestNoCovariates(t *testing.T) {
	table, profile := readCSV(t, lines("time,event", "1,1", "2,0"), dataset.Schema{Time: "time", Event: "event"})
	require.Empty(t, table.Columns)
	require.Equal(t, []survival.Warning{{Category: "data", Message: "no column is left as a covariate: no model can tell rows apart"}}, profile.Warnings)
}
