package examples_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/examples"
)

// Install writes every shipped file with its layout, repairs a damaged one and leaves the
// good ones untouched.
func TestInstall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "quickstart")
	require.NoError(t, examples.Install(dir))

	spec := filepath.Join(dir, examples.Quickstart)
	before, err := os.Stat(filepath.Join(dir, "data", "hdfail.csv"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(spec, []byte("run: damaged"), 0o644))

	require.NoError(t, examples.Install(dir))
	shipped, err := fs.ReadFile(examples.FS(), examples.Quickstart)
	require.NoError(t, err)
	installed, err := os.ReadFile(spec)
	require.NoError(t, err)
	require.Equal(t, string(shipped), string(installed))
	after, err := os.Stat(filepath.Join(dir, "data", "hdfail.csv"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a good file was written again")

	left, err := filepath.Glob(filepath.Join(dir, ".install-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// Install says which file it could not write.
func TestInstallReportsFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, examples.Quickstart), 0o755)) // a folder in its place
	err := examples.Install(dir)
	require.ErrorContains(t, err, examples.Quickstart)
}

// The provenance page lists the digest of every table, and the digests are right.
func TestProvenance(t *testing.T) {
	page, err := fs.ReadFile(examples.FS(), "data/PROVENANCE.md")
	require.NoError(t, err)
	tables, err := fs.Glob(examples.FS(), "data/*.csv")
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		content, err := fs.ReadFile(examples.FS(), table)
		require.NoError(t, err)
		digest := sha256.Sum256(content)
		line := hex.EncodeToString(digest[:]) + "  " + strings.TrimPrefix(table, "data/")
		require.Contains(t, string(page), line)
	}
}
