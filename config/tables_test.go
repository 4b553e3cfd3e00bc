package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every JSON name of a type is a key of its table and the other way round: a key can be
// neither checked and lost, nor bound unchecked.
func TestTablesMatchTypes(t *testing.T) {
	for _, c := range []struct {
		value any
		shape *shape
	}{
		{Spec{}, specShape}, {Data{}, dataShape}, {Preprocess{}, preprocessShape}, {Folds{}, foldsShape},
		{Metrics{}, metricsShape}, {Final{}, finalShape}, {Explain{}, explainShape}, {Store{}, storeShape}, {Tracker{}, trackerShape},
		{Resources{}, resourcesShape}, {Request{}, requestShape},
	} {
		kind := reflect.TypeOf(c.value)
		var tags []string
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			tags = append(tags, name)
		}
		require.Equal(t, tags, c.shape.names(), kind.Name())
	}
}

// Every default passes its own rule unchanged, and every key says what it is for.
func TestDefaultsPassTheirRules(t *testing.T) {
	shapes := []*shape{specShape, requestShape, recoveryShape}
	for i := range modelTypes {
		shapes = append(shapes, modelTypes[i].settings)
	}
	for len(shapes) > 0 {
		s := shapes[0]
		shapes = shapes[1:]
		for _, k := range s.keys {
			require.NotEmpty(t, k.doc, k.name)
			require.NotEmpty(t, k.rule.allowed(), k.name)
			if k.rule.group != nil {
				shapes = append(shapes, k.rule.group)
			}
			if k.def == nil {
				continue
			}
			c := &checker{}
			got, ok := c.value(k.name, fromValue(k.def), k.rule)
			require.True(t, ok, "%s: %v", k.name, c.list)
			want, err := json.Marshal(k.def)
			require.NoError(t, err)
			text, err := json.Marshal(got)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(text), k.name)
		}
	}
}

// Suggestions: near misses only, transpositions counting one.
func TestNearest(t *testing.T) {
	keys := []string{"models", "folds", "ties", "alpha"}
	for got, want := range map[string]string{
		"modles": "models", "Folds": "folds", "alfa": "alpha", "tie": "ties",
		"x": "", "": "", "resources": "", strings.Repeat("models", 20): "",
	} {
		require.Equal(t, want, Nearest(got, keys), got)
	}
	require.Equal(t, 1, editDistance("ca", "ac"))
	require.Equal(t, 3, editDistance("kitten", "sitting"))
}

// Key paths: what parsePath refuses.
func TestParsePathRefuses(t *testing.T) {
	for _, path := range []string{"", ".", "a..b", "a[", "a[x]", "a[1", "a[-1]", "[0]", "a[1]b", strings.Repeat("a.", 40) + "a"} {
		_, err := parsePath(path)
		require.Error(t, err, path)
	}
	steps, err := parsePath("models[1][2].ties")
	require.NoError(t, err)
	require.Equal(t, []step{{name: "models"}, {index: 1}, {index: 2}, {name: "ties"}}, steps)
}
