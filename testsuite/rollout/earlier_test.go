package rollout

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// from names another commit to upgrade from.
const from = "EVERFOLD_UPGRADE_FROM"

var earlier = struct {
	sync.Mutex
	program string
	err     string
}{}

// earlierWorker builds bin/worker of an earlier commit, once.
func earlierWorker(t *testing.T) string {
	t.Helper()
	earlier.Lock()
	defer earlier.Unlock()
	if earlier.program == "" {
		earlier.program = buildEarlier(t)
	}
	return earlier.program
}

func buildEarlier(t *testing.T) string {
	t.Helper()
	root, dir := harness.Root(t), t.TempDir()
	commit := earlierCommit(t, root)
	t.Logf("upgrading from %s", git(t, root, "log", "-1", "--format=%h %s", commit))
	git(t, root, "archive", "--output="+filepath.Join(dir, "tree.tar"), commit)
	tree := filepath.Join(dir, "tree")
	require.NoError(t, os.Mkdir(tree, 0o755))
	run(t, dir, "tar", "-xf", "tree.tar", "-C", tree)
	program := filepath.Join(root, ".cache", "rollout", "worker")
	// As `make build` does: packages that have not changed since come from Go's cache.
	run(t, tree, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./worker")
	return program
}

// earlierCommit is the last release before HEAD, else the commit before.
func earlierCommit(t *testing.T, root string) string {
	t.Helper()
	if name := os.Getenv(from); name != "" {
		return git(t, root, "rev-parse", "--verify", "--end-of-options", name+"^{commit}")
	}
	parent, err := output(root, "git", "rev-parse", "--verify", "--quiet", "HEAD^")
	require.NoError(t, err, "no commit before HEAD is here, and this test upgrades from its worker. A shallow clone gets it by "+
		"`git fetch --deepen=1`; a copy without history has to be a clone (git clone). %s", parent)
	if tag, err := output(root, "git", "describe", "--tags", "--abbrev=0", "--match=v[0-9]*", parent); err == nil {
		return tag
	}
	return parent
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return run(t, dir, "git", args...)
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	out, err := output(dir, program, args...)
	require.NoError(t, err, "%s %s\n%s", program, strings.Join(args, " "), out)
	return out
}

func output(dir, program string, args ...string) (string, error) {
	c := exec.Command(program, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
