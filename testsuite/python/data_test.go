package python

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/survival"
	"everfold/survival/forecast"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
	"everfold/testsuite/harness"
)

// experiment is a run whose models are compared.
type experiment struct {
	name, file string
	spec       string // all but run and data.uri
	models     []string
}

var allTypes = []string{"km", "cox_ph", "cox_stratified", "coxnet", "weibull_aft", "gbsa", "rsf", "orsf", "stack"}

// experiments have every type, and every way of preprocessing that leaves a trace in a design.
var experiments = []experiment{
	{"breast", "gbsg2.csv", `
data: {time: time, event: event}
models:
  - {type: cox_ph, ties: breslow}
  - {type: cox_stratified, strata: [tgrade, horTh]}
  - {type: coxnet, alphas: 20, inner_folds: 3}
  - {type: weibull_aft}
  - {type: gbsa, trees: 20}
  - {type: rsf, trees: 15}
  - {type: orsf, trees: 15}
  - {type: stack, of: [cox_ph, weibull_aft, gbsa, rsf, orsf, coxnet, km]}
`, allTypes},
	{"lung", "lung.csv", `
data: {time: time, event: event, ignore: [inst]}
preprocess: {impute: mean, drop_constant: false, scale: none}
models:
  - {type: cox_ph, alpha: 0.5}
  - {type: cox_stratified, strata: [sex, ph.ecog]}
  - {type: coxnet, select: last, alphas: 30}
  - {type: weibull_aft}
  - {type: gbsa, trees: 12, leaf: newton, depth: 4}
  - {type: rsf, trees: 9, bins: exact, curve: hazard}
  - {type: orsf, trees: 9, bootstrap: false}
  - {type: stack, of: [gbsa, km, cox_ph]}
`, allTypes},
	{"veteran", "veteran_lung.csv", `
data: {time: time, event: event}
preprocess: {encode: onehot, rare_level: 0.2}
models: [{type: coxnet, alphas: 20, inner_folds: 3}, {type: weibull_aft}, {type: rsf, trees: 9}, {type: orsf, trees: 9}]
`, []string{"coxnet", "weibull_aft", "rsf", "orsf"}},
	{"native", "lung.csv", `
data: {time: time, event: event, ignore: [inst]}
preprocess: {impute: native}
models: [{type: gbsa, trees: 12}, {type: rsf, trees: 9}, {type: orsf, trees: 9}, {type: stack, of: [gbsa, rsf, orsf, km]}]
`, []string{"gbsa", "rsf", "orsf", "stack"}},
}

// fit makes the experiment's final models below dir and returns the run's folder.
func (e experiment) fit(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(harness.Root(t), "testdata", "public", e.file)
	spec := "run: " + e.name + "\ntype: production\n" + strings.Replace(e.spec, "data: {", "data: {uri: "+file+", ", 1)
	return harness.Finals(t, dir, spec, e.models, "")
}

// model is a final model as Go reads it.
type model struct {
	survival.Model
	info     *artifact.ModelInfo
	pipeline preprocess.Pipeline
}

func readModel(t *testing.T, folder string) *model {
	t.Helper()
	m := &model{info: &artifact.ModelInfo{}}
	require.NoError(t, json.Unmarshal(read(t, folder, "model.json"), m.info))
	require.NoError(t, json.Unmarshal(m.info.Preprocess, &m.pipeline))
	kind, ok := registry.Lookup(m.info.Type)
	require.True(t, ok)
	var err error
	m.Model, err = kind.Decode(read(t, folder, "model.bin"))
	require.NoError(t, err)
	return m
}

func read(t *testing.T, elements ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	return content
}

