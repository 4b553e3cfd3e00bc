package config_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

// The digest depends on what is meant, not on how it is written.
func TestDigest(t *testing.T) {
	a := parse(t, minimal+"folds: {k: 5, seed: 42}\nmodels: [{type: cox_ph, ties: efron, alpha: 0.0}]\n")
	b := parse(t, "models: [{alpha: -0.0, type: cox_ph, name: cox_ph}]\ntracker: {budget: 60s}\n"+minimal)
	require.Equal(t, a.Digest(), b.Digest())
	require.Regexp(t, "^[0-9a-f]{64}$", a.Digest())
	c := parse(t, minimal+"folds: {seed: 43}\nmodels: [{type: cox_ph}]\n")
	require.NotEqual(t, a.Digest(), c.Digest())
	a.Preprocess.RareLevel = math.NaN()
	require.PanicsWithValue(t, "config: Digest: the spec holds a number that is not finite", func() { a.Digest() })
}

// A spec in the JSON form that run.json has had keeps its bytes, and so its digest, for ever: a key
// that is added is left out at its default.
func TestDigestStays(t *testing.T) {
	var s config.Spec
	require.NoError(t, json.Unmarshal([]byte(firstForm), &s))
	text, err := json.Marshal(&s)
	require.NoError(t, err)
	require.Equal(t, firstForm, string(text))
	require.Equal(t, "4ba442d43dca13fee44b6a69ac8d07952fd8cd08a47dd95302313258c361c572", s.Digest())
}

const firstForm = `{"run":"r","type":"sample","data":{"uri":"d.csv","time":"t","event":"e","on_zero_time":"error","ignore":[],"sample_rows":2000},` +
	`"preprocess":{"impute":"median","scale":"standard","encode":"treatment","rare_level":0,"drop_constant":true},` +
	`"folds":{"k":5,"repeats":1,"seed":42,"stratify":"event"},"metrics":{"cindex":"ipcw","convention":"riskregression","grid":50},` +
	`"models":[{"name":"cox_ph","type":"cox_ph","alpha":0,"ties":"efron"},` +
	`{"name":"coxnet","type":"coxnet","alpha_min_ratio":0.01,"alphas":100,"inner_folds":5,"l1_ratio":0.5,"rule":"min","select":"cv","standardize":false},` +
	`{"name":"weibull_aft","type":"weibull_aft"},` +
	`{"name":"gbsa","type":"gbsa","bins":255,"column_sample":1,"depth":3,"leaf":"mean","learning_rate":0.1,"min_leaf":1,"patience":10,"subsample":1,"trees":100,"validation":0},` +
	`{"name":"rsf","type":"rsf","bins":255,"bootstrap":true,"curve":"mean","depth":0,"min_leaf":5,"min_split":10,"mtry":"sqrt","subsample":1,"trees":300}],` +
	`"final":{"models":"best","select":"cindex","data":"/d/new.csv"},"store":{"uri":"outputs"},` +
	`"tracker":{"experiment":"survival","attempts":3,"timeout":"10s","budget":"1m"},"notify":[],"on_model_failure":"continue",` +
	`"resources":{"parallel_fits":0,"fit_timeout":"24h","fit_budget":"72h","max_lost_workers":5}}`

// A spec that explains nothing is the spec from before the key, by text and digest; one that
// does keeps what it asks for through the JSON form.
func TestExplainIsAnAddition(t *testing.T) {
	plain, off := parse(t, minimal), parse(t, minimal+"explain: {rows: 7}\n")
	require.Equal(t, plain.Digest(), off.Digest())
	text, err := json.Marshal(off)
	require.NoError(t, err)
	require.NotContains(t, string(text), "explain")

	on := parse(t, minimal+"explain: {importance: 5}\n")
	require.Equal(t, config.Explain{Importance: 5, Rows: 2000}, on.Explain)
	require.NotEqual(t, plain.Digest(), on.Digest())
	text, err = json.Marshal(on)
	require.NoError(t, err)
	again, err := config.DecodeJSON(text)
	require.NoError(t, err)
	require.Equal(t, on, again)
}

