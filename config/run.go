package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// RunID is "<type>/<run>": the folder of the run in its store and its name in commands.
func (s *Spec) RunID() string { return string(s.Type) + "/" + s.Run }

// WorkflowID is "everfold/<type>/<run>", the run's lock.
func (s *Spec) WorkflowID() string { return "everfold/" + s.RunID() }

// Check refuses, with an *Error, a spec that no document could have given: one that did not
// come from ParseYAML or DecodeJSON, but from who knows where.
func (s *Spec) Check() error {
	if s == nil {
		return &Error{Problems: []Problem{{Text: "there is none"}}}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return &Error{Problems: []Problem{{Text: "it holds a number that is not finite"}}}
	}
	_, err = DecodeJSON(text)
	return err
}

// CheckRun refuses, with an *Error, a type and a name of a run that no spec may have.
func CheckRun(t RunType, run string) error {
	var found problems
	if t != Sample && t != Production {
		found.add("type", nil, "%q is not allowed; want %s or %s", shorten(string(t)), Sample, Production)
	}
	if !runName.MatchString(run) {
		found.add("run", nil, "%q is not allowed; want a name matching %s", shorten(run), runName)
	}
	return found.err("")
}

// CheckNames refuses, with an *Error, names that no document could have given a run and its
// models: of a spec that a program has read from elsewhere.
func (s *Spec) CheckNames() error {
	if err := CheckRun(s.Type, s.Run); err != nil {
		return err
	}
	var found problems
	for i, m := range s.Models {
		if !modelName.MatchString(m.Name) || !modelName.MatchString(m.Type) { // a type may be of a later program
			found.add(fmt.Sprintf("models[%d]", i), nil, "%q of type %q is no model", shorten(m.Name), shorten(m.Type))
		}
	}
	return found.err("")
}

// IsModelName says that a model may have that name.
func IsModelName(name string) bool { return modelName.MatchString(name) }

// IsNotifyName says that an environment variable may hold an alert's URL.
func IsNotifyName(name string) bool { return notifyName.MatchString("${" + name + "}") }

// FoldCount is k × repeats, and 0 where folds.file decides.
func (s *Spec) FoldCount() int {
	if s.Folds.File != "" {
		return 0
	}
	return s.Folds.K * s.Folds.Repeats
}

// Digest is the SHA-256 (hex) of the spec's JSON form, which has one fixed order of keys
// and every default written out: equal for all texts that mean the same run. It panics on
// numbers that JSON cannot hold, which no decoded Spec has.
func (s *Spec) Digest() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("config: Digest: the spec holds a number that is not finite")
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// CheckAvailable refuses, with an *Error, model types that are not in available: a spec
// may be valid under the contract before every type is built.
func (s *Spec) CheckAvailable(available []string) error {
	known := map[string]bool{KM: true}
	for _, t := range available {
		known[t] = true
	}
	var found problems
	for _, m := range s.Models {
		if !known[m.Type] {
			found.add("models."+m.Name+".type", nil, "%s is not available yet; available: %s", m.Type, strings.Join(available, ", "))
		}
	}
	return found.err("")
}
