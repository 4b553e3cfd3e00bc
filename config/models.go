package config

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// The model types. Which of them a build can fit is for its registry to say: see
// Spec.CheckAvailable.
const (
	KM            = "km" // the baseline of every run; also its only possible name
	CoxPH         = "cox_ph"
	CoxStratified = "cox_stratified"
	WeibullAFT    = "weibull_aft"
	Coxnet        = "coxnet"
	GBSA          = "gbsa"
	RSF           = "rsf"
	ORSF          = "orsf"
	Stack         = "stack"
)

// modelType is what one type takes beside name and type.
type modelType struct {
	name     string
	doc      string
	settings *shape
	entry    bool // can be fitted with left truncation
	gaps     bool // takes missing values as they are (impute: native)
}

// modelTypes is the settings table. A default here is also the default at the setting's
// introduction, which fingerprints leave out: a default may only change together with
// the model's algorithm version, and a new setting's default must mean "as before".
var modelTypes = []modelType{
	{name: KM, doc: "Kaplan–Meier; always fitted, listed or not.", settings: &shape{}, entry: true, gaps: true},
	{name: CoxPH, doc: "Cox proportional hazards.", settings: &shape{keys: coxKeys}, entry: true},
	{name: CoxStratified, doc: "Cox with one baseline per stratum.", settings: &shape{keys: append([]key{
		{name: "strata", doc: "Columns whose values form the strata.", rule: columns(1), required: true},
	}, coxKeys...)}, entry: true},
	{name: WeibullAFT, doc: "Weibull accelerated failure time.", settings: &shape{}, entry: true},
	{name: Coxnet, doc: "Elastic-net Cox path.", settings: coxnetShape},
	{name: GBSA, doc: "Gradient boosting of the Cox partial likelihood.", settings: gbsaShape, gaps: true},
	{name: RSF, doc: "Random survival forest.", settings: &shape{keys: append(forestKeys("5"), subsampleKey, binsKey, curveKey)}, gaps: true},
	{name: ORSF, doc: "Oblique random survival forest.", settings: &shape{keys: append(forestKeys("12"), minStatKey)}, gaps: true},
	{name: Stack, doc: "Simplex-weighted stack of other models.", settings: &shape{keys: []key{
		{name: "of", doc: "Names in models.", rule: rule{list: &listRule{
			item: namePattern("a model name", modelName), what: "model names", min: 1, max: MaxModels, unique: true,
		}}, required: true},
	}}, gaps: true},
}

var coxKeys = []key{
	{name: "ties", doc: "Treatment of tied event times.", rule: words("efron", "breslow"), def: "efron"},
	{name: "alpha", doc: "L2 penalty.", rule: rule{number: &numberRule{max: math.MaxFloat64}}, def: 0.0},
}

var coxnetShape = &shape{keys: []key{
	{name: "l1_ratio", doc: "Share of the L1 penalty.", rule: rule{number: &numberRule{openMin: true, max: 1}}, def: 0.5},
	{name: "alphas", doc: "Length of the path.", rule: integer(1, 10_000), def: json.Number("100")},
	{name: "alpha_min_ratio", doc: "Smallest penalty relative to the largest.", rule: rule{number: &numberRule{openMin: true, max: 1, openMax: true}}, def: 0.01},
	{name: "standardize", doc: "Scales columns within the fit.", rule: rule{boolean: true}, def: false},
	{name: "select", doc: "Which penalty of the path is used.", rule: words("last", "cv"), def: "cv"},
	{name: "inner_folds", doc: "Folds of the inner cross-validation.", rule: integer(2, 100), def: json.Number("5")},
	{name: "rule", doc: "How the inner cross-validation chooses.", rule: words("min", "1se"), def: "min"},
}}

var gbsaShape = &shape{keys: []key{
	{name: "trees", doc: "Number of boosting rounds.", rule: integer(1, 100_000), def: json.Number("100")},
	{name: "learning_rate", doc: "Shrinkage.", rule: rule{number: &numberRule{openMin: true, max: 1}}, def: 0.1},
	{name: "depth", doc: "Depth of a tree.", rule: integer(1, 64), def: json.Number("3")},
	{name: "subsample", doc: "Share of rows drawn per tree.", rule: rule{number: &numberRule{openMin: true, max: 1}}, def: 1.0},
	{name: "column_sample", doc: "Share of columns drawn per tree.", rule: rule{number: &numberRule{openMin: true, max: 1}}, def: 1.0},
	{name: "min_leaf", doc: "Fewest rows of a leaf.", rule: integer(1, sampleRowsLimit), def: json.Number("1")},
	{name: "leaf", doc: "Leaf value: mean gradient or a Newton step.", rule: words("mean", "newton"), def: "mean"},
	{name: "lambda", doc: "L2 penalty of leaves; absent: 1 for newton, none for mean.", rule: rule{number: &numberRule{max: math.MaxFloat64}}},
	binsKey,
	{name: "validation", doc: "Share of rows held out to choose the number of trees; 0 is none.", rule: rule{number: &numberRule{max: 0.5}}, def: 0.0},
	{name: "patience", doc: "Rounds without a better held-out likelihood that end the fit; 0: all are made.", rule: integer(0, 100_000), def: json.Number("10")},
}}

