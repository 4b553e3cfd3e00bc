package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"everfold/survival"
)

func data() (*survival.Design, survival.Outcome) {
	return &survival.Design{Rows: 6, Strata: []int{0, 1, 1, 0, 0, 1}, Columns: []survival.Column{{Name: "x", Values: []float64{1, 2, 0, 1, 0, 2}}}},
		survival.Outcome{Time: []float64{2, 3, 3, 5, 6, 7}, Event: []bool{true, true, true, false, true, false}}
}

func ExampleLookup() {
	kind, ok := Lookup("cox_ph")
	if !ok {
		panic("unknown type")
	}
	x, y := data()
	m, err := kind.Fit(context.Background(), x, y, json.RawMessage(`{"ties": "breslow"}`), survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s %.4f\n", m.Type(), m.Report().Coefficients[0].Value)
	// Output: cox_ph -0.3136
}

// Every type fits with default settings, in every way of writing none, names itself, and
// its file decodes to a model with equal bytes.
func TestEveryType(t *testing.T) {
	x, y := data()
	for _, typ := range Types() {
		kind, ok := Lookup(typ)
		if !ok || kind.Type != typ || kind.Version < 1 || kind.Entry != slices.Contains([]string{"cox_ph", "cox_stratified", "km", "weibull_aft"}, typ) {
			t.Fatalf("%s: %+v, %v", typ, kind, ok)
		}
		var files [][]byte
		for _, settings := range defaults(typ) {
			m, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings), survival.FitOptions{})
			if err != nil {
				t.Fatalf("%s with settings %q: %v", typ, settings, err)
			}
			file, err := m.MarshalBinary()
			if err != nil || m.Type() != typ {
				t.Fatalf("%s calls itself %q: %v", typ, m.Type(), err)
			}
			files = append(files, file)
		}
		back, err := kind.Decode(files[0])
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		if kind.Read != nil {
			if back, err = kind.Read(bytes.NewReader(files[0]), int64(len(files[0]))); err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			if _, err := kind.Read(bytes.NewReader(files[0][1:]), int64(len(files[0])-1)); !errors.Is(err, survival.ErrBadModelFile) {
				t.Errorf("%s: %v", typ, err)
			}
		}
		again, err := back.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range append(files, again) {
			if !bytes.Equal(f, files[0]) {
				t.Errorf("%s: bytes differ", typ)
			}
		}
		if m, err := kind.Decode(nil); m != nil || !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s decodes nothing to %v, %v", typ, m, err)
		}
		none := y
		none.Event = make([]bool, 6)
		if m, err := kind.Fit(context.Background(), x, none, json.RawMessage(defaults(typ)[0]), survival.FitOptions{}); m != nil || !errors.Is(err, survival.ErrNoEvents) {
			t.Errorf("%s without events: %v, %v", typ, m, err)
		}
	}
}

// defaults are the ways of writing no settings; only strata and bases have no
// default.
func defaults(typ string) []string {
	switch typ {
	case "stack":
		return []string{`{"of": [{"name": "cox", "type": "cox_ph"}, {"name": "km", "type": "km"}]}`,
			`{"of": [{"type": "km", "name": "km"}, {"ties": "efron", "type": "cox_ph", "name": "cox"}]}`}
	case "cox_stratified":
		return []string{`{"strata": ["site"]}`, ` {"strata": ["site"]} `}
	}
	return []string{"", "null", "{}", " { }\n"}
}

// The types are listed in order; others are unknown.
func TestTypes(t *testing.T) {
	if got := Types(); !slices.Equal(got, []string{"cox_ph", "cox_stratified", "coxnet", "gbsa", "km", "orsf", "rsf", "stack", "weibull_aft"}) {
		t.Errorf("types %v", got)
	}
	if _, ok := Lookup("cox"); ok {
		t.Error("an unknown type was found")
	}
}

