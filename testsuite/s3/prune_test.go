package s3

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// Retention works on S3 as in a folder: nothing is left of a removed run, the newest one that
// verifies stays whole, and what an interrupted removal has left is finished.
func TestPrune(t *testing.T) {
	l := newLab(t)
	worker := l.worker()
	spec := l.spec(veteran(t), at(l.bucket.URL, "nights"))
	for _, run := range []string{"night-1", "night-2", "night-3"} {
		env := harness.Env{Address: l.server.Address, Set: harness.S3Keys()}
		harness.Completed(t, harness.StartStarter(t, env, "run", spec, "--run", run, "--json"))
	}
	worker.Stop() // with the last of its logs
	runs := l.bucket.Store("nights")
	require.NoError(t, runs.Delete(t.Context(), "production/night-3/artifacts/cox_ph/cox_ph_fold1_surv.npy"))
	args := []string{"prune", "--store", "s3://" + harness.S3Bucket + "/nights", "--max-age", "1ms", "--keep-best=false"}
	require.Contains(t, l.starter(0, append(args, "--dry-run")...).Stdout, "would remove 2 runs")
	out := l.starter(0, args...).Stdout
	require.Contains(t, out, "it does not verify: cox_ph fold 1")
	require.Contains(t, out, "the newest finished run that verifies")
	infos, err := runs.List(t.Context(), "")
	require.NoError(t, err)
	for _, info := range infos {
		require.True(t, strings.HasPrefix(info.Key, "production/night-2/"), info.Key)
	}
	require.Contains(t, l.starter(0, "plan", spec, "--run", "night-2").Stdout, "0 to train, 0 to rescore, 9 to reuse")
}
