package archtest

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is the module's root, seen from this package's folder.
var repository = os.DirFS("../..")

// Claim: the source tree obeys every rule of this package.
func TestRepository(t *testing.T) {
	files, err := Load(repository)
	require.NoError(t, err)
	require.Greater(t, len(files), 20, "the tree was not found")
	for name, check := range map[string]func([]File) []string{
		"imports": CheckImports, "sizes": CheckSizes, "comments": CheckComments, "forbidden": CheckForbidden,
	} {
		t.Run(name, func(t *testing.T) { report(t, check(files)) })
	}
}

// Claim: what a newcomer expects at the root is there.
func TestTopLevel(t *testing.T) { report(t, CheckTopLevel(repository)) }

// Claim: files that tests compare with say where they are from.
func TestProvenance(t *testing.T) {
	bad, err := CheckProvenance(repository)
	require.NoError(t, err)
	report(t, bad)
}

// Claim: every direct dependency has its reason in DECISIONS, and no other module has one.
func TestDependenciesAreExplained(t *testing.T) {
	goMod, err := fs.ReadFile(repository, "go.mod")
	require.NoError(t, err)
	decisions, err := fs.ReadFile(repository, "docs/DECISIONS.md")
	require.NoError(t, err)
	report(t, CheckDependencies(string(goMod), string(decisions)))
}

func report(t *testing.T, bad []string) {
	t.Helper()
	if len(bad) > 0 {
		t.Errorf("%d violations:\n%s", len(bad), strings.Join(bad, "\n"))
	}
}
