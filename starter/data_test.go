package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset/synthetic"
)

// Claim: data generate writes the table of package synthetic in the format that the name says,
// replaces what was there, leaves nothing else behind, and says what it wrote.
func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "churn.csv")
	require.NoError(t, os.WriteFile(out, []byte("old"), 0o600))
	i, code := invoke(nil, "data", "generate", "--rows", "30", "--seed", "7", "--out", out, "--json")
	require.Equal(t, 0, code, i.err.String())

	var want bytes.Buffer
	require.NoError(t, synthetic.Table{Rows: 30, Seed: 7}.WriteCSV(t.Context(), &want))
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(content))
	var document generated
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &document))
	require.Equal(t, generated{Out: out, Rows: 30, Seed: 7, Bytes: int64(want.Len())}, document)

	for name, magic := range map[string]string{"churn.csv.gz": "\x1f\x8b", "churn.parquet": "PAR1"} {
		i, code = invoke(nil, "data", "generate", "--rows", "1", "--out", filepath.Join(dir, name))
		require.Equal(t, 0, code, i.err.String())
		require.Contains(t, i.out.String(), name+": 1 row, ")
		content, err = os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, magic, string(content[:len(magic)]))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3)
}

// Claim: what cannot be written is refused with exit code 2, naming what is allowed, before
// anything is written.
func TestGenerateRefusals(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--rows", "0", "--out", filepath.Join(dir, "a.csv")}, "--rows 0: allowed are 1 to 100000000"},
		{[]string{"--rows", "-3", "--out", filepath.Join(dir, "a.csv")}, "--rows -3"},
		{[]string{"--rows", "many", "--out", filepath.Join(dir, "a.csv")}, "many"},
		{[]string{"--seed", "-1", "--out", filepath.Join(dir, "a.csv")}, "--seed"},
		{nil, "--out is missing"},
		{[]string{"--out", filepath.Join(dir, "a.xlsx")}, ".csv, .csv.gz or .parquet"},
		{[]string{"--out", filepath.Join(dir, "none", "a.csv")}, "no folder"},
		{[]string{"more"}, "more"},
	} {
		i, code := invoke(nil, append([]string{"data", "generate"}, c.args...)...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, i.err.String(), c.want)
	}
	i, code := invoke(nil, "data")
	require.Equal(t, 2, code)
	require.Contains(t, i.err.String(), "generate")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
