package config_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

func parse(t *testing.T, text string, opts ...config.Option) *config.Spec {
	t.Helper()
	s, err := config.ParseYAML([]byte(text), "", opts...)
	require.NoError(t, err)
	return s
}

// Every refused document gives one problem with this very message, and an *Error.
func TestRefusals(t *testing.T) {
	for _, c := range allRefusals() {
		t.Run(c.name, func(t *testing.T) {
			s, err := config.ParseYAML([]byte(c.document()), "")
			require.Nil(t, s)
			require.EqualError(t, err, c.want)
			var typed *config.Error
			require.True(t, errors.As(err, &typed))
			require.Len(t, typed.Problems, 1)
			require.NotContains(t, err.Error(), "hush", "a secret is quoted")
		})
	}
}

// What YAML cannot hold in one document is refused with its line, before the tables.
func TestYAMLSyntaxRefusals(t *testing.T) {
	deep := strings.Repeat("[", 40)
	bomb := "a: &a [" + strings.Repeat("1,", 1000) + "1]\nb: &b [" + strings.Repeat("*a,", 999) + "*a]\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"", "run spec: empty; a run spec needs at least run, type, data.uri, data.time and data.event"},
		"comment only": {"# nothing\n", "run spec: empty; a run spec needs at least run, type, data.uri, data.time and data.event"},
		"a list":       {"- a\n", "run spec: line 1: a list instead of keys; a run spec needs at least run, type, data.uri, data.time and data.event"},
		"two documents": {minimal + "---\n" + minimal,
			"run spec: line 5: a second YAML document; a spec file holds one"},
		"duplicate key":     {minimal + "run: s\n", `run spec: line 4: key "run" is given twice; first in line 1`},
		"duplicate in flow": {"data: {uri: a, uri: b}\n", `run spec: line 1: key "uri" is given twice`},
		"merge key":         {"a: &a {k: 5}\nfolds: {<<: *a}\n", "run spec: line 2: merge keys (<<) are not supported; write the keys out"},
		"tag":               {"run: !!str 5\n", "run spec: line 1: YAML tags (!…) are not used in specs; put text in quotes"},
		"key of a number":   {"5: a\n", "run spec: line 1: a key that is not text"},
		"missing anchor":    {"run: *a\n", "run spec: line 1: an alias without its anchor"},
		"deep":              {"a: " + deep, "run spec: line 1: nested deeper than 32 levels"},
		"deep in one line":  {strings.Repeat("- ", 40) + "a\n", "run spec: line 1: nested deeper than 32 levels"},
		"alias bomb":        {bomb, "run spec: line 1: the spec unfolds to more than 200000 values"},
		"alias to itself":   {"a: &a [*a]\n", "run spec: line 1: nested deeper than 32 levels"},
		"octal":             {"run: r\nfolds: {k: 010}\n", "run spec: line 2: 010: write numbers in decimal, without leading zeros or underscores"},
		"hexadecimal":       {"folds: {k: 0x10}\n", "run spec: line 1: 0x10: write numbers in decimal, without leading zeros or underscores"},
		"underscores":       {"folds: {seed: 1_0}\n", "run spec: line 1: 1_0: write numbers in decimal, without leading zeros or underscores"},
		"many keys":         {strings.Repeat("a: 1\n", 10_001), "run spec: line 10001: more than 10000 keys"},
		"large":             {strings.Repeat("#", 1<<20+1), "run spec: 1048577 bytes; a YAML spec has at most 1048576"},
		"very large":        {strings.Repeat("#", 4<<20+1), "run spec: 4194305 bytes; a spec has at most 4194304"},
		"not text":          {"run: \xff\n", "run spec: not valid UTF-8 text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.ParseYAML([]byte(c.text), "")
			require.EqualError(t, err, c.want)
		})
	}
	_, err := config.ParseYAML([]byte("run: r\n  type: [\n"), "bad.yaml")
	require.ErrorContains(t, err, "bad.yaml: line ")
	require.ErrorContains(t, err, "not valid YAML: ")
}

