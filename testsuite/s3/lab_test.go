package s3

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/local"
	"everfold/testsuite/harness"
)

// folds of each of three models: 9 fits a run.
const folds = 3

// lab is a Temporal server with an S3 server, and programs that have its credentials.
type lab struct {
	t      *testing.T
	server *harness.TemporalServer
	bucket *harness.S3Server
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return &lab{t: t, server: harness.Server(t), bucket: harness.S3(t)}
}

// worker starts an unmodified bin/worker that has the credentials.
func (l *lab) worker(args ...string) *harness.Process {
	l.t.Helper()
	p := harness.StartProgram(l.t, harness.Env{Address: l.server.Address, Set: harness.S3Keys()}, harness.WorkerBinary(l.t), args...)
	p.WaitFor("worker is serving")
	return p
}

// veteran is the shipped table.
func veteran(t *testing.T) string {
	t.Helper()
	return filepath.Join(harness.Root(t), "examples", "data", "veteran.csv")
}

// runName is that of every run: the next begins when the one before has ended, in a store of
// its own.
const runName = "veteran"

// spec writes a spec of a run on a table, with the store as given.
func (l *lab) spec(data, store string) string {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "spec.yaml")
	text := fmt.Sprintf(`run: %s
type: production
data: {uri: '%s', time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: %d, seed: 42}
models: [{type: cox_ph}, {type: weibull_aft}]
final: {models: [weibull_aft]}
store: {%s}
`, runName, data, folds, store)
	require.NoError(l.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// at is a store on the S3 server, reached at url, in the words of a spec.
func at(url, prefix string) string {
	return fmt.Sprintf("uri: s3://%s/%s, endpoint: '%s', path_style: true, region: us-east-1", harness.S3Bucket, prefix, url)
}

// start starts `starter run`.
func (l *lab) start(spec string) *harness.Process {
	l.t.Helper()
	return harness.StartStarter(l.t, harness.Env{Address: l.server.Address, Set: harness.S3Keys()}, "run", spec, "--json")
}

// starter runs a command that knows the S3 server by its environment.
func (l *lab) starter(exit int, args ...string) harness.Result {
	l.t.Helper()
	r := harness.Starter(l.t, harness.Env{Address: l.server.Address, Set: l.bucket.Env()}, args...)
	require.Equal(l.t, exit, r.Exit, "starter %s\n%s%s", strings.Join(args, " "), r.Stdout, r.Stderr)
	return r
}

// undisturbed is what the run leaves in a local store.
func (l *lab) undisturbed() harness.Tree {
	l.t.Helper()
	dir := l.t.TempDir()
	require.Equal(l.t, 3*folds, harness.Completed(l.t, l.start(l.spec(veteran(l.t), "uri: "+dir))).Trained)
	s, err := local.Open(dir)
	require.NoError(l.t, err)
	return treeOf(l.t, s, veteran(l.t))
}

// treeOf is what a run on these data has left in a store.
func treeOf(t *testing.T, s store.Store, data string) harness.Tree {
	t.Helper()
	return harness.ReadTree(t, s, artifact.Folder("production", runName), data)
}

// requireEqual tells which files differ without printing them.
func requireEqual(t *testing.T, want, got harness.Tree, what string) {
	t.Helper()
	require.Empty(t, want.Differences(got), what)
}
