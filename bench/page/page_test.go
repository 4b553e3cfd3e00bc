package page

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: publishing replaces what is between a command's lines, twice as well as once, and nothing
// else; a page without them is refused and left alone.
func TestPublish(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	const begin, end = "<!-- x: begin -->\n", "<!-- x: end -->\n"
	require.NoError(t, os.WriteFile(page, []byte("# Head\n"+begin+"old\n"+end+"tail\n"), 0o600))
	require.NoError(t, Publish(page, "x", "new\n"))
	require.NoError(t, Publish(page, "x", "newer\n"))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, "# Head\n"+begin+"newer\n"+end+"tail\n", string(text))

	require.ErrorContains(t, Publish(page, "y", "new\n"), "has no lines")
	require.Error(t, Publish(filepath.Join(t.TempDir(), "none.md"), "x", "new\n"))
}

// Claim: a results file is what was saved, in a folder that is made; what JSON cannot hold and a
// path that cannot be are errors.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "x.json")
	require.NoError(t, Save(path, Here()))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var back Machine
	require.NoError(t, json.Unmarshal(content, &back))
	require.NotEmpty(t, back.Processor)
	require.Contains(t, back.String(), back.Go)
	require.Error(t, Save(path, func() {}))
	require.Error(t, Save(filepath.Join(path, "below"), 1))
}
