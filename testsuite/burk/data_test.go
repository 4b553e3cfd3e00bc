package burk

import (
	"compress/gzip"
	"encoding/csv"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/resample"
)

const root = "../../testdata/burk"

var every = flag.Bool("all", false, "the programs on all 18 data sets, not on the small nine")

// small are the data sets that the programs run on in every test run.
var small = []string{"veteran", "whas", "gbsg", "uis", "e1684", "mgus", "channing", "std", "hdfail"}

// allSets are the data sets, each with a spec in testdata/burk.
func allSets(t *testing.T) []string {
	t.Helper()
	specs, err := filepath.Glob(filepath.Join(root, "*.yaml"))
	require.NoError(t, err)
	require.Len(t, specs, 18, "specs of testdata/burk")
	names := make([]string, len(specs))
	for i, file := range specs {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".yaml")
	}
	return names
}

// runSets are the data sets that the programs run on.
func runSets(t *testing.T) []string {
	t.Helper()
	if *every {
		return allSets(t)
	}
	return small
}

// coded are the columns whose digits are categories.
var coded = map[string][]string{
	"flchain": {"flc.grp"}, "nwtco": {"stage"}, "rdata": {"year"}, "uis": {"HC"}, "whas": {"mitype", "year"},
}

// table is one CSV file by column name.
type table struct {
	header []string
	rows   [][]string
}

func readTable(t *testing.T, file string) table {
	t.Helper()
	path := filepath.Join(root, file)
	f, err := os.Open(path)
	var content io.Reader = f
	if os.IsNotExist(err) {
		f, err = os.Open(path + ".gz")
		require.NoError(t, err)
		content, err = gzip.NewReader(f)
	}
	require.NoError(t, err)
	defer func() { _ = f.Close() }() // only read
	all, err := csv.NewReader(content).ReadAll()
	require.NoError(t, err)
	return table{header: all[0], rows: all[1:]}
}

func (b table) column(name string) []string {
	at := slices.Index(b.header, name)
	out := make([]string, len(b.rows))
	for i, row := range b.rows {
		out[i] = row[at]
	}
	return out
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return v
}

// load reads a data set; categories become dummies of all levels but the first.
func load(t *testing.T, name string) (*survival.Design, survival.Outcome) {
	t.Helper()
	b := readTable(t, name+".csv")
	x, y := &survival.Design{Rows: len(b.rows)}, survival.Outcome{}
	for _, text := range b.column("time") {
		y.Time = append(y.Time, number(t, text))
	}
	for _, text := range b.column("status") {
		y.Event = append(y.Event, text == "1")
	}
	for _, column := range b.header {
		if column != "time" && column != "status" {
			x.Columns = append(x.Columns, encode(t, column, b.column(column), slices.Contains(coded[name], column))...)
		}
	}
	return x, y
}

func encode(t *testing.T, name string, cells []string, category bool) []survival.Column {
	t.Helper()
	if _, err := strconv.ParseFloat(cells[0], 64); err == nil && !category {
		values := make([]float64, len(cells))
		for i, cell := range cells {
			values[i] = number(t, cell)
		}
		return []survival.Column{{Name: name, Term: name, Values: values}}
	}
	levels := slices.Compact(slices.Sorted(slices.Values(cells)))
	var out []survival.Column
	for _, level := range levels[1:] {
		dummy := make([]float64, len(cells))
		for i, cell := range cells {
			if cell == level {
				dummy[i] = 1
			}
		}
		out = append(out, survival.Column{Name: name + "=" + level, Term: name, Values: dummy})
	}
	return out
}

func loadFolds(t *testing.T, name string, rows int) []resample.Fold {
	t.Helper()
	f, err := os.Open(filepath.Join(root, name+".folds.csv"))
	require.NoError(t, err)
	defer func() { _ = f.Close() }() // only read
	folds, err := resample.FromFile(f, func(row int64) (int, bool) { return int(row), row < int64(rows) }, rows)
	require.NoError(t, err)
	return folds
}

// key names one published number.
type key struct {
	set, model string
	fold       int
	metric     string
}

// published reads the scores of some sets; where exceptions.csv has a recipe value that one
// counts, and where it has none the number is left out.
func published(t *testing.T, sets []string) map[key]float64 {
	t.Helper()
	out := map[key]float64{}
	scores := readTable(t, "scores.csv")
	for _, row := range scores.rows {
		if !slices.Contains(sets, row[0]) {
			continue
		}
		fold := int(number(t, row[2]))
		for m, metric := range scores.header[3:] {
			if cell := row[3+m]; cell != "" {
				out[key{row[0], row[1], fold, metric}] = number(t, cell)
			}
		}
	}
	for _, row := range readTable(t, "exceptions.csv").rows {
		if !slices.Contains(sets, row[0]) {
			continue
		}
		k := key{row[0], row[1], int(number(t, row[2])), row[3]}
		require.Contains(t, out, k)
		delete(out, k)
		if row[5] != "" {
			out[k] = number(t, row[5])
		}
	}
	return out
}