// Types that a build lacks are refused by name; km needs no registration.
func TestCheckAvailable(t *testing.T) {
	s := parse(t, minimal)
	require.NoError(t, s.CheckAvailable(config.ModelTypes()))
	err := s.CheckAvailable([]string{config.CoxPH, config.WeibullAFT, config.RSF})
	require.EqualError(t, err, `run spec: 2 problems
  models.coxnet.type: coxnet is not available yet; available: cox_ph, weibull_aft, rsf
  models.gbsa.type: gbsa is not available yet; available: cox_ph, weibull_aft, rsf`)
	require.NoError(t, parse(t, minimal+"models: [{type: km}]\n").CheckAvailable(nil))
}

// Relative paths become absolute against the spec's folder; URIs stay.
func TestPaths(t *testing.T) {
	s := parse(t, "run: r\ntype: sample\ndata: {uri: ../d.csv, time: t, event: e}\nfolds: {file: f.csv}\nfinal: {data: 'file://new.csv'}\n")
	require.EqualError(t, s.CheckAbsolute(), `run spec: 4 problems
  data.uri: a relative path; a worker takes absolute paths and s3:// only (starter resolves them)
  folds.file: a relative path; a worker takes absolute paths and s3:// only (starter resolves them)
  final.data: a relative path; a worker takes absolute paths and s3:// only (starter resolves them)
  store.uri: a relative path; a worker takes absolute paths and s3:// only (starter resolves them)`)
	s.ResolvePaths("/specs/a")
	require.NoError(t, s.CheckAbsolute())
	require.Equal(t, "/specs/d.csv", s.Data.URI)
	require.Equal(t, "/specs/a/f.csv", s.Folds.File)
	require.Equal(t, "file:///specs/a/new.csv", s.Final.Data)
	require.Equal(t, "/specs/a/outputs", s.Store.URI)
	before := s.Digest()
	s.ResolvePaths("/elsewhere")
	require.Equal(t, before, s.Digest())

	s = parse(t, "run: r\ntype: sample\ndata: {uri: 's3://b/d.csv', time: t, event: e}\nstore: {uri: 's3://b/p'}\n")
	s.ResolvePaths("/specs")
	require.NoError(t, s.CheckAbsolute())
	require.Equal(t, "s3://b/d.csv", s.Data.URI)
	require.Empty(t, s.Final.Data)
	require.PanicsWithValue(t, "config: ResolvePaths: dir is not absolute", func() { s.ResolvePaths("specs") })
}

// Fingerprints see only what differs from the default at introduction.
func TestNonDefault(t *testing.T) {
	s := parse(t, minimal+"preprocess: {scale: none, rare_keep: 5, rare_merge: other}\nmodels: [{type: rsf, trees: 300, mtry: 4}, {type: stack, of: [rsf]}, {type: weibull_aft}]\n")
	require.Equal(t, map[string]any{"mtry": 4.0}, s.Models[0].NonDefaultSettings())
	require.Equal(t, map[string]any{"of": []any{"rsf"}}, s.Models[1].NonDefaultSettings())
	require.Empty(t, s.Models[2].NonDefaultSettings())
	require.Equal(t, map[string]any{"scale": "none", "rare_keep": 5.0, "rare_merge": "other"}, s.Preprocess.NonDefault())
	require.Empty(t, parse(t, minimal).Preprocess.NonDefault())
	unknown := config.Model{Type: "later", Settings: map[string]any{"a": 1.0}}
	require.Equal(t, map[string]any{"a": 1.0}, unknown.NonDefaultSettings())
	require.Panics(t, func() { config.Preprocess{RareLevel: math.Inf(1)}.NonDefault() })
}