// newRows are rows of a run's table with levels that it does not know and further gaps, and
// without a row of a stratum that it does not know.
func newRows(t *testing.T, run string, gaps bool) *survival.Frame {
	t.Helper()
	content := read(t, run, "data", "prepared.parquet")
	table, err := dataset.ReadPrepared(strings.NewReader(string(content)), int64(len(content)))
	require.NoError(t, err)
	var rows []int
	for i := range min(table.Rows(), 120) {
		rows = append(rows, i*7%table.Rows())
	}
	frame := table.Frame().Take(rows)
	for j := range frame.Columns {
		c := &frame.Columns[j]
		if c.Name == "sex" || c.Name == "ph.ecog" || c.Name == "tgrade" || c.Name == "horTh" {
			continue
		}
		c.Levels = append([]string{"\"new, level\""}, c.Levels...) // sorts before letters
		for i := j % 5; i < frame.Rows; i += 11 {
			if c.Kind == survival.CategoricalFeature {
				c.Codes[i] = int32(i%2) - 2 // becomes the new level or a gap below
			} else if gaps {
				c.Values[i] = math.NaN()
			}
		}
		for i := range c.Codes {
			c.Codes[i] = max(-1, c.Codes[i]+1)
		}
	}
	return frame
}

// write writes a frame as CSV, columns in another order, a further one among them.
func write(t *testing.T, x *survival.Frame) string {
	t.Helper()
	var text strings.Builder
	w := csv.NewWriter(&text)
	cells := make([]string, len(x.Columns)+1)
	cells[0] = "unused"
	for j, c := range x.Columns {
		cells[len(x.Columns)-j] = c.Name
	}
	require.NoError(t, w.Write(cells))
	for i := range x.Rows {
		cells[0] = "text"
		for j, c := range x.Columns {
			cells[len(x.Columns)-j] = cell(c, i)
		}
		require.NoError(t, w.Write(cells))
	}
	w.Flush()
	path := filepath.Join(t.TempDir(), "new.csv")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

func cell(c survival.Feature, i int) string {
	switch {
	case c.Missing(i):
		return []string{"", "NA", "NaN"}[i%3]
	case c.Kind == survival.CategoricalFeature:
		return c.Levels[c.Codes[i]]
	}
	return strconv.FormatFloat(c.Values[i], 'g', -1, 64)
}

// job is a question to check.py, answer what it says.
type job struct {
	Folder  string    `json:"folder"`
	Data    string    `json:"data"`
	Form    string    `json:"form,omitempty"` // rows: a list of mappings
	Times   []float64 `json:"times"`
	Horizon float64   `json:"horizon"`
}

type answer struct {
	Risk     []*float64   `json:"risk"`
	Survival [][]*float64 `json:"survival"`
	RMST     []*float64   `json:"rmst"`
	Warnings []string     `json:"warnings"`
	Error    string       `json:"error"`
}

// ask runs check.py.
func ask(t *testing.T, question, out any, args ...string) {
	t.Helper()
	input, err := json.Marshal(question)
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), harness.Python(t), append([]string{"check.py"}, args...)...)
	c.Stdin = strings.NewReader(string(input))
	var errors strings.Builder
	c.Stderr = io.Writer(&errors)
	text, err := c.Output()
	require.NoError(t, err, errors.String())
	require.NoError(t, json.Unmarshal(text, out))
}

// expect is what Go says.
func (m *model) expect(t *testing.T, x *survival.Frame, q job) answer {
	t.Helper()
	rows := make([]int, x.Rows)
	for i := range rows {
		rows[i] = i
	}
	ctx := context.Background()
	design, found, err := m.pipeline.Apply(ctx, x, rows)
	require.NoError(t, err)
	var a answer
	for _, w := range found {
		a.Warnings = append(a.Warnings, strings.ReplaceAll(w.Message, `"`, "'"))
	}
	risk := make([]float64, x.Rows)
	require.NoError(t, m.Risk(ctx, design, risk))
	a.Risk = pointers(risk)
	f := forecast.New(forecast.Options{Horizons: q.Times, Restriction: q.Horizon, Steps: m.info.Times.Events,
		Last: m.info.Times.Last, Extrapolate: m.info.Type == "weibull_aft"})
	require.NoError(t, f.Rows(ctx, m, design, func(_ int, r forecast.Row) error {
		a.Survival = append(a.Survival, pointers(r.Survival))
		a.RMST = append(a.RMST, pointers([]float64{r.RMST})...)
		return nil
	}))
	return a
}

// pointers are nil for NaN.
func pointers(values []float64) []*float64 {
	out := make([]*float64, len(values))
	for i, v := range values {
		if v == v {
			out[i] = &v
		}
	}
	return out
}
