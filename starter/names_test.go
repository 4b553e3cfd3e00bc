package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/examples"
)

// Claim: names that lead out of a store, or are none, are refused by every command, and make no file.
func TestHostileNames(t *testing.T) {
	twoRuns(t)
	require.NoError(t, examples.Install("examples"))
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"status production/../production/base", 2, []string{"is not a run"}},
		{"cancel production/..", 2, []string{"is not a run"}},
		{"results production/../../x", 4, []string{"no run in "}},
		{"run examples/veteran.yaml --run ../x", 2, []string{"run", `"../x" is not allowed`}},
		{"run examples/veteran.yaml --force ../x", 2, []string{"--force"}},
		{"predict production/base --data examples/data/veteran.csv --out a.csv --model ../../x", 2, []string{`--model "../../x"`}},
		{"recover outputs/production/base --model ../x", 2, []string{"../x"}},
		{"schedule show production/../x", 2, []string{"is not a schedule"}},
		{"schedule create examples/veteran.yaml --cron 0_2_*_*_* --run-template ../{date}", 2, []string{"names matching"}},
	} {
		i, code := invoke(&fakeServer{}, strings.Fields(c.line)...)
		require.Equal(t, c.code, code, "%s\n%s", c.line, i.err.String())
		for _, want := range c.want {
			require.Contains(t, i.err.String(), want, c.line)
		}
		require.NoFileExists(t, "a.csv")
	}
}
