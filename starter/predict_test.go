package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/testsuite/harness"
)

// scoredSpec has a model of every way of predicting; the data file has an id.
const scoredSpec = `
run: scored
type: production
data: {uri: %s, id: who, time: time, event: event}
models:
  - {type: cox_ph}
  - {type: cox_stratified, strata: [Prior_therapy]}
  - {type: weibull_aft}
  - {type: gbsa, trees: 8}
  - {type: rsf, trees: 5}
  - {type: stack, of: [cox_ph, gbsa]}
final: {models: all, horizons: [60, 90, 150], rmst: 200}
`

var scoredModels = []string{"km", "cox_ph", "cox_stratified", "weibull_aft", "gbsa", "rsf", "stack"}

// scored is a finished run of scoredSpec whose predictions are of the model, and its data file;
// the current folder is that of both.
func scored(t *testing.T, model string) (folder, data string) {
	t.Helper()
	dir := t.TempDir()
	lines := strings.Split(strings.TrimSpace(content(t, "../testdata/public/veteran_lung.csv")), "\n")
	for i := range lines {
		lines[i] = map[bool]string{true: "who", false: "p" + strconv.Itoa(i)}[i == 0] + "," + lines[i]
	}
	data = filepath.Join(dir, "data.csv")
	require.NoError(t, os.WriteFile(data, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	t.Chdir(dir)
	return harness.Finals(t, filepath.Join(dir, "outputs"), fmt.Sprintf(scoredSpec, data), scoredModels, model), data
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// columns are the named columns of a CSV table.
func columns(t *testing.T, table string, names ...string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	require.NoError(t, err)
	out := make([][]string, len(names))
	for k, name := range names {
		at := slices.Index(rows[0], name)
		require.GreaterOrEqual(t, at, 0, name)
		for _, row := range rows[1:] {
			out[k] = append(out[k], row[at])
		}
	}
	return out
}

var sharedColumns = []string{"id", "survival_60", "survival_90", "survival_150", "rmst", "risk", "risk_rank", "extrapolated"}

// Claim: on the training rows predict gives the bytes of predictions.csv in every column that
// both have, whatever the type of the model and the format of the file.
func TestPredictTrainingRows(t *testing.T) {
	folder, data := scored(t, "")
	for _, model := range scoredModels {
		again := harness.Finals(t, filepath.Dir(filepath.Dir(folder)), fmt.Sprintf(scoredSpec, data), nil, model)
		require.Equal(t, folder, again)
		i, code := invoke(nil, "predict", folder, "--data", "data.csv", "--out", "out.csv")
		require.Equal(t, 0, code, i.err.String())
		require.Empty(t, i.err.String())
		require.Contains(t, i.out.String(), "out.csv: 137 rows by "+model+", ")
		table := content(t, "out.csv")
		require.Equal(t, strings.Join(sharedColumns, ","), table[:strings.Index(table, "\n")])
		want := content(t, filepath.Join(folder, filepath.FromSlash(artifact.PredictionsKey)))
		require.Equal(t, columns(t, want, sharedColumns...), columns(t, table, sharedColumns...), model)
	}

	table := content(t, "out.csv")
	i, code := invoke(nil, "predict", "production/scored", "--data", data, "--out", "out.csv.gz", "--model", "stack")
	require.Equal(t, 0, code, i.err.String())
	z, err := gzip.NewReader(strings.NewReader(content(t, "out.csv.gz")))
	require.NoError(t, err)
	unpacked, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, table, string(unpacked))
	i, code = invoke(nil, "predict", "production/scored", "--data", data, "--out", "out.parquet")
	require.Equal(t, 0, code, i.err.String())
	x, err := dataset.ReadFeatures(t.Context(), dataset.Source{Name: "out.parquet", Open: open("out.parquet")},
		dataset.FeatureSchema{ID: "id", Numeric: []string{"survival_90", "risk", "risk_rank", "extrapolated"}})
	require.NoError(t, err)
	require.Equal(t, columns(t, table, "id")[0], x.ID)
	for _, c := range x.Columns[:3] {
		for k, cell := range columns(t, table, c.Name)[0] {
			require.Equal(t, cell, strconv.FormatFloat(c.Values[k], 'g', -1, 64))
		}
	}
}

func open(path string) dataset.Opener {
	return func(context.Context) (io.ReadCloser, int64, error) {
		b, err := os.ReadFile(path)
		return io.NopCloser(bytes.NewReader(b)), int64(len(b)), err
	}
}

// newRows writes a file whose rows have a level and a gap that the training rows lack.
func newRows(t *testing.T, name, rows string) {
	t.Helper()
	header := "extra,time,who,Treatment,Prior_therapy,Months_from_Diagnosis,Karnofsky_score,Celltype,Age_in_years\n"
	require.NoError(t, os.WriteFile(name, []byte(header+rows), 0o600))
}

// Claim: columns in any order, and further ones, do not matter; unseen levels and gaps that are
// new are counted, on standard error and in the summary; ranks are among the new rows.
func TestPredictNewRows(t *testing.T) {
	scored(t, "cox_ph")
	newRows(t, "new.csv", "x,5,b,standard,no,7,60,squamous,69\ny,5,a,none,no,,90,adeno,40\nz,5,c,new,no,7,60,large,69\n")
	i, code := invoke(nil, "predict", "production/scored", "--data", "new.csv", "--out", "out.csv", "--json")
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.err.String(), `Warning  column "Treatment": 2 of 3 rows have a level that the training rows lack; they count as the reference level`)
	require.Contains(t, i.err.String(), `Warning  column "Months_from_Diagnosis": 1 of 3 rows are missing, though no training row is`)
	var summary predicted
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &summary))
	table := content(t, "out.csv")
	require.Equal(t, predicted{Out: "out.csv", Rows: 3, Bytes: int64(len(table)), Model: "cox_ph", Type: "cox_ph", Horizons: []float64{60, 90, 150},
		RMST: 200, Last: 999, Unseen: map[string]int{"Treatment": 2}, Warnings: summary.Warnings}, summary)
	require.Len(t, summary.Warnings, 2)
	require.Equal(t, []string{"b", "a", "c"}, columns(t, table, "id")[0])
	require.ElementsMatch(t, []string{"1", "2", "3"}, columns(t, table, "risk_rank")[0])

	newRows(t, "none.csv", "")
	i, code = invoke(nil, "predict", "production/scored", "--data", "none.csv", "--out", "out.csv")
	require.Equal(t, 0, code, i.err.String())
	require.Equal(t, strings.Join(sharedColumns, ",")+"\n", content(t, "out.csv"))
}

