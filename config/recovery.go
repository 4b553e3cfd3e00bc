package config

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Stage is a part of a recovery that needs a worker.
type Stage string

// The stages, in their order. Metrics and summary are made anew in all of them.
const (
	StageFolds       Stage = "folds"       // fits what is missing or damaged
	StageFinal       Stage = "final"       // fits the final models
	StagePredictions Stage = "predictions" // predicts, and writes the report
)

// Recovery is what the operator wants of one RecoverRun, beside the spec of run.json.
type Recovery struct {
	Model string  `json:"model,omitempty"` // the final model, in place of those of final.models
	Only  []Stage `json:"only,omitempty"`  // none: every stage
}

// Has says whether a stage is wanted.
func (r Recovery) Has(s Stage) bool { return len(r.Only) == 0 || slices.Contains(r.Only, s) }

// recoveryKey is where RecoverRun's input holds the Recovery.
const recoveryKey = "recover"

var recoveryShape = &shape{keys: []key{
	{name: "model", doc: "The final model to fit and to predict from.", rule: namePattern("a model's name", modelName)},
	{name: "only", doc: "The stages that are wanted.", rule: rule{list: &listRule{
		item: words(string(StageFolds), string(StageFinal), string(StagePredictions)), what: "stages", max: 3, unique: true,
	}}},
}}

// DecodeRecovery reads RecoverRun's input: the JSON form of a spec, with an optional key
// "recover". The error is an *Error.
func DecodeRecovery(data []byte) (*Spec, Recovery, error) {
	return decodeBeside(data, recoveryKey, recoveryShape, func(c *checker, at *node, s *Spec, r Recovery) {
		if text := r.problem(s); text != "" {
			c.add(recoveryKey+".model", at, "%s", text)
		}
	})
}

// problem says what is wrong with Model, or "".
func (r Recovery) problem(s *Spec) string {
	if r.Model == "" {
		return ""
	}
	return s.checkForce(r.Model)
}

// EncodeRecovery writes what DecodeRecovery reads.
func EncodeRecovery(s *Spec, r Recovery) ([]byte, error) {
	input := struct {
		*Spec
		Recovery *Recovery `json:"recover,omitempty"`
	}{Spec: s}
	if r.Model != "" || len(r.Only) > 0 {
		input.Recovery = &r
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode the recovery of %s: %w", s.RunID(), err)
	}
	return text, nil
}
