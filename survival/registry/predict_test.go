package registry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"everfold/survival"
)

// Forests answer a query while they are fitted, with the bits and the settings of their
// models; settings that Fit refuses are refused there, too.
func TestPredict(t *testing.T) {
	x, y := data()
	opt := survival.FitOptions{Seed: 3, Query: survival.Query{Design: x, Times: []float64{1, 3, 6}}}
	var with []string
	for _, typ := range Types() {
		kind, _ := Lookup(typ)
		if kind.Predict == nil {
			continue
		}
		with = append(with, typ)
		settings := json.RawMessage(`{"trees": 5, "min_leaf": 1, "min_split": 2}`)
		got, err := kind.Predict(context.Background(), x, y, settings, opt)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		m, err := kind.Fit(context.Background(), x, y, settings, opt)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		risk := make([]float64, x.Rows)
		if err := m.Risk(context.Background(), x, risk); err != nil || !slices.Equal(risk, got.Risk) {
			t.Errorf("%s: risks %v, want %v, %v", typ, got.Risk, risk, err)
		}
		if got.Report.Iterations != 5 {
			t.Errorf("%s: %d trees", typ, got.Report.Iterations)
		}
		var bad *SettingsError
		for _, refused := range []string{`{"trees": 0}`, `{"tree": 1}`} {
			if _, err := kind.Predict(context.Background(), x, y, json.RawMessage(refused), opt); !errors.As(err, &bad) {
				t.Errorf("%s, %s: %v", typ, refused, err)
			}
		}
	}
	if !slices.Equal(with, []string{"orsf", "rsf"}) {
		t.Errorf("%v answer queries", with)
	}
}