// A model is one flat object with sorted settings; SettingsJSON is the settings alone.
func TestModelJSON(t *testing.T) {
	m := parse(t, minimal+"models: [{name: a, type: cox_ph}]\n").Models[0]
	text, err := json.Marshal(m)
	require.NoError(t, err)
	require.Equal(t, `{"name":"a","type":"cox_ph","alpha":0,"ties":"efron"}`, string(text))
	require.Equal(t, `{"alpha":0,"ties":"efron"}`, string(m.SettingsJSON()))
	require.Equal(t, "{}", string(config.Model{Name: "w", Type: config.WeibullAFT}.SettingsJSON()))
	var back config.Model
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, m, back)
	require.ErrorContains(t, json.Unmarshal([]byte("5"), &back), "decode model")
	require.NoError(t, json.Unmarshal([]byte("null"), &back))
	bad := config.Model{Name: "b", Settings: map[string]any{"x": math.NaN()}}
	_, err = json.Marshal(bad)
	require.ErrorContains(t, err, "encode settings of model b")
	require.Panics(t, func() { bad.SettingsJSON() })
}

// What a stack is fitted with are its bases, whole and by name; any other model has its own
// settings.
func TestFitSettings(t *testing.T) {
	s := parse(t, minimal+"models: [{name: c, type: cox_ph}, {type: stack, of: [km, c]}]\n")
	require.JSONEq(t, `{"of":[{"name":"c","type":"cox_ph","alpha":0,"ties":"efron"},{"name":"km","type":"km"}]}`, string(s.FitSettings(s.Models[1])))
	require.Equal(t, []any{"km", "c"}, s.Models[1].Settings["of"], "the spec is left alone")
	require.Equal(t, s.Models[0].SettingsJSON(), s.FitSettings(s.Models[0]))
}

// The unions and durations refuse what they cannot be, wherever they are decoded.
func TestUnionsRefuse(t *testing.T) {
	var z config.ZeroTime
	require.ErrorContains(t, json.Unmarshal([]byte("[]"), &z), "want a string or a number")
	var g config.Grid
	require.ErrorContains(t, json.Unmarshal([]byte(`"burk81"`), &g), `"burk80"`)
	var f config.FinalModels
	require.ErrorContains(t, json.Unmarshal([]byte("5"), &f), "want a string or a list of names")
	var d config.Duration
	require.ErrorContains(t, json.Unmarshal([]byte("5"), &d), `such as "90m"`)
	require.ErrorContains(t, json.Unmarshal([]byte(`"5"`), &d), "duration: ")
	_, err := config.EncodeInput(&config.Spec{Run: "r", Type: config.Sample, Preprocess: config.Preprocess{RareLevel: math.NaN()}}, config.Request{})
	require.ErrorContains(t, err, "encode workflow input of run sample/r")
}

// Durations have one shortest form.
func TestDurationString(t *testing.T) {
	for text, want := range map[string]string{
		"60s": "1m", "90m": "1h30m", "24h": "24h", "10s": "10s", "3600s": "1h", "1h0m5s": "1h0m5s", "1.5s": "1.5s", "100ms": "100ms", "10m": "10m", "20h": "20h",
	} {
		var d config.Duration
		require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &d))
		require.Equal(t, want, d.String())
		again, err := json.Marshal(d)
		require.NoError(t, err)
		require.Equal(t, `"`+want+`"`, string(again))
	}
}

// A run has at most so many fits, whose folds the spec tells or a folds file.
func TestTooManyFits(t *testing.T) {
	text := minimal + "models: ["
	for m := range 10 {
		text += fmt.Sprintf("{name: cox_%d, type: cox_ph}, ", m)
	}
	_, err := config.ParseYAML([]byte(text+"]\nfolds: {k: 500}\n"), "")
	require.ErrorContains(t, err, "folds: 11 models × 500 folds are 5500 fits; at most 5000 are allowed: make several runs of the models")
	s, err := config.ParseYAML([]byte(text+"]\nfolds: {file: f.csv}\n"), "")
	require.NoError(t, err)
	require.NoError(t, s.CheckFits(454))
	require.EqualError(t, s.CheckFits(455), "run spec: folds: 11 models × 455 folds are 5005 fits; at most 5000 are allowed: make several runs of the models")
}
