package recompute

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"codeberg.org/sbinet/npyio"
	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/testsuite/harness"
)

// experiment is one run and what its spec says.
type experiment struct {
	set, convention      string
	cindex               string
	k, repeats, grid     int // grid 0: burk80
	weight, entry, group bool
}

func experiments() []experiment {
	return []experiment{
		{set: "gbsg2", convention: riskRegression, cindex: "ipcw", k: 4, repeats: 2, grid: 50},
		{set: "lung", convention: scikitSurvival, cindex: "ipcw", k: 3, repeats: 2, grid: 50, weight: true, group: true},
		{set: "lung", convention: riskRegression, cindex: "ipcw", k: 3, repeats: 1, grid: 25, weight: true, group: true},
		{set: "veteran", convention: mlr3proba, cindex: "harrell", k: 5, repeats: 1},
		{set: "rossi", convention: mlr3proba, cindex: "ipcw", k: 5, repeats: 1, grid: 50, weight: true},
		{set: "whas500", convention: riskRegression, cindex: "harrell", k: 5, repeats: 1, grid: 20, weight: true, entry: true},
	}
}

// Every column of both tables follows from the stored files by the definitions: to 1e-12,
// but for the IPA, whose reference curve is rounded to float32 like a stored one.
func TestTablesFollowFromFiles(t *testing.T) {
	server := harness.Server(t)
	harness.Worker(t, server.Address)
	for i, e := range experiments() {
		t.Run(fmt.Sprintf("%s/%s/weight=%v/entry=%v", e.set, e.convention, e.weight, e.entry), func(t *testing.T) {
			dir := t.TempDir()
			y := e.write(t, dir, fmt.Sprintf("r%d", i))
			ended := harness.Starter(t, harness.Env{Address: server.Address, Dir: dir}, "run", filepath.Join(dir, "spec.yaml"), "--json")
			require.Zero(t, ended.Exit, ended.Stderr)
			c := check{experiment: e, y: y, dir: filepath.Join(dir, "outputs", "production", fmt.Sprintf("r%d", i)), tau: math.Inf(1)}
			c.metrics = table(t, filepath.Join(c.dir, "artifacts", "model_metrics.csv"))
			require.Len(t, c.metrics, 3*e.k*e.repeats)
			if e.grid > 0 {
				c.tau = tau(y, e.convention)
			}
			for _, row := range c.metrics {
				c.fold(t, row)
			}
			c.summary(t)
		})
	}
}

