package config

import (
	"encoding/json"
	"fmt"
)

// Option changes how ParseYAML reads a spec.
type Option func(*options)

type options struct {
	assignments []string
}

// WithSet applies "key=value" assignments (the command line's --set) to the document
// before it is checked, so that they meet the same rules and messages. Keys are dotted
// paths with indices, "folds.k" or "models[0].alpha"; "models.cox_ph.alpha" finds a model
// by name. Values are YAML: "3", "[a, b]", "~".
func WithSet(assignments ...string) Option {
	return func(o *options) { o.assignments = append(o.assignments, assignments...) }
}

// ParseYAML reads a spec file: strictly, with every default filled in and every rule of
// the contract checked. file is its name for messages and may be empty. The error is an
// *Error with all problems found, each with its line.
func ParseYAML(data []byte, file string, opts ...Option) (*Spec, error) {
	var o options
	for _, option := range opts {
		option(&o)
	}
	root, p := yamlTree(data)
	if p == nil {
		root, p = assign(root, o.assignments)
	}
	if p != nil {
		return nil, &Error{File: file, Problems: []Problem{*p}}
	}
	spec, found := decode(root)
	return spec, found.err(file)
}

// DecodeJSON reads the JSON form with the same rules as ParseYAML. Lines are given where
// the text has more than one.
func DecodeJSON(data []byte) (*Spec, error) {
	root, p := jsonTree(data)
	if p != nil {
		return nil, &Error{Problems: []Problem{*p}}
	}
	spec, found := decode(root)
	return spec, found.err("")
}

// decode checks a document: the tables first, then what concerns several keys. The Spec
// is nil where anything was found.
func decode(root *node) (*Spec, *problems) {
	c := &checker{}
	if root == nil || root.kind != mapNode {
		got := "empty"
		if root != nil && root.kind != nullNode {
			got = root.class() + " instead of keys"
		}
		c.add("", root, "%s; a run spec needs at least run, type, data.uri, data.time and data.event", got)
		return nil, &c.problems
	}
	shape := specShape
	ignored := foldFileGiven(root)
	if ignored {
		shape = withFoldFile()
	}
	values := c.group("", root, shape)
	if len(c.list) > 0 {
		return nil, &c.problems
	}
	if ignored {
		resetFolds(values)
	}
	spec, err := bind(values)
	if err != nil {
		c.add("", root, "%v", err)
		return nil, &c.problems
	}
	v := &validator{spec: spec, root: root}
	v.run()
	if len(v.list) > 0 {
		return nil, &v.problems
	}
	spec.dropBaseline()
	if spec.Explain.IsZero() { // rows alone mean nothing
		spec.Explain = Explain{}
	}
	return spec, &v.problems
}

// bind moves checked values into the types; the tables and the types agree by test.
func bind(values map[string]any) (*Spec, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode checked values: %w", err)
	}
	spec := &Spec{}
	if err := json.Unmarshal(text, spec); err != nil {
		return nil, fmt.Errorf("bind checked values: %w", err)
	}
	return spec, nil
}

// foldFileKeys are ignored where folds.file is given.
var foldFileKeys = []string{"k", "repeats", "stratify"}

func foldFileGiven(root *node) bool {
	file := root.get("folds").get("file")
	return file != nil && file.kind != nullNode
}

// withFoldFile is specShape where the ignored keys may have any value of their type.
func withFoldFile() *shape {
	folds := &shape{reserved: foldsShape.reserved}
	for _, k := range foldsShape.keys {
		switch k.name {
		case "k", "repeats":
			k.rule = integer(-maxExact, maxExact)
		case "stratify":
			k.rule = free("text")
		}
		folds.keys = append(folds.keys, k)
	}
	out := &shape{reserved: specShape.reserved}
	for _, k := range specShape.keys {
		if k.name == "folds" {
			k.rule.group = folds
		}
		out.keys = append(out.keys, k)
	}
	return out
}

// resetFolds makes ignored mean ignored: they do not reach digests either.
func resetFolds(values map[string]any) {
	folds := values["folds"].(map[string]any)
	for _, name := range foldFileKeys {
		folds[name] = foldsShape.find(name).def
	}
}

func (s *Spec) dropBaseline() {
	kept := make([]Model, 0, len(s.Models))
	for _, m := range s.Models {
		if m.Type != KM {
			kept = append(kept, m)
		}
	}
	s.Models = kept
}
