package config

import (
	"bytes"
	"encoding/json"
	"math"
)

// Schema is the JSON Schema (2020-12) of the spec, generated from the tables that check
// it. What concerns several keys (unique model names, entry, native gaps, folds.file) and
// duplicate keys are beyond it: the decoders have the last word.
func Schema() []byte {
	root := specShape.schema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "everfold run spec"
	models := make([]any, len(modelTypes))
	for i := range modelTypes {
		models[i] = modelTypes[i].schema()
	}
	root["$defs"] = map[string]any{"model": map[string]any{"oneOf": models}}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic("config: Schema: the key tables hold a value that is not JSON")
	}
	return out.Bytes()
}

func (s *shape) schema() map[string]any {
	properties := map[string]any{}
	required := []string{}
	for i := range s.keys {
		k := &s.keys[i]
		properties[k.name] = k.schema()
		if k.required || (k.rule.group != nil && k.rule.group.hasRequired()) {
			required = append(required, k.name)
		}
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (s *shape) hasRequired() bool {
	for _, k := range s.keys {
		if k.required {
			return true
		}
	}
	return false
}

func (k *key) schema() map[string]any {
	branches := k.rule.schemas()
	if k.def == nil && !k.required && k.rule.group == nil {
		branches = append(branches, map[string]any{"type": "null"})
	}
	out := anyOf(branches)
	out["description"] = k.doc
	if k.def != nil {
		out["default"] = k.def
	}
	return out
}

func (t *modelType) schema() map[string]any {
	out := t.settings.schema()
	properties := out["properties"].(map[string]any)
	name := namePattern("a name", modelName)
	if t.name == KM {
		name = words(KM)
	}
	properties["name"] = (&key{doc: "Unique; the type where absent.", rule: name, def: t.name}).schema()
	properties["type"] = map[string]any{"const": t.name}
	required, _ := out["required"].([]string)
	out["required"] = append([]string{"type"}, required...)
	out["description"] = t.doc
	return out
}

func anyOf(branches []map[string]any) map[string]any {
	if len(branches) == 1 {
		return branches[0]
	}
	return map[string]any{"anyOf": branches}
}

// schemas is one schema per branch of the rule.
func (r rule) schemas() []map[string]any {
	var out []map[string]any
	if r.words != nil {
		out = append(out, map[string]any{"enum": r.words})
	}
	if r.text != nil {
		s := map[string]any{"type": "string", "minLength": 1, "maxLength": maxText}
		if r.text.pattern != nil {
			s["pattern"] = r.text.pattern.String()
		}
		out = append(out, s)
	}
	if r.number != nil {
		out = append(out, r.number.schema())
	}
	if r.boolean {
		out = append(out, map[string]any{"type": "boolean"})
	}
	if r.duration {
		out = append(out, map[string]any{"type": "string", "pattern": durationForm.String()})
	}
	if r.list != nil {
		out = append(out, r.list.schema())
	}
	if r.group != nil {
		out = append(out, r.group.schema())
	}
	if r.model {
		out = append(out, map[string]any{"$ref": "#/$defs/model"})
	}
	return out
}

func (l *listRule) schema() map[string]any {
	s := map[string]any{"type": "array", "items": anyOf(l.item.schemas())}
	if l.min > 0 {
		s["minItems"] = l.min
	}
	if l.max > 0 {
		s["maxItems"] = l.max
	}
	if l.unique || l.increasing {
		s["uniqueItems"] = true
	}
	return s
}

func (r *numberRule) schema() map[string]any {
	s := map[string]any{"type": "number"}
	if r.integer {
		s["type"] = "integer"
	}
	low, high := "minimum", "maximum"
	if r.openMin {
		low = "exclusiveMinimum"
	}
	if r.openMax {
		high = "exclusiveMaximum"
	}
	s[low] = json.Number(literal(r.min))
	if r.max < math.MaxFloat64 {
		s[high] = json.Number(literal(r.max))
	}
	return s
}
