package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Request is what the operator wants of one execution, beside the spec: it is neither
// part of run.json nor of any digest.
type Request struct {
	Force          []string `json:"force,omitempty"` // "model" or "model:fold", trained again
	OnlyFailed     bool     `json:"only_failed,omitempty"`
	RetrainChanged bool     `json:"retrain_changed,omitempty"`
	Fresh          bool     `json:"fresh,omitempty"`
	Start          Start    `json:"start,omitzero"`
}

// Start is how a starter was told to start the run, so that alerts can say how to go on.
// Nothing is decided by it.
type Start struct {
	Spec     string   `json:"spec,omitempty"` // absolute path of the spec file
	Set      []string `json:"set,omitempty"`  // key=value, as given by --set
	Run      string   `json:"run,omitempty"`  // --run
	Embedded bool     `json:"embedded,omitempty"`
}

// IsZero says that it is not known: the run was started by other means.
func (s Start) IsZero() bool { return s.Spec == "" }

// requestKey is where the workflow's input holds the Request.
const requestKey = "request"

var requestShape = &shape{keys: []key{
	{name: "force", doc: "Models or folds trained again.", rule: rule{list: &listRule{
		item: namePattern("model or model:fold", forceEntry), what: "entries model or model:fold", max: MaxFolds, unique: true,
	}}},
	{name: "only_failed", doc: "Only what failed before.", rule: rule{boolean: true}, def: false},
	{name: "retrain_changed", doc: "Trains again what the spec or data changed.", rule: rule{boolean: true}, def: false},
	{name: "fresh", doc: "Refuses a run that has artifacts.", rule: rule{boolean: true}, def: false},
	{name: "start", doc: "How a starter was told to start the run.", rule: rule{group: startShape}},
}}

var startShape = &shape{keys: []key{
	{name: "spec", doc: "The spec file.", rule: rule{text: &textRule{what: "a path"}}},
	{name: "set", doc: "Assignments of --set.", rule: rule{list: &listRule{
		item: rule{secret: true, text: &textRule{what: "key=value"}}, what: "assignments key=value", max: maxSet,
	}}},
	{name: "run", doc: "The run id of --run.", rule: rule{text: &textRule{what: "a run id"}}},
	{name: "embedded", doc: "It uses a server of its own.", rule: rule{boolean: true}, def: false},
}}

// maxSet bounds the assignments of one start.
const maxSet = 1000

// DecodeInput reads the workflow's input: the JSON form of a spec, with an optional key
// "request". The error is an *Error.
func DecodeInput(data []byte) (*Spec, Request, error) {
	return decodeBeside(data, requestKey, requestShape, func(c *checker, at *node, s *Spec, r Request) {
		for i, entry := range r.Force {
			if text := s.checkForce(entry); text != "" {
				c.add(fmt.Sprintf("%s.force[%d]", requestKey, i), at, "%s", text)
			}
		}
	})
}

// decodeBeside reads the JSON form of a spec with one optional key beside the spec's own, whose
// value check looks at once it has its shape.
func decodeBeside[T any](data []byte, name string, form *shape, check func(c *checker, at *node, s *Spec, v T)) (*Spec, T, error) {
	var none T
	root, p := jsonTree(data)
	if p != nil {
		return nil, none, &Error{Problems: []Problem{*p}}
	}
	at := root.take(name)
	spec, found := decode(root)
	if at == nil || at.kind == nullNode {
		return spec, none, found.err("")
	}
	c := &checker{problems: *found}
	values, ok := c.value(name, at, rule{group: form})
	if !ok || spec == nil {
		return nil, none, c.err("")
	}
	v, err := bindTo[T](values)
	if err != nil {
		c.add(name, at, "%v", err)
	}
	check(c, at, spec, v)
	if len(c.list) > 0 {
		return nil, none, c.err("")
	}
	return spec, v, nil
}

// EncodeInput writes what DecodeInput reads; an empty Request leaves its key out.
func EncodeInput(s *Spec, r Request) ([]byte, error) {
	input := struct {
		*Spec
		Request *Request `json:"request,omitempty"`
	}{Spec: s}
	if len(r.Force) > 0 || r.OnlyFailed || r.RetrainChanged || r.Fresh || !r.Start.IsZero() {
		input.Request = &r
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode workflow input of run %s: %w", s.RunID(), err)
	}
	return text, nil
}

// Check refuses, with an *Error, force entries that name no model or fold of the spec.
func (r Request) Check(s *Spec) error {
	var found problems
	for i, entry := range r.Force {
		text := s.checkForce(entry)
		if !forceEntry.MatchString(entry) {
			text = fmt.Sprintf("%q is not allowed; want model or model:fold", shorten(entry))
		}
		if text != "" {
			found.add(fmt.Sprintf("%s.force[%d]", requestKey, i), nil, "%s", text)
		}
	}
	return found.err("")
}

// bindTo moves checked values into their type.
func bindTo[T any](values any) (r T, err error) {
	text, err := json.Marshal(values)
	if err != nil {
		return r, fmt.Errorf("encode checked values: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("bind checked values: %w", err)
	}
	return r, nil
}

// checkForce says what is wrong with "model" or "model:fold", or "". Fold numbers of a
// folds.file are only known when it is read.
func (s *Spec) checkForce(entry string) string {
	name, fold, hasFold := strings.Cut(entry, ":")
	if _, err := s.Model(name); err != nil {
		var names []string
		for _, m := range s.AllModels() {
			names = append(names, m.Name)
		}
		return fmt.Sprintf("no model %q in models; there are: %s", shorten(name), strings.Join(names, ", "))
	}
	count := s.FoldCount()
	if number, err := strconv.Atoi(fold); hasFold && count > 0 && (err != nil || number >= count) {
		return fmt.Sprintf("no fold %s; folds are 0 to %d", fold, count-1)
	}
	return ""
}

// take removes a key from a map and returns its value.
func (n *node) take(key string) *node {
	for i, f := range n.fields {
		if f.key == key {
			n.fields = append(n.fields[:i], n.fields[i+1:]...)
			return f.value
		}
	}
	return nil
}
