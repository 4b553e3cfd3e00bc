package artifact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
)

func fit(t testing.TB, run *artifact.Run, model string, fold int) string {
	t.Helper()
	in, err := run.FitInputs(model, fold)
	require.NoError(t, err)
	return in.Fingerprint()
}

// Fingerprints are for ever: stored runs are recognised by them. If this test fails, do
// not change the expected values. Raise the algorithm version of what changed, or keep
// the old form of the inputs.
func TestFingerprintsArePinned(t *testing.T) {
	run := newRun(t, memory(), parse(t, baseSpec))
	for _, c := range []struct {
		model      string
		fold       int
		fit, score string
	}{
		{"cox", 0, "7ab9c3532c11821eb7e07fcb9c9333373269d85cf6f191fc782c41cad468c305",
			"de90bd009014e3d98ac69d8f843b331bc15245f88fe7dda8a9d8453944c53212"},
		{"forest", 2, "0b1559d51bd2adb58f3b37c2e933bbc56e2563d038b69083852bd5aa2e5de83d",
			"0bf972db8d364b4b4aa6aa204431ebd7cd737ee9444a8969336eb71b5cc6530f"},
		{"km", 1, "2a9ad5fc665cbe4aaa301a3917ecf03c1d2041824583936691664696bd806486",
			"edd492ac762f313d780e1146eea8ab7b349c20a7cd93ea21c30acbf56033b7ee"},
	} {
		require.Equal(t, c.fit, fit(t, run, c.model, c.fold), "%s fold %d", c.model, c.fold)
		require.Equal(t, c.score, run.ScoreInputs(c.fit).Fingerprint(), "%s fold %d", c.model, c.fold)
	}
	in, err := run.FitInputs("forest", 0)
	require.NoError(t, err)
	text, err := json.Marshal(in["model"])
	require.NoError(t, err)
	require.JSONEq(t, `{"trees":10,"type":"rsf","version":1}`, string(text), "settings equal to their introduction default are left out")
}

// Models that split their training rows again depend on what inner folds inherit; others
// do not.
func TestInnerFoldsEnterTheFingerprint(t *testing.T) {
	const models = "models: [{type: cox_ph}, {name: cv, type: coxnet}, {name: last, type: coxnet, select: last}]"
	spec := "run: r\ntype: sample\ndata: {uri: d.csv, time: t, event: e}\n" + models
	run := newRun(t, memory(), parse(t, spec))
	run.Versions.Models["coxnet"] = 1
	before := map[string]string{}
	for _, m := range []string{"cox_ph", "cv", "last"} {
		before[m] = fit(t, run, m, 0)
	}
	run.Data.Groups = "other groups"
	require.NotEqual(t, before["cv"], fit(t, run, "cv", 0))
	require.Equal(t, before["cox_ph"], fit(t, run, "cox_ph", 0))
	require.Equal(t, before["last"], fit(t, run, "last", 0))
	run.Data.Groups, run.Spec.Folds.Stratify = "", "none"
	require.NotEqual(t, before["cv"], fit(t, run, "cv", 0))
	require.Equal(t, before["cox_ph"], fit(t, run, "cox_ph", 0))
}

// Everything that can change a fit changes its fingerprint.
func TestFitFingerprintSeesEveryInput(t *testing.T) {
	base := newRun(t, memory(), parse(t, baseSpec))
	want := fit(t, base, "forest", 0)
	for name, spec := range map[string]*config.Spec{
		"setting":    with(t, "trees: 10", "trees: 11"),
		"preprocess": with(t, "folds:", "preprocess: {scale: none}\nfolds:"),
		"seed":       with(t, "k: 3", "k: 3, seed: 43"),
		"mlr3proba":  with(t, "folds:", "metrics: {convention: mlr3proba}\nfolds:"),
		"type":       with(t, "type: rsf, trees: 10", "type: gbsa, trees: 10"),
	} {
		require.NotEqual(t, want, fit(t, newRun(t, memory(), spec), "forest", 0), name)
	}
	for name, change := range map[string]func(*artifact.Run){
		"data":               func(r *artifact.Run) { r.Data.Digest = "other" },
		"training rows":      func(r *artifact.Run) { r.Folds[0].TrainSHA256 = "other" },
		"test rows":          func(r *artifact.Run) { r.Folds[0].Rows.SHA256 = "other" },
		"times":              func(r *artifact.Run) { r.Folds[0].Times.SHA256 = "other" },
		"model version":      func(r *artifact.Run) { r.Versions.Models["rsf"]++ },
		"preprocess version": func(r *artifact.Run) { r.Versions.Preprocess++ },
	} {
		run := newRun(t, memory(), parse(t, baseSpec))
		change(run)
		require.NotEqual(t, want, fit(t, run, "forest", 0), name)
	}
	require.NotEqual(t, want, fit(t, base, "forest", 1), "fold")
	renamed := newRun(t, memory(), with(t, "name: forest", "name: woods"))
	require.NotEqual(t, want, fit(t, renamed, "woods", 0), "the name seeds the fit")
}

