package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/artifact/cost"
	"everfold/config"
	"everfold/examples"
	"everfold/internal/app"
)

// shipped goes to a folder with the shipped examples and returns the path of one.
func shipped(t *testing.T, name string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, examples.Install("examples"))
	return filepath.Join("examples", name)
}

// Claim: plan reads data and store, writes nothing, and says what a start would do; as JSON
// with a reason per fold.
func TestPlan(t *testing.T) {
	path := shipped(t, "veteran.yaml")
	i, code := invoke(nil, "plan", path)
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "production/veteran: 137 rows, 128 events")
	require.Contains(t, i.out.String(), "15 folds: 15 to train, 0 to rescore, 0 to reuse")
	require.Regexp(t, `About \d+s on \d+ cores?, by built-in figures\n`, i.out.String())
	require.NoDirExists(t, "outputs")

	i, code = invoke(nil, "plan", path, "--json", "--set", "folds.k=3")
	require.Equal(t, 0, code)
	var d planDocument
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &d))
	require.Equal(t, 9, d.Train)
	require.Equal(t, cost.BuiltIn, d.Basis)
	require.Greater(t, d.ETASeconds, 0.0)
	require.InDelta(t, d.CoreSeconds, d.ETASeconds*float64(d.Cores), 1e-9)
	require.Equal(t, "no manifest", d.Folds[8].Reason)
	require.Equal(t, "km", d.Folds[8].Model)
	require.Equal(t, "everfold/production/veteran", d.WorkflowID)
}

// storeFold puts one complete fold of the spec's run, with made-up results, into its store.
func storeFold(t *testing.T, path, model string, fold int) {
	t.Helper()
	spec, err := (&specFlags{}).load(path)
	require.NoError(t, err)
	preview, err := app.Plan(t.Context(), spec, config.Request{})
	require.NoError(t, err)
	s, err := (&app.Stores{}).Open(t.Context(), config.Store{URI: filepath.Join(spec.Store.URI, spec.RunID())})
	require.NoError(t, err)
	f, y := preview.Folds[fold], preview.Table.Outcome
	_, err = artifact.WriteFoldData(t.Context(), s, artifact.FoldData{
		Index: f.Index, Repeat: f.Repeat, Train: f.Train, Test: f.Test, Times: preview.Grids[fold],
		TrainEvents: y.Take(f.Train).Events(), TestEvents: y.Take(f.Test).Events(),
	}, preview.Table.Rows())
	require.NoError(t, err)
	require.NoError(t, artifact.WriteRun(t.Context(), s, preview.Run, ""))
	claim := artifact.Claim{Task: artifact.Task{Model: model, Fold: fold}, SpecDigest: spec.Digest()}
	_, _, err = artifact.WriteFold(t.Context(), s, claim, artifact.Result{
		Manifest: artifact.Manifest{Converged: true, Attempt: 1},
		Risk:     make([]float64, len(f.Test)), Surv: make([]float32, len(f.Test)*len(preview.Grids[fold])),
	})
	require.NoError(t, err)
}

// Claim: a plan that run would refuse, because complete folds have other inputs, is shown
// all the same, with the refusal beside it and exit code 2.
func TestPlanRefused(t *testing.T) {
	path := shipped(t, "veteran.yaml")
	storeFold(t, path, "cox_ph", 2)
	change := []string{"plan", path, "--explain", "--set", "models.cox_ph.alpha=0.5"}
	i, code := invoke(nil, change...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, i.out.String(), "15 folds: 15 to train")
	require.Contains(t, i.out.String(), "model.alpha")
	require.Contains(t, i.err.String(), "1 complete fold")
	require.Contains(t, i.err.String(), "--retrain-changed")

	i, code = invoke(nil, append(change, "--json")...)
	require.Equal(t, exitUsage, code)
	var d planDocument
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &d), "one document: %s", i.out.String())
	require.True(t, d.Folds[2].Changed)
	require.Contains(t, d.Refused, "cox_ph fold 2")

	i, code = invoke(nil, append(change, "--retrain-changed")...)
	require.Zero(t, code, i.err.String())
	require.Empty(t, i.err.String())
}

// Claim: a plan lists folds by action, shortly, or one a line with the reason.
func TestPlanPresentation(t *testing.T) {
	fold := func(model string, n int, action artifact.Action, reason string) artifact.FoldPlan {
		return artifact.FoldPlan{Task: artifact.Task{Model: model, Fold: n}, Action: action, Reason: reason}
	}
	d := planDocument{Run: "production/tiny", Rows: 1000, Events: 1, Train: 2, Rescore: 1, Reuse: 3, Folds: []artifact.FoldPlan{
		fold("cox_ph", 0, artifact.Reuse, "complete"), fold("cox_ph", 1, artifact.Reuse, "complete"),
		fold("cox_ph", 2, artifact.Reuse, "complete"), fold("cox_ph", 3, artifact.Train, "no manifest"),
		fold("km", 0, artifact.Train, "forced"), fold("km", 1, artifact.Rescore, "metric settings changed"),
	}, Left: []artifact.Task{{Model: "km", Fold: 2}}}
	d.addCost(&cost.Estimate{Folds: 300, Finals: 90, Basis: cost.OtherRuns}, 2)
	var out bytes.Buffer
	d.present(screen{Writer: &out}, false)
	d.present(screen{Writer: &out}, true)
	golden(t, "plan.lines", out.String())
	require.Equal(t, "0-2, 4, 6-7", ranges([]int{7, 0, 1, 2, 4, 6}))
}

