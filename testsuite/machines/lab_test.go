//go:build linux

package machines

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/local"
	"everfold/testsuite/harness"
)

const (
	runName = "shared"
	folds   = 4 // of each model
	// data is the shipped table, where every machine reads it.
	data = "s3://" + harness.S3Bucket + "/data/veteran.csv"
	// shared is the store of the machines.
	shared = "s3://" + harness.S3Bucket + "/runs"

	linear  = "{type: cox_ph}, {type: weibull_aft}"
	boosted = linear + ", {type: gbsa, trees: 20}"
)

// lab is a Temporal server, with settings if need be, and an S3 server with the table.
type lab struct {
	t      testing.TB
	server *harness.TemporalServer
	bucket *harness.S3Server
	disks  string // where all machines have theirs
}

func newLab(t testing.TB, settings ...string) *lab {
	t.Helper()
	l := &lab{t: t, server: harness.Unstarted(t), bucket: harness.S3(t), disks: t.TempDir()}
	l.server.Dynamic = settings
	l.server.Restart()
	table, err := os.ReadFile(veteran(t))
	require.NoError(t, err)
	_, err = store.PutBytes(t.Context(), l.bucket.Store(""), "data/veteran.csv", table, store.Condition{})
	require.NoError(t, err)
	return l
}

func veteran(t testing.TB) string {
	t.Helper()
	return filepath.Join(harness.Root(t), "examples", "data", "veteran.csv")
}

// start starts `starter run` beside the servers.
func (l *lab) start(store, data, models string) *harness.Process {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "spec.yaml")
	text := fmt.Sprintf(`run: %s
type: production
data: {uri: '%s', time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: %d, seed: 42}
models: [%s]
final: {models: [weibull_aft]}
store: {uri: '%s'}
`, runName, data, folds, models, store)
	require.NoError(l.t, os.WriteFile(path, []byte(text), 0o600))
	return harness.StartStarter(l.t, harness.Env{Address: l.server.Address, Set: l.bucket.Env()}, "run", path, "--json")
}

// tree is what the machines have left in their store.
func (l *lab) tree() harness.Tree {
	l.t.Helper()
	return harness.ReadTree(l.t, l.bucket.Store("runs"), artifact.Folder("production", runName), data)
}

// requireSound: every artifact verifies, nothing is missing and nothing too many.
func (l *lab) requireSound(want harness.Tree, fits int) {
	l.t.Helper()
	require.Empty(l.t, want.Differences(l.tree()))
	r := harness.Starter(l.t, harness.Env{Address: l.server.Address, Set: l.bucket.Env()},
		"recover", shared+"/production/"+runName, "--dry-run", "--json")
	require.Zero(l.t, r.Exit, "%s%s", r.Stdout, r.Stderr)
	var report struct{ Intact int }
	require.NoError(l.t, json.Unmarshal([]byte(r.Stdout), &report))
	require.Equal(l.t, fits, report.Intact)
}

// reference is what the run of boosted leaves on a single machine with a local store.
var reference struct {
	sync.Mutex
	tree harness.Tree
}

// alone returns the reference, made once.
func alone(t *testing.T) harness.Tree {
	t.Helper()
	reference.Lock()
	defer reference.Unlock()
	if reference.tree != nil {
		return reference.tree
	}
	l := &lab{t: t, server: harness.Server(t), bucket: harness.S3(t)}
	dir := t.TempDir()
	w := harness.Worker(t, l.server.Address)
	harness.Completed(t, l.start(dir, veteran(t), boosted))
	require.Zero(t, w.Stop())
	s, err := local.Open(dir)
	require.NoError(t, err)
	reference.tree = harness.ReadTree(t, s, artifact.Folder("production", runName), veteran(t))
	return reference.tree
}