// write puts data and spec into dir and returns the outcome.
func (e experiment) write(t *testing.T, dir, run string) survival.Outcome {
	t.Helper()
	x, y, err := oracle.Load(filepath.Join("..", ".."), e.set)
	require.NoError(t, err)
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	lines := []string{"time,event,w,left,family"}
	for j := range x.Columns {
		lines[0] += fmt.Sprintf(",x%d", j)
	}
	for i := range x.Rows {
		event := "0"
		if y.Event[i] {
			event = "1"
		}
		cells := []string{text(y.Time[i]), event, text(y.Weight[i]), text(y.Entry[i]), strconv.Itoa(i / 3)}
		for _, c := range x.Columns {
			cells = append(cells, text(c.Values[i]))
		}
		lines = append(lines, strings.Join(cells, ","))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data.csv"), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "spec.yaml"), []byte(e.spec(run)), 0o600))
	if !e.weight {
		y.Weight = nil
	}
	if !e.entry {
		y.Entry = nil
	}
	return y
}

func (e experiment) spec(run string) string {
	used, ignored := "", []string{}
	for _, c := range []struct {
		used        bool
		key, column string
	}{{e.weight, "weight", "w"}, {e.entry, "entry", "left"}, {e.group, "group", "family"}} {
		if c.used {
			used += fmt.Sprintf(", %s: %s", c.key, c.column)
		} else {
			ignored = append(ignored, c.column)
		}
	}
	grid := "burk80"
	if e.grid > 0 {
		grid = strconv.Itoa(e.grid)
	}
	return fmt.Sprintf(`run: %s
type: production
data: {uri: data.csv, time: time, event: event%s, ignore: [%s]}
folds: {k: %d, repeats: %d}
metrics: {convention: %s, cindex: %s, grid: %s}
models: [{type: cox_ph}, {type: weibull_aft}]
`, run, used, strings.Join(ignored, ", "), e.k, e.repeats, e.convention, e.cindex, grid)
}

func table(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	var rows []map[string]string
	for _, r := range records[1:] {
		row := map[string]string{}
		for j, name := range records[0] {
			row[name] = r[j]
		}
		rows = append(rows, row)
	}
	return rows
}

func array[T any](t *testing.T, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var v []T
	require.NoError(t, npyio.Read(f, &v))
	return v
}

func number(t *testing.T, row map[string]string, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(row[column], 64)
	require.NoError(t, err, column)
	return v
}

// check compares one run's tables with its files.
type check struct {
	experiment
	y       survival.Outcome
	dir     string
	tau     float64
	metrics []map[string]string
}

// near compares a cell with what it should be.
func near(t *testing.T, row map[string]string, column string, want float64) {
	t.Helper()
	within := 1e-12
	if column == "ipa" {
		within = 2e-7
	}
	require.InDelta(t, want, number(t, row, column), within, "%s, fold %s: %s", row["model"], row["fold"], column)
}

func (c check) fold(t *testing.T, row map[string]string) {
	t.Helper()
	fold := int(number(t, row, "fold"))
	at := func(name string) string { return filepath.Join(c.dir, fmt.Sprintf(name, fold)) }
	test := []int{}
	for _, r := range array[int64](t, at("folds/fold%d_rows.npy")) {
		test = append(test, int(r))
	}
	train := []int{}
	for i := range c.y.Time {
		if !slices.Contains(test, i) {
			train = append(train, i)
		}
	}
	times := array[float64](t, at("folds/fold%d_times.npy"))
	grid := burk80(c.y.Take(test))
	if c.grid > 0 {
		grid = equallySpaced(c.y, c.grid, c.tau)
	}
	require.InDeltaSlice(t, grid, times, 1e-9)
	s := newScorer(c.y.Take(train), c.y.Take(test), c.convention, c.tau)
	near(t, row, "n_train", float64(len(train)))
	near(t, row, "n_test", float64(len(test)))
	near(t, row, "events_train", float64(c.y.Take(train).Events()))
	near(t, row, "events_test", float64(s.test.Events()))
	near(t, row, "repeat", float64(fold/c.k))
	prefix := "artifacts/" + row["model"] + "/" + row["model"] + "_fold%d_"
	c.scores(t, row, s, files{times, array[float64](t, at(prefix+"risk.npy")), array[float32](t, at(prefix+"surv.npy"))})
}

// files are the grid and the stored predictions of a fold.
type files struct {
	times, risk []float64
	surv        []float32
}

func (c check) scores(t *testing.T, row map[string]string, s scorer, f files) {
	t.Helper()
	near(t, row, "cindex_harrell", s.concordance(f.risk, nil))
	require.Equal(t, row["cindex_"+c.cindex], row["cindex"])
	if c.y.Entry != nil {
		for _, column := range []string{"cindex_ipcw", "ibs", "auc_mean", "ipa"} {
			require.Empty(t, row[column])
		}
		require.Contains(t, row["reason"], "not defined with left truncation")
		return
	}
	stored := func(i, j int) float64 { return float64(f.surv[i*len(f.times)+j]) }
	ibs := s.integrated(f.times, stored)
	near(t, row, "cindex_ipcw", s.concordance(f.risk, s.unoWeight))
	near(t, row, "ibs", ibs)
	near(t, row, "ipa", 1-ibs/s.integrated(f.times, func(_, j int) float64 { return s.null.at(f.times[j], false) }))
	auc := s.meanAUC(f.times, f.risk, stored)
	if math.IsNaN(auc) { // the study ends at the last grid time
		require.Empty(t, row["auc_mean"])
		require.Equal(t, "auc_mean: no row outlives a grid time", row["reason"])
		return
	}
	require.Empty(t, row["reason"])
	near(t, row, "auc_mean", auc)
}

// student holds the 0.975 quantile of Student's distribution by degrees of freedom.
var student = map[int]float64{2: 4.302652729911275, 4: 2.7764451051977987, 5: 2.5705818366147395, 7: 2.3646242510102993}

func (c check) summary(t *testing.T) {
	t.Helper()
	rows := table(t, filepath.Join(c.dir, "artifacts", "model_summary.csv"))
	require.Len(t, rows, 3)
	require.Equal(t, "km", rows[2]["model"])
	require.Empty(t, rows[2]["rank"])
	for k, row := range rows {
		mean, sd, j := c.moments(t, row["model"], "cindex")
		near(t, row, "cindex_mean", mean)
		near(t, row, "cindex_std", sd)
		require.Equal(t, strconv.Itoa(c.k*c.repeats), row["n_folds"])
		test, _, _ := c.moments(t, row["model"], "n_test")
		train, _, _ := c.moments(t, row["model"], "n_train")
		half := student[j-1] * sd * math.Sqrt(1/float64(j)+test/train)
		require.InDelta(t, mean-half, number(t, row, "cindex_lo"), 1e-9)
		require.InDelta(t, mean+half, number(t, row, "cindex_hi"), 1e-9)
		if c.y.Entry == nil {
			mean, sd, _ := c.moments(t, row["model"], "ibs")
			near(t, row, "ibs_mean", mean)
			near(t, row, "ibs_std", sd)
			mean, _, _ = c.moments(t, row["model"], "ipa")
			require.InDelta(t, mean, number(t, row, "ipa_mean"), 1e-12)
		}
		if k == 1 {
			require.Less(t, number(t, row, "cindex_mean"), number(t, rows[0], "cindex_mean"))
			require.Equal(t, []string{"1", "2"}, []string{rows[0]["rank"], row["rank"]})
		}
	}
}

// moments are mean, sample standard deviation and number of a column's cells of a model.
func (c check) moments(t *testing.T, model, column string) (mean, sd float64, n int) {
	t.Helper()
	var values []float64
	for _, row := range c.metrics {
		if row["model"] == model {
			values = append(values, number(t, row, column))
		}
	}
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean) / float64(len(values)-1)
	}
	return mean, math.Sqrt(sd), len(values)
}
