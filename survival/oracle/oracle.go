// Package oracle reads the public data sets of testdata/public for tests that compare
// fits with reference implementations, encoded as the R scripts in this directory encode
// them. `make oracle` runs the scripts again; their results are the JSON files in the
// testdata directory of each package.
//
// Encoding: columns in file order; text by treatment coding, reference = first level in
// byte order; rows with a gap in a used column are left out. Weights, entry times and
// strata are made from the row number i = 0, 1, …: w = ½ + (i mod 4)/2,
// L = T·(7i mod 10)/20, stratum = i mod 3.
//
// Not for products: package dataset reads data.
package oracle

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"everfold/survival"
)

var sets = map[string]struct {
	file    string
	columns []string // nil: all but time and event
}{
	"lung":    {file: "lung.csv", columns: []string{"age", "sex", "ph.ecog"}},
	"gbsg2":   {file: "gbsg2.csv"},
	"rossi":   {file: "rossi.csv"},
	"veteran": {file: "veteran_lung.csv"},
	"whas500": {file: "whas500.csv"},
}

// Load reads a data set by name: lung, gbsg2, rossi, veteran or whas500. root is the
// repository's root as seen from the test. The outcome has the made-up weights and entry
// times, the design the strata: drop what a test does not want.
func Load(root, name string) (*survival.Design, survival.Outcome, error) {
	set, ok := sets[name]
	if !ok {
		panic("oracle: unknown data set " + name)
	}
	header, rows, err := readCSV(filepath.Join(root, "testdata", "public", set.file))
	if err != nil {
		return nil, survival.Outcome{}, fmt.Errorf("data set %s: %w", name, err)
	}
	used := set.columns
	if used == nil {
		used = slices.DeleteFunc(slices.Clone(header), func(c string) bool { return c == "time" || c == "event" })
	}
	at := func(column string) int { return slices.Index(header, column) }
	rows = slices.DeleteFunc(rows, func(row []string) bool {
		return slices.ContainsFunc(used, func(c string) bool { return row[at(c)] == "" })
	})
	x, y := &survival.Design{Rows: len(rows)}, survival.Outcome{}
	for _, c := range used {
		x.Columns = append(x.Columns, encode(c, rows, at(c))...)
	}
	for i, row := range rows {
		t, err := strconv.ParseFloat(row[at("time")], 64)
		if err != nil {
			return nil, survival.Outcome{}, fmt.Errorf("data set %s, row %d: time: %w", name, i, err)
		}
		y.Time = append(y.Time, t)
		y.Event = append(y.Event, row[at("event")] == "1")
		y.Weight = append(y.Weight, 0.5+float64(i%4)/2)
		y.Entry = append(y.Entry, t*float64(7*i%10)/20)
		x.Strata = append(x.Strata, i%3)
	}
	return x, y, nil
}

func readCSV(path string) (header []string, rows [][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // only read: closing cannot lose anything
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	return all[0], all[1:], nil
}

// encode gives a numeric column, or the dummies of a text one.
func encode(name string, rows [][]string, at int) []survival.Column {
	values := make([]float64, len(rows))
	levels := map[string]bool{}
	numeric := true
	for i, row := range rows {
		v, err := strconv.ParseFloat(row[at], 64)
		numeric = numeric && err == nil
		values[i] = v
		levels[row[at]] = true
	}
	if numeric {
		return []survival.Column{{Name: name, Term: name, Values: values}}
	}
	var names []string
	for l := range levels {
		names = append(names, l)
	}
	slices.Sort(names)
	var out []survival.Column
	for _, level := range names[1:] {
		dummy := make([]float64, len(rows))
		for i, row := range rows {
			if row[at] == level {
				dummy[i] = 1
			}
		}
		out = append(out, survival.Column{Name: name + "=" + level, Term: name, Values: dummy})
	}
	return out
}

// ReadJSON decodes an oracle's result file.
func ReadJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("oracle file %s: %w", path, err)
	}
	return nil
}
