package registry

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// Whatever the bytes behind a good digest, every type's Decode fails as ErrBadModelFile or
// gives a model that predicts without panic.
func FuzzDecode(f *testing.F) {
	x, y := data()
	x.Columns = append(x.Columns, survival.Column{Name: "y", Values: []float64{0, 0, 1, 1, 0, 1}})
	settings := map[string]string{"gbsa": `{"trees": 2}`, "rsf": `{"trees": 2, "min_leaf": 1, "min_split": 2}`, "orsf": `{"trees": 2, "min_leaf": 1}`}
	for _, typ := range Types() {
		kind, _ := Lookup(typ)
		if settings[typ] == "" {
			settings[typ] = defaults(typ)[0]
		}
		m, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings[typ]), survival.FitOptions{})
		if err != nil {
			f.Fatal(err)
		}
		file, err := m.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file[:len(file)-32])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		file := modelfile.Seal(body)
		for _, typ := range Types() {
			kind, _ := Lookup(typ)
			m, err := kind.Decode(file)
			if err == nil {
				predictAny(t, m)
			} else if !errors.Is(err, survival.ErrBadModelFile) {
				t.Fatalf("%s: %v", typ, err)
			}
		}
	})
}

// predictAny asks a model, which may be nonsense, for a row of its columns.
func predictAny(t *testing.T, m survival.Model) {
	x := &survival.Design{Rows: 1, Strata: []int{0}}
	for _, name := range m.Columns() {
		x.Columns = append(x.Columns, survival.Column{Name: name, Values: []float64{0.5}})
	}
	var refused *survival.ColumnError // a column twice
	if err := m.Risk(context.Background(), x, make([]float64, 1)); err != nil && !errors.As(err, &refused) {
		t.Logf("risk: %v", err)
	}
	_ = m.Survival(context.Background(), x, []float64{1, 4}, func(int, []float64) error { return nil }) // errors are allowed
}
