package secure

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/examples"
)

// exampleFolder is a current folder with the shipped examples in examples/.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, examples.Install(filepath.Join(dir, "examples")))
	return dir
}
