package docs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// blockLimit is how long one block may take. The longest builds the programs, or trains.
const blockLimit = 4 * time.Minute

// pages are the pages in the order in which their commands run: README first, as a reader
// would.
func pages(t *testing.T, root string) []string {
	t.Helper()
	all := []string{"README.md", "CHANGELOG.md", "SECURITY.md"}
	docs, err := fs.Glob(os.DirFS(root), "docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, docs)
	return append(all, docs...)
}

func pageText(t *testing.T, root, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	return string(text)
}

// Claim: every command in the pages does what the page says: it ends with the status given,
// 0 if none is, in a fresh copy of the repository with nothing of the developer's own.
func TestCommands(t *testing.T) {
	root := harness.Root(t)
	var blocks []Block
	for _, page := range pages(t, root) {
		found, err := Blocks(page, pageText(t, root, page))
		require.NoError(t, err)
		blocks = append(blocks, found...)
	}
	place := newPlace(t, root)
	done := map[string]bool{} // a page may repeat a block of another: it is run once
	for _, b := range blocks {
		script := b.Script()
		if b.Untested != "" || done[commandText(b)] {
			continue
		}
		done[commandText(b)] = true
		t.Run(fmt.Sprintf("%s:%d", b.Page, b.Line), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), blockLimit)
			defer cancel()
			out, err := shell(ctx, place.dir, place.env, script)
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func commandText(b Block) string {
	var s strings.Builder
	for _, c := range b.Commands {
		s.WriteString(c.Text + "\n")
	}
	return s.String()
}

// Claim: a command that no test runs has its reason in TESTING, which lists no other.
func TestUntestedCommandsAreListed(t *testing.T) {
	root := harness.Root(t)
	_, list, found := strings.Cut(pageText(t, root, "docs/TESTING.md"), "## Commands that no test runs\n")
	require.True(t, found, "docs/TESTING.md has no section on commands that no test runs")
	list, _, _ = strings.Cut(list, "\n## ")
	var listed []string
	for line := range strings.Lines(list) {
		if reason, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok {
			listed = append(listed, reason)
		}
	}
	for _, page := range pages(t, root) {
		blocks, err := Blocks(page, pageText(t, root, page))
		require.NoError(t, err)
		for _, b := range blocks {
			if b.Untested != "" && !slices.Contains(listed, b.Untested) {
				t.Errorf("%s:%d: the reason %q is not in docs/TESTING.md", b.Page, b.Line, b.Untested)
			}
		}
	}
	require.LessOrEqual(t, len(listed), 6, "too many reasons: run the commands instead")
}

// Claim: every path and relative link in the pages exists in the repository.
func TestPathsExist(t *testing.T) {
	root := harness.Root(t)
	repository := os.DirFS(root)
	entries, err := fs.ReadDir(repository, ".")
	require.NoError(t, err)
	top := []string{"bin"}
	for _, e := range entries {
		if e.Name() != ".cache" { // what tests install there is there or not
			top = append(top, e.Name())
		}
	}
	for _, page := range pages(t, root) {
		for _, m := range Mentions(page, pageText(t, root, page), top) {
			if !Exists(repository, m.Path) {
				t.Errorf("%s:%d: %s does not exist", page, m.Line, m.Path)
			}
		}
	}
}

// place is where commands run: a copy of the repository with its programs built.
type place struct {
	dir string
	env []string
}

// newPlace copies the repository without its history and its outputs, puts the programs
// into its bin/, and starts a server and a worker for commands that talk to one.
func newPlace(t *testing.T, root string) place {
	t.Helper()
	python := sksurv(t, root)
	programs := harness.Binaries(t)
	server := harness.Server(t)
	worker := harness.Worker(t, server.Address)
	t.Cleanup(func() { worker.Stop() })

	base := t.TempDir()
	dir := filepath.Join(base, "everfold")
	copyTree(t, root, dir)
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	require.NoError(t, copyFile(programs.Starter, filepath.Join(bin, "starter")))
	require.NoError(t, copyFile(programs.Worker, filepath.Join(bin, "worker")))
	if os.Link(programs.Temporal, filepath.Join(bin, "temporal")) != nil { // another file system
		require.NoError(t, copyFile(programs.Temporal, filepath.Join(bin, "temporal")))
	}
	env := append(goSettings(t),
		"PATH="+bin+":"+python+":"+os.Getenv("PATH"), "HOME="+base, "EVERFOLD_HOME="+filepath.Join(base, ".everfold"),
		"NO_COLOR=1", "TEMPORAL_ADDRESS="+server.Address, "TEMPORAL_CONFIG_FILE="+os.DevNull)
	return place{dir: dir, env: env}
}

// sksurv is the folder of a Python with scikit-survival, which pages compare with.
func sksurv(t *testing.T, root string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(root, "testsuite", "docs", "install.sh")).CombinedOutput()
	require.NoError(t, err, string(out))
	return filepath.Join(root, ".cache", "sksurv", "bin")
}

// goSettings are the developer's Go caches and proxy, as NAME=value. They change no result,
// only how long building takes.
func goSettings(t *testing.T) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOSUMDB", "GOFLAGS", "GOTOOLCHAIN"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	require.NoError(t, err)
	values := strings.Split(string(out), "\n")
	var settings []string
	for i, name := range names {
		settings = append(settings, name+"="+values[i])
	}
	return settings
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "outputs", ".cache"}, rel) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return copyFile(p, filepath.Join(to, rel))
	})
	require.NoError(t, err)
}

// copyFile keeps mode and time: make compares times.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
