package artifact

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"everfold/config"
	"everfold/store"
	"everfold/survival/resample"
)

// Versions are the algorithm versions that enter fingerprints. A change that alters
// numbers raises one; so does changing a default.
type Versions struct {
	Preprocess int            `json:"preprocess"`
	Metric     int            `json:"metric"`
	Models     map[string]int `json:"models"` // by model type
}

// Equal says whether two programs would fingerprint alike.
func (v Versions) Equal(other Versions) bool {
	return v.Preprocess == other.Preprocess && v.Metric == other.Metric && maps.Equal(v.Models, other.Models)
}

// Inputs are the inputs of a fingerprint: JSON values whose canonical JSON (keys sorted,
// keys with their introduction default left out) is digested.
type Inputs map[string]any

// Fingerprint is the SHA-256 of the canonical JSON. It panics on values that JSON cannot
// hold, which no decoded spec has.
func (in Inputs) Fingerprint() string { return store.SHA256(in.canonical()) }

func (in Inputs) canonical() []byte {
	text, err := json.Marshal(in) // sorts the keys of maps
	if err != nil {
		panic("artifact: fingerprint of a value that is not JSON")
	}
	return text
}

// Differences names the keys whose values differ, sorted; those of a nested map as
// "model.trees".
func (in Inputs) Differences(other Inputs) []string { return differences("", in, other) }

func differences(path string, a, b map[string]any) []string {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	var found []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		va, vb := a[key], b[key]
		ma, aMap := va.(map[string]any)
		mb, bMap := vb.(map[string]any)
		if (aMap || va == nil) && (bMap || vb == nil) && (aMap || bMap) {
			found = append(found, differences(path+key+".", ma, mb)...)
			continue
		}
		if string(Inputs{"": va}.canonical()) != string(Inputs{"": vb}.canonical()) {
			found = append(found, path+key)
		}
	}
	return found
}

// FitSeed is the sub-seed of one fit: of (seed, model name, fold), never of a position in
// a list.
func FitSeed(seed uint64, model string, fold int) uint64 {
	return resample.SubSeed(seed, "fit/"+model, uint64(fold))
}

// FitInputs are the inputs of the fit fingerprint of (model, fold) under run: everything
// that can change a bit of the fit, and nothing else.
func (r *Run) FitInputs(model string, fold int) (Inputs, error) {
	m, err := r.Spec.Model(model)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of %s fold %d: %w", model, fold, err)
	}
	f, err := r.Fold(fold)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of %s fold %d: %w", model, fold, err)
	}
	in, err := r.inputs(m)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of %s fold %d: %w", model, fold, err)
	}
	in["train"], in["test"], in["times"] = f.TrainSHA256, f.Rows.SHA256, f.Times.SHA256
	in["seed"] = hexadecimal(FitSeed(r.Spec.Folds.Seed, model, fold))
	if e := r.Spec.Explain; !e.IsZero() && m.Type != config.KM { // explained from the fit, which is not kept
		in["explain"] = map[string]any{"importance": e.Importance, "dependence": e.Dependence, "rows": e.Rows, "version": explainVersion}
	}
	return in, nil
}

// inputs are the inputs that every fit of a model in this run has.
func (r *Run) inputs(m config.Model) (Inputs, error) {
	settings, err := r.modelInputs(m)
	if err != nil {
		return nil, err
	}
	preprocess := r.Spec.Preprocess.NonDefault()
	preprocess["version"] = r.Versions.Preprocess
	in := Inputs{"data": r.Data.Digest, "preprocess": preprocess, "model": settings}
	if r.Spec.Metrics.Convention == mlr3proba {
		in["mlr3proba"] = true
	}
	if splitsAgain(m) {
		r.innerInputs(in)
	}
	return in, nil
}

// hexadecimal writes a seed: JSON numbers end at 2⁵³.
func hexadecimal(seed uint64) string { return strconv.FormatUint(seed, 16) }

// splitsAgain says whether a model forms inner folds of its training rows.
func splitsAgain(m config.Model) bool {
	return m.Type == config.Stack || m.Type == config.Coxnet && m.Settings["select"] == "cv"
}

// innerInputs are what inner folds inherit from the outer ones: groups and stratification.
func (r *Run) innerInputs(in Inputs) {
	if r.Data.Groups != "" {
		in["groups"] = r.Data.Groups
	}
	if r.Spec.Folds.Stratify != "event" { // the introduction default
		in["stratify"] = r.Spec.Folds.Stratify
	}
}

// explainVersion rises when the same fit gives another explanation.
const explainVersion = 1

const (
	mlr3proba = "mlr3proba"
	ofKey     = "of" // a stack's bases
)

// modelInputs are type, algorithm version and settings of a model. Bases of a stack come
// with theirs, under their names: these seed and order them.
func (r *Run) modelInputs(m config.Model) (map[string]any, error) {
	version, ok := r.Versions.Models[m.Type]
	if !ok {
		return nil, fmt.Errorf("no algorithm version of model type %s is known", m.Type)
	}
	in := m.NonDefaultSettings()
	if in == nil {
		in = map[string]any{}
	}
	if listed, isStack := in[ofKey].([]any); isStack {
		names := make([]string, len(listed))
		for i, name := range listed {
			names[i] = fmt.Sprint(name)
		}
		slices.Sort(names)
		bases := make([]any, len(names))
		for i, name := range names {
			base, err := r.Spec.Model(name)
			if err != nil {
				return nil, err
			}
			settings, err := r.modelInputs(base)
			if err != nil {
				return nil, err
			}
			settings["name"] = base.Name
			bases[i] = settings
		}
		in[ofKey] = bases
	}
	in["type"], in["version"] = m.Type, version
	return in, nil
}

// ScoreInputs are the inputs of the score fingerprint: that of the fit, and everything
// else that changes a metric.
func (r *Run) ScoreInputs(fit string) Inputs {
	in := Inputs{"fit": fit, "version": r.Versions.Metric}
	if r.Spec.Metrics.CIndex != "ipcw" { // the introduction default
		in["cindex"] = r.Spec.Metrics.CIndex
	}
	if r.Spec.Metrics.Convention != "riskregression" { // the introduction default
		in["convention"] = r.Spec.Metrics.Convention
	}
	if r.Grid.Tau != nil {
		in["tau"] = *r.Grid.Tau
	}
	return in
}

// fingerprints are both fingerprints of one (model, fold), with the inputs of the first.
type fingerprints struct {
	inputs     Inputs
	fit, score string
}

func (r *Run) fingerprints(model string, fold int) (fingerprints, error) {
	in, err := r.FitInputs(model, fold)
	if err != nil {
		return fingerprints{}, err
	}
	fit := in.Fingerprint()
	return fingerprints{inputs: in, fit: fit, score: r.ScoreInputs(fit).Fingerprint()}, nil
}

// explain says in which inputs a manifest's fit differs from the wanted one.
func (f fingerprints) explain(m *Manifest) string { return f.differences(m.FitInputs) }

// differences names the inputs that are not as wanted.
func (f fingerprints) differences(in Inputs) string {
	found := in.Differences(f.inputs)
	if len(found) == 0 {
		return "its inputs differ"
	}
	return strings.Join(found, ", ")
}
