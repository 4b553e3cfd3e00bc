package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// MarshalJSON writes one flat object: name, type, then the settings in key order.
func (m Model) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}{m.Name, m.Type})
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	if len(m.Settings) == 0 {
		return head, nil
	}
	settings, err := json.Marshal(m.Settings)
	if err != nil {
		return nil, fmt.Errorf("encode settings of model %s: %w", m.Name, err)
	}
	return slices.Concat(bytes.TrimSuffix(head, []byte("}")), []byte(","), settings[1:]), nil
}

// UnmarshalJSON reads what MarshalJSON writes. It neither checks nor fills in: that is
// for ParseYAML and DecodeJSON.
func (m *Model) UnmarshalJSON(data []byte) error {
	var values map[string]any
	if err := json.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("decode model: %w", err)
	}
	name, _ := values["name"].(string)
	kind, _ := values["type"].(string)
	delete(values, "name")
	delete(values, "type")
	if values == nil {
		values = map[string]any{}
	}
	*m = Model{Name: name, Type: kind, Settings: values}
	return nil
}

// SettingsJSON is every setting of the model with its value, keys sorted: what a
// learner's constructor takes. It panics on values that JSON cannot hold, which no
// decoded Spec has.
func (m Model) SettingsJSON() json.RawMessage {
	if len(m.Settings) == 0 {
		return json.RawMessage("{}")
	}
	text, err := json.Marshal(m.Settings)
	if err != nil {
		panic("config: SettingsJSON: settings are not JSON values")
	}
	return text
}

// FitSettings is SettingsJSON of a model of the spec, with the bases of a stack (name, type
// and settings, sorted by name) in place of their names. A base that the spec lacks, which
// no decoded Spec has, is left out.
func (s *Spec) FitSettings(m Model) json.RawMessage {
	if m.Type != Stack {
		return m.SettingsJSON()
	}
	names := m.strings("of")
	slices.Sort(names)
	var bases []any
	for _, name := range names {
		if base, err := s.Model(name); err == nil {
			bases = append(bases, base)
		}
	}
	m.Settings = maps.Clone(m.Settings)
	m.Settings["of"] = bases
	return m.SettingsJSON()
}

// NonDefaultSettings is the settings that differ from the default at their introduction,
// for fingerprints: a setting added later leaves old fingerprints as they are.
func (m Model) NonDefaultSettings() map[string]any {
	t := findType(m.Type)
	if t == nil {
		return maps.Clone(m.Settings)
	}
	return nonDefault(m.Settings, t.settings)
}

// NonDefault is the preprocess keys that differ from their introduction default, as
// JSON values, for fingerprints.
func (p Preprocess) NonDefault() map[string]any {
	text, err := json.Marshal(p)
	if err != nil {
		panic("config: NonDefault: rare_level is not finite")
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		panic("config: NonDefault: own JSON does not decode")
	}
	return nonDefault(values, preprocessShape)
}

func nonDefault(values map[string]any, s *shape) map[string]any {
	out := map[string]any{}
	for name, v := range values {
		if k := s.find(name); k == nil || k.def == nil || !reflect.DeepEqual(v, plain(k.def)) {
			out[name] = v
		}
	}
	return out
}

// plain is a table default as decoded JSON has it: numbers are float64.
func plain(v any) any {
	number, ok := v.(json.Number)
	if !ok {
		return v
	}
	f, err := number.Float64()
	if err != nil {
		panic("config: a default is not a number: " + number.String())
	}
	return f
}

func (m *Model) strings(key string) []string {
	list, _ := m.Settings[key].([]any)
	out := make([]string, 0, len(list))
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
