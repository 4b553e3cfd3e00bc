package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"everfold/config"
)

// NotComparableError says why the scores of two runs cannot be set side by side.
type NotComparableError struct {
	Reasons []string // each names what differs, and both values where they are short
}

// Error is "their scores cannot be compared: …".
func (e *NotComparableError) Error() string {
	return "their scores cannot be compared: " + strings.Join(e.Reasons, "; ")
}

// SharedFolds are the folds of the same number that two runs have in common. Scores of a fold
// can be compared where both runs have the same data, the same test and training rows, and
// metrics by the same definitions on the same time grid; *NotComparableError where any of it
// differs, or no fold is left. Folds that only one of the runs has are left out: a run with
// more repeats shares those of the other.
func SharedFolds(a, b *Run) ([]FoldInfo, error) {
	reasons := metricReasons(a, b)
	if a.Data.Digest != b.Data.Digest {
		return nil, &NotComparableError{append([]string{dataReason(a, b)}, reasons...)}
	}
	var shared []FoldInfo
	var rows, times []int
	for _, f := range a.Folds {
		other, err := b.Fold(f.Index)
		switch {
		case err != nil: // only A has it
		case f.Rows.SHA256 != other.Rows.SHA256 || f.TrainSHA256 != other.TrainSHA256:
			rows = append(rows, f.Index)
		case f.Times.SHA256 != other.Times.SHA256:
			times = append(times, f.Index)
		default:
			shared = append(shared, f)
		}
	}
	switch {
	case len(rows) > 0:
		reasons = append(reasons, foldsText(rows)+" other rows"+settingsText(a.Spec, b.Spec, "folds.", "data.group"))
	case len(times) > 0:
		reasons = append(reasons, foldsText(times)+" another time grid")
	case len(shared) == 0:
		reasons = append(reasons, "no fold has the same number in both")
	}
	if len(reasons) > 0 {
		return nil, &NotComparableError{reasons}
	}
	return shared, nil
}

func dataReason(a, b *Run) string {
	text := fmt.Sprintf("the data differ: %d rows and %d events (digest %.12s), and %d rows and %d events (digest %.12s)",
		a.Data.Rows, a.Data.Events, a.Data.Digest, b.Data.Rows, b.Data.Events, b.Data.Digest)
	return text + settingsText(a.Spec, b.Spec, "data.")
}

// metricReasons name what enters the scores and differs.
func metricReasons(a, b *Run) []string {
	var reasons []string
	differ := func(what, x, y string) {
		if x != y {
			reasons = append(reasons, fmt.Sprintf("%s is %s and %s", what, x, y))
		}
	}
	differ("metrics.cindex", string(a.Spec.Metrics.CIndex), string(b.Spec.Metrics.CIndex))
	differ("metrics.convention", string(a.Spec.Metrics.Convention), string(b.Spec.Metrics.Convention))
	differ("tau", tauText(a.Grid.Tau), tauText(b.Grid.Tau))
	differ("the version of the metrics", strconv.Itoa(a.Versions.Metric), strconv.Itoa(b.Versions.Metric))
	return reasons
}

func tauText(tau *float64) string {
	if tau == nil {
		return "none"
	}
	return number(*tau)
}

func foldsText(folds []int) string {
	words := make([]string, len(folds))
	for i, f := range folds {
		words[i] = strconv.Itoa(f)
	}
	if len(words) == 1 {
		return "fold " + words[0] + " has"
	}
	return "folds " + strings.Join(words, ", ") + " have"
}

// settingsText is " (folds.seed: 42 and 7)": what differs of the settings with such names.
func settingsText(a, b *config.Spec, prefixes ...string) string {
	var parts []string
	for _, d := range SpecDifferences(a, b) {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(d.Key, p) }) {
			parts = append(parts, fmt.Sprintf("%s: %s and %s", d.Key, d.A, d.B))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// SettingDifference is one setting that two specs have differently. Values are JSON; an
// absent one is null.
type SettingDifference struct {
	Key string          `json:"key"`
	A   json.RawMessage `json:"a"`
	B   json.RawMessage `json:"b"`
}

// SpecDifferences lists the settings that differ, sorted by key; those of a model under its
// name, as --set takes them. What says where a run is (run, type, store) is left out, and
// models that only one of the specs has.
func SpecDifferences(a, b *config.Spec) []SettingDifference {
	left, right := settingsOf(a), settingsOf(b)
	one, other := left["models"].(map[string]any), right["models"].(map[string]any)
	left["models"], right["models"] = common(one, other), common(other, one)
	var found []SettingDifference
	for _, key := range Inputs(left).Differences(Inputs(right)) {
		found = append(found, SettingDifference{key, valueAt(left, key), valueAt(right, key)})
	}
	return found
}

// settingsOf is a spec as nested maps, with the models by name.
func settingsOf(s *config.Spec) map[string]any {
	content, err := json.Marshal(s)
	settings := map[string]any{}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(content))
		d.UseNumber() // a seed has more digits than a float64
		err = d.Decode(&settings)
	}
	if err != nil {
		panic("artifact: a spec that is not JSON") // no decoded spec is
	}
	for _, key := range []string{"run", "type", "store"} {
		delete(settings, key)
	}
	models := map[string]any{}
	list, _ := settings["models"].([]any)
	for i, entry := range list {
		model, _ := entry.(map[string]any)
		delete(model, "name")
		models[s.Models[i].Name] = model
	}
	settings["models"] = models
	return settings
}

// common are the entries of models that other has, too.
func common(models, other map[string]any) map[string]any {
	both := map[string]any{}
	for name, settings := range models {
		if _, has := other[name]; has {
			both[name] = settings
		}
	}
	return both
}

// valueAt is the value of a key such as "models.cox_ph.ties"; names have no dots.
func valueAt(settings map[string]any, key string) json.RawMessage {
	var value any = settings
	for _, step := range strings.Split(key, ".") {
		nested, _ := value.(map[string]any)
		value = nested[step]
	}
	content, err := json.Marshal(value)
	if err != nil {
		panic("artifact: a setting that is not JSON")
	}
	return content
}
