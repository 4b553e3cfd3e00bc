package config_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
)

// Neither decoder panics; each gives a spec or an *Error, and an accepted spec survives
// its own JSON.
func FuzzParseYAML(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(text))
	}
	for _, c := range allRefusals() {
		f.Add([]byte(c.document()))
	}
	f.Add([]byte("a: &a [*a, !!x {? b : - c}]\n--- |\n x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkDecoded(t, func() (*config.Spec, error) { return config.ParseYAML(data, "f.yaml") })
	})
}

// Whatever bytes come, decoding ends with a spec that survives a round trip, or an *Error.
func FuzzDecodeJSON(f *testing.F) {
	for _, text := range accepted {
		s, err := config.ParseYAML([]byte(text), "")
		require.NoError(f, err)
		encoded, err := json.Marshal(s)
		require.NoError(f, err)
		f.Add(encoded)
	}
	f.Add([]byte(`{"run":1e400,"models":[{"type":null}],"run":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkDecoded(t, func() (*config.Spec, error) { return config.DecodeJSON(data) })
		checkDecoded(t, func() (*config.Spec, error) {
			s, _, err := config.DecodeInput(data)
			return s, err
		})
	})
}

// Whatever --set says, parsing ends with a spec or an *Error.
func FuzzSet(f *testing.F) {
	f.Add("models[0].alpha=1")
	f.Add("models.rsf={type: km}")
	f.Add("folds=~")
	f.Fuzz(func(t *testing.T, assignment string) {
		checkDecoded(t, func() (*config.Spec, error) {
			return config.ParseYAML([]byte(minimal), "", config.WithSet(assignment, "folds.k=3"))
		})
	})
}

func checkDecoded(t *testing.T, decode func() (*config.Spec, error)) {
	s, err := decode()
	if err != nil {
		var typed *config.Error
		require.True(t, errors.As(err, &typed))
		require.NotEmpty(t, typed.Problems)
		require.Nil(t, s)
		return
	}
	encoded, err := json.Marshal(s)
	require.NoError(t, err)
	again, err := config.DecodeJSON(encoded)
	require.NoError(t, err)
	require.Equal(t, s, again)
}
