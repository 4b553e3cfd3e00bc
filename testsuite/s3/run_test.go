package s3

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/testsuite/harness"
)

// A whole run on S3, its data there too, leaves what one in a local folder leaves, byte for
// byte but for what tells when and where it ran. Another start reuses all of it. Commands
// that are given a URI read it; no file holds the credentials.
func TestRunIsTheLocalStores(t *testing.T) {
	l := newLab(t)
	worker := l.worker()
	want := l.undisturbed()

	data, err := os.ReadFile(veteran(t))
	require.NoError(t, err)
	bucket := l.bucket.Store("")
	_, err = store.PutBytes(t.Context(), bucket, "data/veteran.csv", data, store.Condition{})
	require.NoError(t, err)
	elsewhere := "s3://" + harness.S3Bucket + "/data/veteran.csv"
	spec := l.spec(elsewhere, at(l.bucket.URL, "runs"))
	e := harness.Completed(t, l.start(spec))
	require.Equal(t, 3*folds, e.Trained)
	requireEqual(t, want, treeOf(t, l.bucket.Store("runs"), elsewhere), "S3")
	again := harness.Completed(t, l.start(spec))
	require.Equal(t, 3*folds, again.Reused)

	worker.Stop()
	l.commands(spec)
	l.requireLogs(bucket)
	infos, err := bucket.List(t.Context(), "")
	require.NoError(t, err)
	for _, info := range infos {
		content, _, err := store.ReadAll(t.Context(), bucket, info.Key, 1<<30)
		require.NoError(t, err)
		require.NotContains(t, string(content), harness.S3SecretKey, info.Key)
		require.NotContains(t, string(content), harness.S3AccessKey, info.Key)
	}
}

// commands reads a finished run by every command that needs no server.
func (l *lab) commands(spec string) {
	l.t.Helper()
	root := "s3://" + harness.S3Bucket + "/runs"
	folder := root + "/production/" + runName
	require.Contains(l.t, l.starter(0, "list", "--store", root).Stdout, "9 of 9")
	require.Contains(l.t, l.starter(0, "plan", spec).Stdout, "0 to train, 0 to rescore, 9 to reuse")
	csv := l.starter(0, "results", folder, "--format", "csv").Stdout
	summary, _, err := store.ReadAll(l.t.Context(), l.bucket.Store("runs"), "production/"+runName+"/"+artifact.SummaryKey, 1<<20)
	require.NoError(l.t, err)
	require.Equal(l.t, string(summary), csv)
	l.starter(0, "results", "production/"+runName, "--store", root)
	l.starter(0, "summary", folder)
	data, out := "s3://"+harness.S3Bucket+"/data/veteran.csv", filepath.Join(l.t.TempDir(), "scored.csv")
	l.starter(0, "predict", folder, "--data", data, "--out", out)
	scored, err := os.ReadFile(out)
	require.NoError(l.t, err)
	require.Equal(l.t, 1+137, bytes.Count(scored, []byte("\n")))
	l.starter(0, "predict", folder, "--data", data, "--out", "s3://"+harness.S3Bucket+"/out/scored.csv")
	there, _, err := store.ReadAll(l.t.Context(), l.bucket.Store(""), "out/scored.csv", 1<<20)
	require.NoError(l.t, err)
	require.Equal(l.t, string(scored), string(there))
	l.starter(0, "recover", folder, "--dry-run")
	l.starter(0, "report", folder)
	l.starter(0, "prune", "--store", root, "--keep", "1", "--dry-run")
	require.Contains(l.t, l.starter(0, "doctor", spec, "--json").Stdout, "an object was written, replaced, read and removed")

	require.Contains(l.t, l.starter(4, "results", root+"/production/none").Stderr, "no run in "+root+"/production/none")
	require.Contains(l.t, l.starter(4, "results", root+"/production/none").Stderr, "production/"+runName, "the runs that there are")
	l.starter(4, "summary", root+"/production/none")
	require.Contains(l.t, l.starter(5, "results", "s3://none/production/none").Stderr, "the bucket does not exist")
	require.Contains(l.t, l.starter(2, "list", "--store", "s3://not a bucket").Stderr, "not a usable s3:// URI")
}

// requireLogs: the worker's three log files are in the run's folder, whole.
func (l *lab) requireLogs(bucket store.Store) {
	l.t.Helper()
	infos, err := bucket.List(l.t.Context(), "runs/production/"+runName+"/"+artifact.LogsPrefix)
	require.NoError(l.t, err)
	require.Len(l.t, infos, 3)
	main, _, err := store.ReadAll(l.t.Context(), bucket, infos[0].Key, 1<<20)
	require.NoError(l.t, err)
	require.GreaterOrEqual(l.t, strings.Count(string(main), "\n"), 3*folds)
}

// Wrong credentials end a command with exit code 5 and say what to do; a run waits for them,
// tells so, and goes on once a worker has the right ones.
func TestWrongCredentials(t *testing.T) {
	l := newLab(t)
	spec := l.spec(veteran(t), at(l.bucket.URL, "keys"))
	wrong := append(l.bucket.Env(), "AWS_SECRET_ACCESS_KEY=expired")
	r := harness.Starter(t, harness.Env{Address: l.server.Address, Set: wrong}, "plan", spec)
	require.Equal(t, 5, r.Exit, "%s%s", r.Stdout, r.Stderr)
	require.Contains(t, r.Stderr, "check the credentials of this process")
	require.Contains(t, r.Stderr, "SignatureDoesNotMatch")

	locked := harness.StartProgram(t, harness.Env{Address: l.server.Address, Set: wrong}, harness.WorkerBinary(t))
	locked.WaitFor("worker is serving")
	run := l.start(spec)
	run.WaitFor("production/" + runName + " started")
	harness.Eventually(t, "the run tells what it waits for", func() bool {
		r := l.starter(0, "status", "production/"+runName)
		return strings.Contains(r.Stdout, "check the credentials") || strings.Contains(run.Stderr(), "check the credentials")
	})
	locked.Stop()
	l.worker()
	require.Equal(t, 3*folds, harness.Completed(t, run).Trained)
}