// Claim: --print-input prints what run would send, and nothing else: the workflow accepts it.
func TestPrintInput(t *testing.T) {
	i, code := invoke(nil, "plan", shipped(t, "gbsg2.yaml"), "--print-input", "--force", "km:0")
	require.Equal(t, 0, code, i.err.String())
	spec, request, err := config.DecodeInput(i.out.Bytes())
	require.NoError(t, err)
	require.NoError(t, spec.CheckAbsolute())
	require.Equal(t, []string{"km:0"}, request.Force)
}

// Claim: every shipped spec is good, with its data, of which production's is generated, and leaves
// nothing out.
func TestValidateExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, examples.Install("."))
	_, code := invoke(nil, "data", "generate", "--rows", "2000", "--out", "data/production.parquet")
	require.Equal(t, 0, code)
	specs, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.Len(t, specs, 4)
	for _, spec := range specs {
		i, code := invoke(nil, "validate", spec, "--data", "--json")
		require.Equal(t, 0, code, i.err.String())
		var v validation
		require.NoError(t, json.Unmarshal(i.out.Bytes(), &v))
		require.Positive(t, v.Data.Events)
		require.Empty(t, v.Warnings)
	}
	i, code := invoke(nil, "validate", "hdfail.yaml", "--data")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "52410 rows of 52410 read, 2881 events, 5 folds")
}

// Claim: data that a run would refuse is refused with the same class, and without a server.
func TestValidateRefusals(t *testing.T) {
	path := shipped(t, "veteran.yaml")
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--set", "data.event=nosuch"}, "DataInvalid"},
		{[]string{"--set", "data.uri=missing.csv"}, "DataInvalid"},
		{[]string{"--set", "folds.k=130"}, "InvalidSpec"},
		{[]string{"--set", "models=[{type: orsf, tune: {}}]"}, "not available yet"},
	} {
		for _, command := range []string{"validate", "plan"} {
			args := append([]string{command, path}, c.flags...)
			if command == "validate" {
				args = append(args, "--data")
			}
			i, code := invoke(nil, args...)
			require.Equal(t, 2, code, "%v: %s", args, i.err.String())
			require.Contains(t, i.err.String(), c.want)
		}
	}
}

// Claim: a bucket that cannot be reached has exit code 5, a name that no bucket has 2, before
// a run is started.
func TestStoreUnreachable(t *testing.T) {
	path := shipped(t, "veteran.yaml")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "HOME": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	s3 := []string{"--set", "store.uri=s3://bucket/prefix"}
	i, code := invoke(nil, append([]string{"validate", path}, s3...)...)
	require.Zero(t, code, i.err.String())
	i, code = invoke(nil, append([]string{"plan", path}, s3...)...)
	require.Equal(t, exitUnreachable, code, i.err.String())
	require.Contains(t, i.err.String(), "connection refused")
	for _, command := range []string{"plan", "run"} {
		i, code = invoke(nil, command, path, "--set", "store.uri='s3://no bucket/prefix'")
		require.Equal(t, exitUsage, code)
		require.Contains(t, i.err.String(), "store.uri: not a usable s3:// URI")
	}
}

// Claim: quickstart installs the shipped data in $EVERFOLD_HOME and runs it with outputs in
// the current folder, on the embedded server.
func TestQuickstart(t *testing.T) {
	t.Chdir(t.TempDir())
	home := filepath.Join(t.TempDir(), "home")
	path, err := installExamples(func(string) string { return home })
	require.NoError(t, err)
	require.FileExists(t, path)
	spec, err := (&specFlags{}).load(path)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(home, "quickstart", "data", "hdfail.csv"), spec.Data.URI)
	here, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(here, "outputs"), spec.Store.URI)

	require.NoError(t, os.WriteFile(home+"2", nil, 0o644)) // a file in the folder's place
	_, err = installExamples(func(string) string { return home + "2" })
	require.Equal(t, exitUnreachable, exitCode(err))
}

// Claim: schema prints the schema, version the build, completion a script.
func TestPrinters(t *testing.T) {
	i, code := invoke(nil, "schema")
	require.Equal(t, 0, code)
	require.Equal(t, string(config.Schema()), i.out.String())
	i, code = invoke(nil, "version", "--json")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), `"go": "go1.`)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		i, code = invoke(nil, "completion", shell)
		require.Equal(t, 0, code)
		require.Contains(t, i.out.String(), "starter")
	}
}