// What cannot change a fit leaves its fingerprint alone: other models and their order,
// metrics, final, store, tracker, paths, build.
func TestFitFingerprintIgnoresTheRest(t *testing.T) {
	base := newRun(t, memory(), parse(t, baseSpec))
	want := fit(t, base, "forest", 0)
	for name, spec := range map[string]*config.Spec{
		"other model": with(t, "  - {name: cox, type: cox_ph}\n", "  - {name: first, type: gbsa}\n"),
		"default":     with(t, "trees: 10", "trees: 10, min_split: 10"),
		"metrics":     with(t, "folds:", "metrics: {cindex: harrell, convention: scikit-survival, tau: 3}\nfolds:"),
		"final":       with(t, "folds:", "final: {models: all}\nfolds:"),
		"place":       with(t, "folds:", "store: {uri: /elsewhere}\ntracker: {uri: 'off'}\nfolds:"),
		"path":        with(t, "/data/churn.csv", "/elsewhere/churn.csv"),
		"run":         with(t, "run: churn", "run: again"),
	} {
		require.Equal(t, want, fit(t, newRun(t, memory(), spec), "forest", 0), name)
	}
	base.Build, base.Versions.Models["cox_ph"], base.Versions.Metric = "other", 9, 9
	require.Equal(t, want, fit(t, base, "forest", 0))
}

// The score fingerprint sees the fit, cindex, convention, tau and the metric version.
func TestScoreFingerprint(t *testing.T) {
	run := newRun(t, memory(), parse(t, baseSpec))
	seen := map[string]string{}
	add := func(name string, r *artifact.Run, fit string) {
		fingerprint := r.ScoreInputs(fit).Fingerprint()
		require.NotContains(t, seen, fingerprint, "%s is like %s", name, seen[fingerprint])
		seen[fingerprint] = name
	}
	add("base", run, "f")
	add("fit", run, "g")
	for _, metrics := range []string{"{cindex: harrell}", "{convention: scikit-survival}", "{convention: mlr3proba}"} {
		add(metrics, newRun(t, memory(), with(t, "folds:", "metrics: "+metrics+"\nfolds:")), "f")
	}
	tau := 3.0
	run.Grid.Tau = &tau
	add("tau", run, "f")
	run.Versions.Metric++
	add("version", run, "f")
}

// A stack's bases with their settings are its settings.
func TestStackFingerprintHoldsItsBases(t *testing.T) {
	stack := "trees: 10}\n  - {name: both, type: stack, of: [cox, forest]}\n"
	spec := with(t, "trees: 10}\n", stack)
	want := fit(t, newRun(t, memory(), spec), "both", 0)
	changed := with(t, "trees: 10}\n", "trees: 11}\n  - {name: both, type: stack, of: [cox, forest]}\n")
	require.NotEqual(t, want, fit(t, newRun(t, memory(), changed), "both", 0))
	in, err := newRun(t, memory(), spec).FitInputs("both", 0)
	require.NoError(t, err)
	text, err := json.Marshal(in["model"])
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"stack","version":1,"of":[{"name":"cox","type":"cox_ph","version":1},
		{"name":"forest","type":"rsf","version":1,"trees":10}]}`, string(text))
	turned := with(t, "trees: 10}\n", strings.Replace(stack, "[cox, forest]", "[forest, cox]", 1))
	require.Equal(t, want, fit(t, newRun(t, memory(), turned), "both", 0), "the order of bases does not matter")
}

// What the run does not have cannot be fingerprinted, and the message says what.
func TestFingerprintOfUnknownParts(t *testing.T) {
	run := newRun(t, memory(), parse(t, baseSpec))
	_, err := run.FitInputs("other", 0)
	require.ErrorContains(t, err, "other")
	_, err = run.FitInputs("cox", 7)
	require.ErrorContains(t, err, "no fold 7")
	delete(run.Versions.Models, "rsf")
	_, err = run.FitInputs("forest", 0)
	require.ErrorContains(t, err, "rsf")
}

// Differences name the inputs by path, whether they come from JSON or from Go.
func TestInputDifferences(t *testing.T) {
	a := artifact.Inputs{"data": "x", "model": map[string]any{"type": "rsf", "trees": 10, "depth": 3.0}}
	b := artifact.Inputs{"data": "y", "model": map[string]any{"type": "rsf", "trees": 11.0, "leaf": "mean"}, "mlr3proba": true}
	require.Equal(t, []string{"data", "mlr3proba", "model.depth", "model.leaf", "model.trees"}, a.Differences(b))
	text, err := json.Marshal(a)
	require.NoError(t, err)
	var read artifact.Inputs
	require.NoError(t, json.Unmarshal(text, &read))
	require.Empty(t, a.Differences(read))
	require.Equal(t, a.Fingerprint(), read.Fingerprint())
}

// The sub-seed of a fit depends on seed, name and fold alone.
func TestFitSeed(t *testing.T) {
	seen := map[uint64]bool{}
	for _, seed := range []uint64{1, 42} {
		for _, model := range []string{"a", "b"} {
			for fold := range 3 {
				v := artifact.FitSeed(seed, model, fold)
				require.False(t, seen[v])
				seen[v] = true
			}
		}
	}
	require.Equal(t, artifact.FitSeed(42, "a", 1), artifact.FitSeed(42, "a", 1))
}

// Versions are equal exactly if all are.
func TestVersionsEqual(t *testing.T) {
	a := artifact.Versions{Preprocess: 1, Metric: 2, Models: map[string]int{"km": 1}}
	require.True(t, a.Equal(artifact.Versions{Preprocess: 1, Metric: 2, Models: map[string]int{"km": 1}}))
	for _, b := range []artifact.Versions{
		{Preprocess: 2, Metric: 2, Models: map[string]int{"km": 1}},
		{Preprocess: 1, Metric: 1, Models: map[string]int{"km": 1}},
		{Preprocess: 1, Metric: 2, Models: map[string]int{"km": 2}},
	} {
		require.False(t, a.Equal(b))
	}
}
