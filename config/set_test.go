package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

// Assignments change the document before it is checked: by key, index and model name.
func TestSet(t *testing.T) {
	s := parse(t, minimal, config.WithSet("folds.k=3", "data.ignore=[a, b]", "models.cox_ph.alpha=1e-3", "models[0].ties=breslow"),
		config.WithSet("run=other", "tracker.uri=~", "final.models=[rsf]"))
	require.Equal(t, 3, s.Folds.K)
	require.Equal(t, []string{"a", "b"}, s.Data.Ignore)
	require.Equal(t, map[string]any{"alpha": 1e-3, "ties": "breslow"}, s.Models[0].Settings)
	require.Len(t, s.Models, 5, "the default models stay")
	require.Equal(t, "other", s.Run)
	require.Equal(t, []string{"rsf"}, s.Final.Models.Names)

	s = parse(t, minimal+"models:\n  - {name: deep, type: gbsa}\nfolds:\n", config.WithSet("models.deep.depth=9", "folds.k=4"))
	require.InDelta(t, 9.0, s.Models[0].Settings["depth"], 0)
	require.Equal(t, 4, s.Folds.K, "an empty group is filled")

	s = parse(t, "", config.WithSet("run=r", "type=sample", "data={uri: d.csv, time: t, event: e}", "models[4]={type: gbsa, name: last}"))
	require.Equal(t, "last", s.Models[4].Name)
}

// What an assignment gets wrong is told as in the file, with its origin.
func TestSetRefusals(t *testing.T) {
	for assignment, want := range map[string]string{
		"folds.k=1":             "run spec: folds.k: the number 1 is not allowed; want an integer from 2 to 500 (given by --set)",
		"fold.k=2":              `run spec: fold: unknown key; did you mean "folds"? (given by --set)`,
		"models.cox.alpha=1":    `run spec: models.cox.alpha: no entry named "cox"; there are: cox_ph, coxnet, weibull_aft, gbsa, rsf (given by --set)`,
		"models[9].alpha=1":     "run spec: models[9].alpha: index 9; there are 5 entries (given by --set)",
		"models[0].alfa=1":      `run spec: models[0].alfa: unknown key; did you mean "alpha"? (given by --set)`,
		"models[0].name=rsf":    `run spec: models[4].name: "rsf" is the name of models[0] already; give one of them another name (given by --set)`,
		"run.x=1":               "run spec: run.x: leads into text, not into a group of keys (given by --set)",
		"data[0]=1":             "run spec: data[0]: leads into a group of keys, not into a group of keys (given by --set)",
		"folds.k=":              "run spec: folds.k: no value (given by --set); write ~ to unset a key",
		"folds.k=[":             "run spec: folds.k: not valid YAML: sequence end token ']' not found (given by --set)",
		"folds.k":               `run spec: --set wants key=value with a key such as folds.k or models[0].alpha, not "folds.k"`,
		"=3":                    `run spec: --set wants key=value with a key such as folds.k or models[0].alpha, not ""`,
		"models[x].alpha=3":     `run spec: --set wants key=value with a key such as folds.k or models[0].alpha, not "models[x].alpha"`,
		"data.numeric=[t]":      `run spec: data.numeric[0]: column "t" is data.time already (given by --set)`,
		"notify=[slack://hush]": "run spec: notify[0]: this value is not allowed; want ${EVERFOLD_NOTIFY_…}, the name of a worker environment variable (given by --set)",
	} {
		t.Run(assignment, func(t *testing.T) {
			_, err := config.ParseYAML([]byte(minimal), "", config.WithSet(assignment))
			require.EqualError(t, err, want)
		})
	}
}
