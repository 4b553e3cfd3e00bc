package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/oracle"
)

func fitOn(t *testing.T, typ, settings string) survival.Model {
	t.Helper()
	x, y, err := oracle.Load("../..", "whas500")
	if err != nil {
		t.Fatal(err)
	}
	y.Entry, y.Weight = nil, nil
	kind, _ := Lookup(typ)
	m, err := kind.Fit(context.Background(), x, y, json.RawMessage(settings), survival.FitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bytesOf(t *testing.T, m survival.Model) []byte {
	t.Helper()
	file, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Settings of the bases act within the stack, names seed them, and the order in which they
// are listed does not matter.
func TestStackSettingsAct(t *testing.T) {
	first := bytesOf(t, fitOn(t, "stack", `{"of": [{"name": "a", "type": "rsf", "trees": 5}, {"name": "b", "type": "gbsa", "trees": 9}]}`))
	if !bytes.Equal(first, bytesOf(t, fitOn(t, "stack", `{"of": [{"name": "b", "type": "gbsa", "trees": 9}, {"name": "a", "type": "rsf", "trees": 5}]}`))) {
		t.Error("the order of the bases matters")
	}
	for _, settings := range []string{
		`{"of": [{"name": "a", "type": "rsf", "trees": 6}, {"name": "b", "type": "gbsa", "trees": 9}]}`,
		`{"of": [{"name": "c", "type": "rsf", "trees": 5}, {"name": "b", "type": "gbsa", "trees": 9}]}`,
		`{"of": [{"name": "a", "type": "rsf", "trees": 5}]}`,
	} {
		if bytes.Equal(first, bytesOf(t, fitOn(t, "stack", settings))) {
			t.Errorf("settings %s change nothing", settings)
		}
	}
}

// A base's own error of settings is the stack's.
func TestStackOfBadSettings(t *testing.T) {
	x, y := data()
	kind, _ := Lookup("stack")
	var refused *SettingsError
	_, err := kind.Fit(context.Background(), x, y, json.RawMessage(`{"of": [{"name": "a", "type": "rsf", "trees": 0}]}`), survival.FitOptions{})
	if !errors.As(err, &refused) || refused.Type != "rsf" {
		t.Errorf("trees 0 of a base: %v", err)
	}
}

// A file with a base of a type that cannot be one is refused, however well-formed.
func TestStackFileOfForeignBase(t *testing.T) {
	kind, _ := Lookup("stack")
	base := bytesOf(t, fitOn(t, "km", ""))
	for typ, want := range map[string]bool{"km": true, "stack": false, "cox_stratified": false, "cox": false} {
		w := modelfile.NewWriter("stack", 1)
		w.Strings(nil)
		w.Floats(nil)
		w.Bool(true)
		w.String("name")
		w.Float(1)
		w.String(typ)
		w.File(base)
		w.Bool(false)
		w.Report(survival.Report{})
		if _, err := kind.Decode(w.Bytes()); (err == nil) != want || err != nil && !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("base of type %s: %v", typ, err)
		}
	}
}
