package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Lines come by package, in the order in which their test began them.
func TestTable(t *testing.T) {
	output := `{"Package":"b","Test":"T","Output":"    x.go:1: agreement: | two | r | q | 2e-9 |\n"}
{"Package":"b","Test":"T","Output":"    x.go:1: agreement: | one | r | q | 0 |\n"}
{"Package":"b","Test":"T","Output":"ok\n"}
{"Package":"a","Test":"U","Output":"    x.go:1: agreement: | zero | r | q | 1e-9 |\n"}
`
	lines, err := table([]byte(output))
	require.NoError(t, err)
	require.Equal(t, []string{"| zero | r | q | 1e-9 |", "| one | r | q | 0 |", "| two | r | q | 2e-9 |"}, lines)
	_, err = table([]byte("go: no such package"))
	require.Error(t, err)
}

// The table is put between its markers; a page without them is refused.
func TestReplace(t *testing.T) {
	got, err := replace([]byte("a\n"+begin+"old\n"+end+"z\n"), []string{"| x |"})
	require.NoError(t, err)
	require.Equal(t, "a\n"+begin+header+"| x |\n"+end+"z\n", string(got))
	_, err = replace([]byte("a\n"+begin), nil)
	require.ErrorIs(t, err, errMarkers)
}

// The README has a table, with lines that four cells fill.
func TestREADMEHasTable(t *testing.T) {
	text, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), begin+header)
	inner, _, found := strings.Cut(rest, end)
	require.True(t, found)
	lines := strings.Split(strings.TrimSpace(inner), "\n")
	require.Greater(t, len(lines), 20)
	for _, line := range lines {
		require.Len(t, strings.Split(strings.ReplaceAll(line, `\|`, ""), "|"), 6, line)
	}
}
