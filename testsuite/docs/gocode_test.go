package docs

import (
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// Claim: every Go program in the pages is formatted, compiles in a module of its own, and
// prints what it says.
func TestGoPrograms(t *testing.T) {
	root := harness.Root(t)
	var programs []Program
	for _, page := range pages(t, root) {
		found, err := Programs(page, pageText(t, root, page))
		require.NoError(t, err)
		programs = append(programs, found...)
	}
	require.NotEmpty(t, programs)
	module := outside(t, root)
	for i, p := range programs {
		t.Run(fmt.Sprintf("%s:%d", p.Page, p.Line), func(t *testing.T) {
			dir := filepath.Join(module, fmt.Sprintf("program%d", i))
			require.NoError(t, os.Mkdir(dir, 0o755))
			for k, file := range p.Files {
				formatted, err := format.Source([]byte(file))
				require.NoError(t, err)
				require.Equal(t, string(formatted), file, "not as gofmt has it")
				require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%d.go", k)), []byte(file), 0o644))
			}
			require.Equal(t, p.Output, goRun(t, dir, "run", "."))
		})
	}
}

// Claim: the library, its helpers for tests apart, needs nothing but gonum and the standard
// library.
func TestTheLibraryIsALeaf(t *testing.T) {
	root := harness.Root(t)
	args := []string{"list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}"}
	for _, p := range strings.Fields(goRun(t, root, "list", "./survival/...")) {
		if !strings.HasSuffix(p, "/survtest") && !strings.HasSuffix(p, "/oracle") {
			args = append(args, p)
		}
	}
	for _, p := range strings.Fields(goRun(t, root, args...)) {
		require.True(t, strings.HasPrefix(p, "everfold/survival") || strings.HasPrefix(p, "gonum.org/v1/gonum/"), p)
	}
}

// outside is a module beside the repository that takes everfold from it.
func outside(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/mine\n\ngo 1.26\n\nrequire everfold v0.0.0\n\nreplace everfold => "+root+"\n"), 0o644))
	return dir
}

func goRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var trouble strings.Builder
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir, c.Stderr = dir, &trouble
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod") // go.mod lists no indirect modules
	out, err := c.Output()
	require.NoError(t, err, trouble.String())
	return string(out)
}

// Claim: a program is found with its line, the files it shares and its output; one that does
// not say what it prints is an error.
func TestPrograms(t *testing.T) {
	const shared, first, second = "package main\n\nvar x = 1\n", "package main\n\nfunc main() { println(x) }\n\n// Output:\n// 1\n", "package main\n\nfunc main() {}\n\n// Output:\n"
	page := "# T\n```go\n" + shared + "```\n```yaml\nx: 1\n```\n```go\n" + first + "```\n```go\n" + second + "```\n"
	programs, err := Programs("P.md", page)
	require.NoError(t, err)
	require.Equal(t, []Program{
		{Page: "P.md", Line: 11, Files: []string{shared, first}, Output: "1\n"},
		{Page: "P.md", Line: 19, Files: []string{shared, second}},
	}, programs)
	_, err = Programs("P.md", "```go\npackage main\n\nfunc main() {}\n```\n")
	require.ErrorContains(t, err, "P.md:1: the program does not end with")
	_, err = Programs("P.md", "```go\n")
	require.ErrorContains(t, err, "never closed")
}