var binsKey = key{name: "bins", doc: "Quantile bins, or every distinct value a candidate.",
	rule: rule{words: []string{"exact"}, number: &numberRule{integer: true, min: 255, max: 255}}, def: json.Number("255")}

// forestKeys are what both forests take; only their leaves differ in size by default.
func forestKeys(minLeaf json.Number) []key {
	return []key{
		{name: "trees", doc: "Number of trees.", rule: integer(1, 100_000), def: json.Number("300")},
		{name: "min_split", doc: "Fewest rows of a node that is split.", rule: integer(2, sampleRowsLimit), def: json.Number("10")},
		{name: "min_leaf", doc: "Fewest rows of a leaf.", rule: integer(1, sampleRowsLimit), def: minLeaf},
		{name: "mtry", doc: "Columns drawn per split; sqrt is rounded down by rsf, up by orsf.", rule: rule{words: []string{"sqrt", "all"}, number: &numberRule{integer: true, min: 1, max: maxColumns}}, def: "sqrt"},
		{name: "depth", doc: "Depth of a tree; 0 is unlimited.", rule: integer(0, 10_000), def: json.Number("0")},
		{name: "bootstrap", doc: "Draws rows with replacement per tree.", rule: rule{boolean: true}, def: true},
	}
}

var subsampleKey = key{name: "subsample", doc: "Share of rows drawn per tree, without replacement where bootstrap is false.",
	rule: rule{number: &numberRule{openMin: true, max: 1}}, def: 1.0}

var curveKey = key{name: "curve", doc: "S is the mean of the trees' curves, or exp(−H) of their mean hazard.", rule: words("mean", "hazard"), def: "mean"}

var minStatKey = key{name: "min_stat", doc: "Log-rank statistic that a split must exceed.",
	rule: rule{number: &numberRule{max: math.MaxFloat64}}, def: 3.84}

// ModelTypes lists every type of the contract, built or not.
func ModelTypes() []string {
	names := make([]string, len(modelTypes))
	for i, t := range modelTypes {
		names[i] = t.name
	}
	return names
}

func findType(name string) *modelType {
	for i := range modelTypes {
		if modelTypes[i].name == name {
			return &modelTypes[i]
		}
	}
	return nil
}

func modelList() rule {
	return rule{list: &listRule{item: rule{model: true}, what: "models", max: MaxModels}}
}

// defaultModels is models where the spec has none.
func defaultModels() []any {
	var list []any
	for _, name := range []string{CoxPH, Coxnet, WeibullAFT, GBSA, RSF} {
		list = append(list, defaultModel(name))
	}
	return list
}

func defaultModel(name string) map[string]any {
	m := map[string]any{"name": name, "type": name}
	for _, k := range findType(name).settings.keys {
		if k.def != nil {
			m[k.name] = k.def
		}
	}
	return m
}

// model checks one entry of models: its type decides which keys it may have.
func (c *checker) model(path string, n *node) any {
	c.modelType(path, n)
	t := findType(typeOf(n))
	if t == nil {
		return nil
	}
	full := &shape{reserved: []string{"tune"}, keys: append([]key{
		{name: "name", rule: namePattern("a name", modelName), def: t.name},
		{name: "type", rule: words(t.name), required: true},
	}, t.settings.keys...)}
	return c.group(path, n, full)
}

func typeOf(n *node) string {
	if t := n.get("type"); t != nil && t.kind == textNode {
		return t.text
	}
	return ""
}

func (c *checker) modelType(path string, n *node) {
	at := n.get("type")
	switch {
	case at == nil:
		c.add(path+".type", n, "missing; give %s", orList(ModelTypes()))
	case at.kind != textNode || findType(at.text) == nil:
		hint := ""
		if at.kind == textNode {
			hint = didYouMean(at.text, ModelTypes())
		}
		c.add(path+".type", at, "%s is not a model type; want %s%s", at.describe(), orList(ModelTypes()), hint)
	}
}

// AllModels is every model that is fitted and scored: Models in spec order, then km,
// which the decoder keeps out of Models since listing it changes nothing.
func (s *Spec) AllModels() []Model {
	return append(slices.Clone(s.Models), Model{Name: KM, Type: KM, Settings: map[string]any{}})
}

// Model is the model of that name, km included.
func (s *Spec) Model(name string) (Model, error) {
	for _, m := range s.AllModels() {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("config: no model %q in the spec", name)
}