// Settings that are not allowed are a SettingsError that names the type.
func TestSettingsAreStrict(t *testing.T) {
	x, y := data()
	for typ, list := range map[string][]string{
		"cox_ph":         {`{"tie": "efron"}`, `{"ties": "exact"}`, `{"ties": 1}`, `{"alpha": -1}`, `{"alpha": "1"}`, `{} {}`, `[]`, `{`},
		"cox_stratified": {`{}`, `{"strata": []}`, `{"strata": "site"}`, `{"strata": ["site"], "ties": "exact"}`, `{"strata": ["site"], "alpha": -1}`},
		"coxnet": {`{"alpha": 1}`, `{"l1_ratio": 0}`, `{"l1_ratio": 1.1}`, `{"alphas": 0}`, `{"alpha_min_ratio": 1}`, `{"alpha_min_ratio": 0}`,
			`{"standardize": 1}`, `{"select": "first"}`, `{"inner_folds": 1}`, `{"rule": "max"}`},
		"km":          {`{"alpha": 0}`, `1`},
		"weibull_aft": {`{"alpha": 0}`, `"x"`},
		"gbsa": {`{"lambda": -1}`, `{"lambda": "1"}`, `{"column_sample": 0}`, `{"validation": 1}`, `{"validation": -0.1}`, `{"patience": -1}`, `{"trees": 0}`, `{"learning_rate": 0}`, `{"learning_rate": 1.5}`, `{"depth": 0}`, `{"subsample": 0}`,
			`{"min_leaf": 0}`, `{"leaf": "median"}`, `{"bins": 256}`, `{"bins": "255"}`},
		"rsf": {`{"tree": 1}`, `{"trees": 0}`, `{"subsample": 0}`, `{"subsample": 1.1}`, `{"curve": "median"}`, `{"min_split": 1}`, `{"min_leaf": 0}`, `{"mtry": 0}`, `{"mtry": "log2"}`, `{"mtry": 1.5}`,
			`{"depth": -1}`, `{"bootstrap": 1}`, `{"bins": 10}`},
		"orsf": {`{"bins": 255}`, `{"trees": 0}`, `{"min_split": 1}`, `{"min_leaf": 0}`, `{"min_stat": -1}`, `{"mtry": 0}`, `{"depth": -1}`, `{"bootstrap": 1}`},
		"stack": {`{}`, `{"of": []}`, `{"of": ["cox_ph"]}`, `{"of": [{}]}`, `{"of": [{"name": "a"}]}`, `{"of": [{"type": "km"}]}`,
			`{"of": [{"name": "a", "type": "cox"}]}`, `{"of": [{"name": "a", "type": "stack", "of": []}]}`,
			`{"of": [{"name": "a", "type": "cox_stratified", "strata": ["site"]}]}`, `{"weights": "equal"}`,
			`{"of": [{"name": "a", "type": "km"}, {"name": "a", "type": "cox_ph"}]}`},
	} {
		kind, _ := Lookup(typ)
		for _, settings := range list {
			var refused *SettingsError
			_, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings), survival.FitOptions{})
			if !errors.As(err, &refused) || refused.Type != typ {
				t.Errorf("%s with settings %s: %v", typ, settings, err)
			}
		}
	}
}

// Settings act: a ridge shrinks the coefficient.
func TestSettingsAct(t *testing.T) {
	x, y := data()
	kind, _ := Lookup("cox_ph")
	fit := func(settings string) float64 {
		m, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings), survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return m.Report().Coefficients[0].Value
	}
	free, ridge, ties := fit(`{}`), fit(`{"alpha": 5}`), fit(`{"ties": "breslow"}`)
	if !(free < ridge && ridge < 0) || ties == free {
		t.Errorf("coefficients %g, with ridge %g, with Breslow ties %g", free, ridge, ties)
	}
}

// Settings of tree ensembles act: each gives another model file than the defaults, or than
// the number of trees alone.
func TestTreeSettingsAct(t *testing.T) {
	x := &survival.Design{Rows: 600, Columns: make([]survival.Column, 3)}
	y := survival.Outcome{}
	for j := range x.Columns {
		x.Columns[j] = survival.Column{Name: string(rune('a' + j)), Values: make([]float64, x.Rows)}
	}
	for i := range x.Rows {
		for j := range x.Columns {
			x.Columns[j].Values[i] = float64((i*(37+j*j*11) + j) % (601 - j))
		}
		y.Time = append(y.Time, 1+float64(i%97)+x.Columns[1].Values[i]/5)
		y.Event = append(y.Event, i%3 > 0)
	}
	for typ, list := range map[string][]string{
		"gbsa": {`{"trees": 9}`, `{"trees": 9, "learning_rate": 0.2}`, `{"trees": 9, "depth": 2}`, `{"trees": 9, "subsample": 0.5}`,
			`{"trees": 9, "min_leaf": 60}`, `{"trees": 9, "leaf": "newton"}`, `{"trees": 9, "bins": "exact"}`, `{"trees": 9, "column_sample": 0.5}`, `{"trees": 9, "lambda": 5}`,
			`{"trees": 9, "leaf": "newton", "lambda": 0}`, `{"trees": 9, "validation": 0.2}`, `{"trees": 99, "validation": 0.2, "patience": 0}`,
			`{"trees": 99, "validation": 0.2, "patience": 1}`},
		"orsf": {`{"trees": 9}`, `{"trees": 9, "min_split": 60}`, `{"trees": 9, "min_leaf": 25}`, `{"trees": 9, "min_stat": 1}`, `{"trees": 9, "mtry": "all"}`,
			`{"trees": 9, "mtry": 1}`, `{"trees": 9, "depth": 1}`, `{"trees": 9, "bootstrap": false}`},
		"rsf": {`{"trees": 9}`, `{"trees": 9, "subsample": 0.632}`, `{"trees": 9, "subsample": 0.632, "bootstrap": false}`, `{"trees": 9, "curve": "hazard"}`, `{"trees": 9, "min_split": 50}`, `{"trees": 9, "min_leaf": 9}`, `{"trees": 9, "mtry": "all"}`,
			`{"trees": 9, "mtry": 2}`, `{"trees": 9, "depth": 2}`, `{"trees": 9, "bootstrap": false}`, `{"trees": 9, "bins": "exact"}`},
	} {
		kind, _ := Lookup(typ)
		files := map[string]string{}
		for _, settings := range list {
			m, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings), survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			file, err := m.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if other, same := files[string(file)]; same {
				t.Errorf("%s: %s and %s give the same model", typ, settings, other)
			}
			files[string(file)] = settings
		}
	}
}