// JSON is read as strictly; lines are given where the text has several.
func TestJSONRefusals(t *testing.T) {
	head := `{"run":"r","type":"sample","data":{"uri":"d.csv","time":"t","event":"e"}`
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "run spec: not valid JSON: unexpected end of JSON input"},
		"null":           {"null", "run spec: empty; a run spec needs at least run, type, data.uri, data.time and data.event"},
		"truncated":      {head, "run spec: not valid JSON: unexpected end of JSON input"},
		"trailing":       {head + "} {}", "run spec: not valid JSON: invalid character '{' after top-level value"},
		"typo":           {head + `,"modles":[]}`, `run spec: modles: unknown key; did you mean "models"?`},
		"typo with line": {head + ",\n\n\"folds\": {\"K\": 3}}", `run spec: line 3: folds.K: unknown key; did you mean "k"?`},
		"duplicate":      {head + `,"run":"s"}`, `run spec: key "run" is given twice`},
		"wrong type":     {head + `,"folds":{"k":"5"}}`, `run spec: folds.k: "5" is not allowed; want an integer from 2 to 500`},
		"number beyond":  {head + `,"metrics":{"tau":1e999}}`, "run spec: metrics.tau: 1e999 is not a finite number; want a number above 0"},
		"deep":           {strings.Repeat("[", 40) + strings.Repeat("]", 40), "run spec: nested deeper than 32 levels"},
		"syntax, line 2": {"{\n\"a\": ?}", "run spec: line 2: not valid JSON: invalid character '?' looking for beginning of value"},
		"not text":       {"\"\xff\"", "run spec: not valid UTF-8 text"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := config.DecodeJSON([]byte(c.text))
			require.Nil(t, s)
			require.EqualError(t, err, c.want)
		})
	}
}

// Several problems come in one error, in the order of the lines.
func TestProblemsAreCollected(t *testing.T) {
	_, err := config.ParseYAML([]byte(minimal+"folds: {k: 1}\nmetrics: {tau: 0}\nrnu: a\n"), "churn.yaml")
	require.EqualError(t, err, `churn.yaml: 3 problems
  line 4: folds.k: the number 1 is not allowed; want an integer from 2 to 500
  line 5: metrics.tau: the number 0 is not allowed; want a number above 0
  line 6: rnu: unknown key; did you mean "run"?`)

	many := minimal + "data2: 1\nnotify: [" + strings.Repeat("x, ", 60) + "x]\n"
	_, err = config.ParseYAML([]byte(many), "")
	require.ErrorContains(t, err, "62 problems")
	require.ErrorContains(t, err, "and 12 more")
}

// The contract's own block decodes to the defaults: with it and without it, one spec.
func TestDefaultsAreTheContract(t *testing.T) {
	block, err := os.ReadFile("testdata/contract.yaml")
	require.NoError(t, err)
	written := parse(t, string(block))
	short := parse(t, "run: churn-2026-11\ntype: production\ndata: {uri: data/churn.csv, id: account_entities_key, time: survival_months, event: is_terminated}\n")
	require.Equal(t, short, written)
	require.Equal(t, short.Digest(), written.Digest())
	var names []string
	for _, m := range short.AllModels() {
		names = append(names, m.Name)
	}
	require.Equal(t, []string{"cox_ph", "coxnet", "weibull_aft", "gbsa", "rsf", "km"}, names)
}

// A decoded spec written as JSON and read again is the same spec, with the same digest.
func TestJSONRoundTrip(t *testing.T) {
	for name, text := range accepted {
		t.Run(name, func(t *testing.T) {
			s := parse(t, text)
			encoded, err := json.Marshal(s)
			require.NoError(t, err)
			again, err := config.DecodeJSON(encoded)
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(s, again), "%s", encoded)
			require.Equal(t, s.Digest(), again.Digest())
			var plain config.Spec
			require.NoError(t, json.Unmarshal(encoded, &plain), "consumers decode it without checks")
			require.Equal(t, *s, plain)
		})
	}
}