// Claim: with --given survival is S(c+h)/S(c): at 0 the plain bytes; beyond the last time cells
// are empty, counted in a warning, but filled by a law of all times.
func TestPredictGiven(t *testing.T) {
	scored(t, "cox_ph")
	row := ",standard,no,7,60,squamous,69\n"
	newRows(t, "new.csv", "x,60,a"+row+"x,0,b"+row+"x,980,c"+row+"x,2000,d"+row+"x,60,e"+row)
	for _, model := range []string{"cox_ph", "rsf", "weibull_aft", "stack"} {
		i, code := invoke(nil, "predict", "production/scored", "--data", "new.csv", "--out", "plain.csv", "--model", model)
		require.Equal(t, 0, code, i.err.String())
		i, code = invoke(nil, "predict", "production/scored", "--data", "new.csv", "--out", "given.csv", "--model", model, "--given", "time")
		require.Equal(t, 0, code, i.err.String())
		plain, given := content(t, "plain.csv"), content(t, "given.csv")
		require.Equal(t, strings.Split(plain, "\n")[2], strings.Split(given, "\n")[2], model)
		s := columns(t, plain, "survival_60", "survival_150")
		got := columns(t, given, "survival_90", "rmst", "extrapolated")
		require.InDelta(t, parsed(t, s[1][0])/parsed(t, s[0][0]), parsed(t, got[0][0]), 1e-12, model)
		require.Equal(t, got[0][0], got[0][4])
		require.Equal(t, columns(t, plain, "risk", "risk_rank"), columns(t, given, "risk", "risk_rank"))
		if model == "weibull_aft" {
			require.NotContains(t, got[0], "")
			require.Equal(t, []string{"false", "false", "true", "true", "false"}, got[2])
			require.Contains(t, i.err.String(), "2 of 5 rows reach beyond the last observed time, 999: they are extrapolated")
			continue
		}
		require.Contains(t, i.err.String(), "2 of 5 rows reach beyond the last observed time, 999: their cells there are empty")
		require.Equal(t, []string{"", "", ""}, []string{got[0][2], got[1][2], got[1][3]})
		require.Equal(t, []string{"false", "false", "false", "false", "false"}, got[2])
	}
	// Plain horizons beyond the last time have a warning of their own: see activities.
}

func parsed(t *testing.T, cell string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(cell, 64)
	require.NoError(t, err)
	return v
}

