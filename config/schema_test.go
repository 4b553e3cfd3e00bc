package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"everfold/config"
)

var update = flag.Bool("update", false, "rewrite docs/spec.schema.json")

const shippedSchema = "../docs/spec.schema.json"

// The shipped schema is what the tables give: go test ./config -update writes it.
func TestShippedSchemaIsCurrent(t *testing.T) {
	if *update {
		require.NoError(t, os.WriteFile(shippedSchema, config.Schema(), 0o644))
	}
	shipped, err := os.ReadFile(shippedSchema)
	require.NoError(t, err)
	require.Equal(t, string(config.Schema()), string(shipped))
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("spec.json", document))
	schema, err := c.Compile("spec.json")
	require.NoError(t, err)
	return schema
}

func instance(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal([]byte(text), &v))
	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	return out
}

// The schema accepts what the decoder accepts, as written and with defaults filled in.
func TestSchemaAccepts(t *testing.T) {
	schema := compiledSchema(t)
	for name, text := range accepted {
		t.Run(name, func(t *testing.T) {
			s := parse(t, text)
			encoded, err := json.Marshal(s)
			require.NoError(t, err)
			full, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(full))
			if name == "burk" || name == "exponent" {
				return // keys ignored beside folds.file; 1e-4, which the test's YAML reader takes for text
			}
			require.NoError(t, schema.Validate(instance(t, text)))
		})
	}
}

// The schema refuses what the decoder refuses, but for rules across keys and inside texts.
func TestSchemaRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for _, c := range allRefusals() {
		if c.across {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			require.Error(t, schema.Validate(instance(t, c.document())))
		})
	}
}
