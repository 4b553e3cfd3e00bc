package python

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/survival"
	"everfold/survival/registry"
)

var record = flag.Bool("record", false, "store a model of every type whose version has none")

// stored are the models whose files are kept, one of every type.
var stored = experiment{"stored", "lung.csv", `
data: {time: time, event: event, ignore: [inst], categorical: [ph.ecog]}
preprocess: {rare_level: 0.02}
models:
  - {type: cox_ph}
  - {type: cox_stratified, strata: [sex]}
  - {type: coxnet, alphas: 5, select: last}
  - {type: weibull_aft}
  - {type: gbsa, trees: 4}
  - {type: rsf, trees: 3, min_leaf: 15}
  - {type: orsf, trees: 3, min_leaf: 15}
  - {type: stack, of: [cox_ph, weibull_aft, gbsa, rsf]}
`, allTypes}

// question is asked of every stored model; the last time is beyond the last observed one.
func question(folder string) job {
	return job{Folder: folder, Data: "testdata/rows.csv", Times: []float64{30, 180, 365.25, 1022, 2000}, Horizon: 500}
}

// Claim: a model file that any version of this program wrote is read for ever, by Go and by
// predict.py, and predicts what it did; the present version of every type is among them.
func TestStoredModels(t *testing.T) {
	if *record {
		recordModels(t)
	}
	for _, typ := range registry.Types() {
		kind, _ := registry.Lookup(typ)
		require.DirExists(t, versioned(kind.Type, kind.Version), "go test ./testsuite/python -run TestStoredModels -record adds it")
	}
	folders, err := filepath.Glob("testdata/*-v*")
	require.NoError(t, err)
	var jobs []job
	var want []answer
	for _, folder := range folders {
		m := readModel(t, folder)
		x, err := dataset.ReadFeatures(t.Context(), dataset.Source{Name: "rows.csv", Open: opened("testdata/rows.csv")}, m.needs())
		require.NoError(t, err)
		var w answer
		require.NoError(t, json.Unmarshal(read(t, folder, "predictions.json"), &w))
		requireAnswer(t, w, m.expect(t, x.Frame(), question("")), folder+" by Go")
		jobs, want = append(jobs, question(withScript(t, folder))), append(want, w)
	}
	var got []answer
	ask(t, jobs, &got)
	for i := range got {
		require.Empty(t, got[i].Error, folders[i])
		requireAnswer(t, want[i], got[i], folders[i]+" by predict.py")
	}
}

func requireAnswer(t *testing.T, want, got answer, what string) {
	t.Helper()
	require.Equal(t, want.Warnings, got.Warnings, what)
	requireClose(t, want.Risk, got.Risk, what+" risk")
	requireClose(t, want.RMST, got.RMST, what+" rmst")
	require.Len(t, got.Survival, len(want.Survival), what)
	for i := range want.Survival {
		requireClose(t, want.Survival[i], got.Survival[i], what+" survival")
	}
}

func versioned(typ string, version int) string {
	return filepath.Join("testdata", fmt.Sprintf("%s-v%d", typ, version))
}

// withScript is a copy of a model's folder with the present predict.py in it.
func withScript(t *testing.T, folder string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"model.json", "model.bin"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), read(t, folder, name), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "predict.py"), artifact.PredictScript(), 0o600))
	return dir
}

func (m *model) needs() dataset.FeatureSchema {
	var s dataset.FeatureSchema
	for _, c := range m.pipeline.Needs() {
		if c.Kind == survival.CategoricalFeature {
			s.Categorical = append(s.Categorical, c.Name)
		} else {
			s.Numeric = append(s.Numeric, c.Name)
		}
	}
	return s
}

func opened(path string) dataset.Opener {
	return func(context.Context) (io.ReadCloser, int64, error) {
		f, err := os.Open(path)
		return f, -1, err
	}
}

// recordModels stores what is not there yet.
func recordModels(t *testing.T) {
	t.Helper()
	run := stored.fit(t, t.TempDir())
	for _, name := range stored.models {
		from := filepath.Join(run, "models", name)
		m := readModel(t, from)
		to := versioned(m.info.Type, m.info.Versions.Model)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		x, err := dataset.ReadFeatures(t.Context(), dataset.Source{Name: "rows.csv", Open: opened("testdata/rows.csv")}, m.needs())
		require.NoError(t, err)
		said, err := json.MarshalIndent(m.expect(t, x.Frame(), question("")), "", " ")
		require.NoError(t, err)
		require.NoError(t, os.Mkdir(to, 0o755))
		for file, content := range map[string][]byte{"model.json": read(t, from, "model.json"), "model.bin": read(t, from, "model.bin"), "predictions.json": append(said, '\n')} {
			require.NoError(t, os.WriteFile(filepath.Join(to, file), content, 0o644))
		}
	}
}
