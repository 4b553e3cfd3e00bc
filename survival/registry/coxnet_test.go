package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
)

// Each setting of coxnet acts: it gives another model file than the defaults.
func TestCoxnetSettingsAct(t *testing.T) {
	x, y, err := oracle.Load("../..", "whas500")
	if err != nil {
		t.Fatal(err)
	}
	y.Entry, y.Weight = nil, nil
	kind, _ := Lookup("coxnet")
	fit := func(settings string) []byte {
		m, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings), survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		file, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	defaults := fit("")
	if !bytes.Equal(defaults, fit(`{"l1_ratio": 0.5, "alphas": 100, "alpha_min_ratio": 0.01, "standardize": false, "select": "cv", "inner_folds": 5, "rule": "min"}`)) {
		t.Error("the defaults are not those of the contract")
	}
	for _, settings := range []string{`{"l1_ratio": 1}`, `{"alphas": 20}`, `{"alpha_min_ratio": 0.1}`, `{"standardize": true}`,
		`{"select": "last"}`, `{"inner_folds": 3}`, `{"rule": "1se"}`} {
		if bytes.Equal(defaults, fit(settings)) {
			t.Errorf("settings %s change nothing", settings)
		}
	}
}