// Unions, optional keys and 64-bit seeds arrive as written.
func TestValuesArrive(t *testing.T) {
	s := parse(t, accepted["zero time replaced"])
	require.Equal(t, config.ZeroTime{Mode: "replace", Value: 0.5}, s.Data.OnZeroTime)
	require.Nil(t, s.Data.Numeric)

	s = parse(t, accepted["columns"])
	require.NotNil(t, s.Data.Numeric, "an empty list is not the default")
	require.Empty(t, s.Data.Numeric)

	s = parse(t, accepted["seed of 64 bits"])
	require.Equal(t, uint64(18446744073709551615), s.Folds.Seed)
	require.Equal(t, 30, s.FoldCount())

	s = parse(t, accepted["grid and horizons"])
	require.Equal(t, config.Grid{Times: []float64{1, 2.5, 3}}, s.Metrics.Grid)
	require.Equal(t, []string{"rsf", "km"}, s.Final.Models.Names)
	require.InDelta(t, 36, *s.Final.RMST, 0)

	s = parse(t, accepted["exponent"])
	require.Equal(t, 1e-4, s.Models[0].Settings["alpha"])
	require.InDelta(t, 150, *s.Metrics.Tau, 0)

	s = parse(t, accepted["tracker by name"])
	require.Equal(t, "1h30m", s.Tracker.Budget.String())
	require.Equal(t, "1.5s", s.Tracker.Timeout.String())
}

// What YAML writes in other ways arrives too: directives, block text, floats, aliases.
func TestYAMLForms(t *testing.T) {
	s := parse(t, "%YAML 1.2\n---\nrun: |-\n  r\ntype: \"sample\"\ndata:\n  uri: d.csv\n  time: 't'\n  event: e\n  numeric:\n  - a\n  - b\nmetrics: {tau: 2.}\n...\n")
	require.Equal(t, "r", s.Run)
	require.Equal(t, []string{"a", "b"}, s.Data.Numeric)
	require.InDelta(t, 2, *s.Metrics.Tau, 0)
	require.Equal(t, 24*time.Hour, s.Resources.FitTimeout.Std())
	withBOM := parse(t, "\ufeff"+minimal)
	require.Equal(t, parse(t, minimal), withBOM)
	encoded, err := json.Marshal(withBOM)
	require.NoError(t, err)
	_, err = config.DecodeJSON(append([]byte("\ufeff"), encoded...))
	require.NoError(t, err)
	windows := parse(t, strings.ReplaceAll(minimal, "\n", "\r\n"))
	require.Equal(t, parse(t, minimal), windows)
}

// Long values are shortened in messages, and over-long ones refused.
func TestLongText(t *testing.T) {
	_, err := config.ParseYAML([]byte(minimal+"on_model_failure: "+strings.Repeat("ü", 100)+"\n"), "")
	require.EqualError(t, err, `run spec: line 4: on_model_failure: "`+strings.Repeat("ü", 60)+`…" is not allowed; want continue or fail`)
	_, err = config.ParseYAML([]byte(minimal+"tracker: {experiment: "+strings.Repeat("x", 5000)+"}\n"), "")
	require.EqualError(t, err, "run spec: line 4: tracker.experiment: 5000 bytes long; at most 4096 are allowed")
	_, err = config.ParseYAML([]byte(minimal+"on_model_failure: true\n"), "")
	require.EqualError(t, err, "run spec: line 4: on_model_failure: true is not allowed; want continue or fail")
}

// With folds.file, k, repeats and stratify are ignored: no value of theirs is refused,
// none reaches the digest.
func TestFoldFileIgnoresTheRest(t *testing.T) {
	with := parse(t, minimal+"folds: {file: f.csv, k: 1, repeats: -7, stratify: never}\n")
	without := parse(t, minimal+"folds: {file: f.csv}\n")
	require.Equal(t, without.Digest(), with.Digest())
	require.Zero(t, with.FoldCount())
}

// Listing km changes nothing.
func TestBaselineIsAlwaysThere(t *testing.T) {
	listed := parse(t, minimal+"models: [{type: km}, {type: cox_ph}]\n")
	unlisted := parse(t, minimal+"models: [{type: cox_ph}]\n")
	require.Equal(t, unlisted, listed)
	all := listed.AllModels()
	require.Equal(t, "km", all[len(all)-1].Name)
	m, err := listed.Model("km")
	require.NoError(t, err)
	require.Equal(t, config.KM, m.Type)
	_, err = listed.Model("rsf")
	require.EqualError(t, err, `config: no model "rsf" in the spec`)
}
