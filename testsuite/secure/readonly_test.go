package secure

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// confined is a shell script that runs a command where nothing can be written: the root and
// what holds $HOME, $STORE apart, and $TMPDIR where $SPACE is yes.
const confined = `set -e
mount --make-rprivate /
mount --bind "$STORE" "$STORE"
mount --bind "$HOME" "$HOME"
mount -o remount,bind,ro "$HOME"
mount --bind "$TMPDIR" "$TMPDIR"
if [ "$SPACE" = yes ]; then mount -t tmpfs tmpfs "$TMPDIR"; else mount -o remount,bind,ro "$TMPDIR"; fi
mount -o remount,bind,ro /
if touch "$HOME/x" 2>/dev/null; then echo "not confined"; exit 99; fi
exec "$@"`

// confine is the command line of confined: with a user namespace of its own where this
// process is not root.
func confine(t *testing.T, command ...string) []string {
	t.Helper()
	unshare := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		unshare = []string{"unshare", "--user", "--map-root-user", "--mount"}
	}
	out, err := exec.CommandContext(t.Context(), unshare[0], append(unshare[1:], "true")...).CombinedOutput()
	require.NoError(t, err, "this test needs mount namespaces (util-linux, and root or user namespaces): %s", out)
	return append(append(unshare, "sh", "-c", confined, "sh"), command...)
}

// Claim: a worker needs no writable file system but its store. On a read-only root it serves
// runs with a temporary folder, where a store elsewhere has its log files, and without any:
// then those go to its terminal alone, and it says which variable would change that.
func TestReadOnlyRoot(t *testing.T) {
	t.Parallel()
	l := newSecretLab(t)
	store := filepath.Join(l.env.Dir, "outputs")
	require.NoError(t, os.Mkdir(store, 0o755))
	for space, says := range map[string]string{"yes": "worker is serving", "no": "set TMPDIR"} {
		line := confine(t, harness.WorkerBinary(t))
		worker := harness.StartProgram(t, l.with("STORE="+store, "SPACE="+space), line[0], line[1:]...)
		l.said = append(l.said, worker)
		worker.WaitFor("worker is serving")
		l.run(l.env, 0, "s3-"+space)
		l.starter(l.env, 0, "run", "examples/veteran.yaml", "--run", "local-"+space)
		require.FileExists(t, filepath.Join(store, "production", "local-"+space, "report", "index.html"))
		require.Contains(t, worker.Stderr(), says)
		require.Equal(t, 0, worker.Stop())
		list, err := l.store().List(t.Context(), "production/s3-"+space+"/logs/")
		require.NoError(t, err)
		require.Equal(t, map[string]int{"yes": 3, "no": 0}[space], len(list))
	}
}