// Claim: whatever is wrong with usage, rows, run or model ends with its exit code and a message
// that names it; the file in OUT's place stays as it was, and nothing half-written is left.
func TestPredictRefusals(t *testing.T) {
	folder, data := scored(t, "cox_ph")
	good := "x,5,b,standard,no,7,60,squamous,69\n"
	newRows(t, "new.csv", good)
	newRows(t, "text.csv", good+"x,5,b,standard,no,seven,60,squamous,69\n")
	newRows(t, "infinite.csv", good+"x,5,b,standard,no,7,inf,squamous,69\n")
	newRows(t, "noid.csv", good+"x,5,,standard,no,7,60,squamous,69\n")
	newRows(t, "stratum.csv", good+"x,5,b,standard,perhaps,7,60,squamous,69\n")
	newRows(t, "negative.csv", good+"x,-5,b,standard,no,7,60,squamous,69\n")
	newRows(t, "gap.csv", good+"x,,b,standard,no,7,60,squamous,69\n")
	require.NoError(t, os.WriteFile("columns.csv", []byte("who,age_in_years\na,4\n"), 0o600))
	require.NoError(t, os.WriteFile("empty.csv", nil, 0o600))
	require.NoError(t, os.WriteFile("broken.parquet", []byte("PAR1"), 0o600))
	require.NoError(t, os.WriteFile("out.csv", []byte("kept"), 0o600))
	before, err := os.ReadDir(".")
	require.NoError(t, err)
	cases := []struct {
		code    int
		message string
		args    string
	}{
		{2, "--data is missing", "--out out.csv"},
		{2, "--out is missing", "--data new.csv"},
		{2, "the name does not tell the format", "--data new.csv --out out.txt"},
		{2, "the name does not tell the format", "--data new.txt --out out.csv"},
		{2, "no folder none", "--data new.csv --out none/out.csv"},
		{2, "none.csv", "--data none.csv --out out.csv"},
		{2, `column "Age_in_years": is needed, but the file has no such column (nor "Karnofsky_score", "Months_from_Diagnosis", "Celltype", "Prior_therapy", "Treatment")`, "--data columns.csv --out out.csv"},
		{2, `near: ["age_in_years"]`, "--data columns.csv --out out.csv"},
		{2, `line 3 (row 1): column "Months_from_Diagnosis": holds text where a number is needed`, "--data text.csv --out out.csv"},
		{2, `column "Karnofsky_score": holds an infinite number`, "--data infinite.csv --out out.csv"},
		{2, `column "who": has no id`, "--data noid.csv --out out.csv"},
		{2, "is empty", "--data empty.csv --out out.csv"},
		{2, "is not a readable Parquet file", "--data broken.parquet --out out.csv"},
		{2, "row 1: stratum was not among the fitted rows", "--data stratum.csv --out out.csv --model cox_stratified"},
		{2, `row 1: column "time": is missing or negative`, "--data negative.csv --out out.csv --given time"},
		{2, `row 1: column "time": is missing or negative`, "--data gap.csv --out out.csv --given time"},
		{2, `column "Celltype": cannot be the time given`, "--data new.csv --out out.csv --given Celltype"},
		{2, `column "who": cannot be the time given`, "--data new.csv --out out.csv --given who"},
		{2, `column "since": is needed, but`, "--data new.csv --out out.csv --given since"},
		{4, "no final model other in ", "--data new.csv --out out.csv --model other"},
	}
	check := func(code int, message string, args ...string) {
		t.Helper()
		i, got := invoke(nil, append([]string{"predict"}, args...)...)
		require.Equal(t, code, got, "%s: %s", args, i.err.String())
		require.Contains(t, i.err.String(), message, args)
		require.Equal(t, "kept", content(t, "out.csv"))
	}
	for _, c := range cases {
		check(c.code, c.message, append([]string{folder}, strings.Fields(c.args)...)...)
	}
	check(4, "no run in ", "production/other", "--data", "new.csv", "--out", "out.csv")
	after, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, after, len(before), "nothing half-written")

	for _, key := range []string{artifact.ModelKey("cox_ph"), artifact.ModelInfoKey("cox_ph"), artifact.PredictionsInfoKey, artifact.RunKey} {
		path := filepath.Join(folder, filepath.FromSlash(key))
		whole := content(t, path)
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(whole, "e", "f", 1)), 0o600))
		check(6, filepath.Base(key), folder, "--data", data, "--out", "out.csv")
		require.NoError(t, os.Remove(path))
		wanted := map[string]int{artifact.ModelKey("cox_ph"): 6}[key]
		check(max(4, wanted), filepath.Base(key), folder, "--data", data, "--out", "out.csv")
		require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
	}
}
