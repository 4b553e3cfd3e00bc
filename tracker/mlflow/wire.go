package mlflow

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// number is a metric value as the API has it: JSON has no NaN and no infinities, so they
// travel as strings.
type number float64

func (v number) MarshalJSON() ([]byte, error) {
	switch f := float64(v); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
	}
}

func (v *number) UnmarshalJSON(text []byte) error {
	f, err := strconv.ParseFloat(unquoted(text), 64) // reads "NaN" and "Infinity" too
	if err != nil {
		return fmt.Errorf("metric value %s", text)
	}
	*v = number(f)
	return nil
}

// whole is an integer of the API: a number, or, by the letter of protobuf's JSON, a string.
type whole int64

func (v *whole) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(unquoted(text), 10, 64)
	if err != nil {
		return fmt.Errorf("integer %s", text)
	}
	*v = whole(n)
	return nil
}

func unquoted(text []byte) string {
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1]
	}
	return string(text)
}

type pair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type metric struct {
	Key       string `json:"key"`
	Value     number `json:"value"`
	Timestamp whole  `json:"timestamp"`
	Step      whole  `json:"step"`
}

type experiment struct {
	ID        string `json:"experiment_id"`
	Name      string `json:"name"`
	Lifecycle string `json:"lifecycle_stage"`
}

// run is a run as the server describes it; of each metric it tells the latest point only.
type run struct {
	Info struct {
		ID          string `json:"run_id"`
		Status      string `json:"status"`
		Start       whole  `json:"start_time"`
		End         whole  `json:"end_time"`
		ArtifactURI string `json:"artifact_uri"`
	} `json:"info"`
	Data struct {
		Metrics []metric `json:"metrics"`
		Params  []pair   `json:"params"`
		Tags    []pair   `json:"tags"`
	} `json:"data"`
}

func (r *run) tag(key string) string { return valueOf(r.Data.Tags, key) }

func valueOf(pairs []pair, key string) string {
	for _, p := range pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

func mapOf(pairs []pair) map[string]string {
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p.Key] = p.Value
	}
	return out
}

// batch is the body of runs/log-batch.
type batch struct {
	RunID   string   `json:"run_id"`
	Metrics []metric `json:"metrics,omitempty"`
	Params  []pair   `json:"params,omitempty"`
	Tags    []pair   `json:"tags,omitempty"`
}

// size bounds the JSON of an entry from above, but for escapes that triple it.
func (p pair) size() int { return len(p.Key) + len(p.Value) + 40 }

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("mlflow: " + err.Error()) // every type above has a JSON form
	}
	return text
}
