package s3

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/testsuite/harness"
)

// A folder on S3 whose manifest, payload, table and final model are gone is recovered there: the
// two folds are fitted, everything else stays, and the tree is that of the run before.
func TestRecover(t *testing.T) {
	l := newLab(t)
	l.worker()
	data, runs := veteran(t), l.bucket.Store("runs")
	harness.Completed(t, l.start(l.spec(data, at(l.bucket.URL, "runs"))))
	want := treeOf(t, runs, data)
	folder := "production/" + runName + "/"
	for _, key := range []string{artifact.ManifestKey("cox_ph", 0), artifact.RiskKey("weibull_aft", 2), artifact.SummaryKey, artifact.ModelKey("weibull_aft")} {
		require.NoError(t, runs.Delete(t.Context(), folder+key))
	}
	dir := "s3://" + harness.S3Bucket + "/runs/production/" + runName
	var report struct {
		Intact    int
		Execution struct{ Result struct{ Trained, Reused int } }
	}
	require.NoError(t, json.Unmarshal([]byte(l.starter(0, "recover", dir, "--json").Stdout), &report))
	require.Equal(t, []int{3*folds - 2, 2, 3*folds - 2}, []int{report.Intact, report.Execution.Result.Trained, report.Execution.Result.Reused})
	requireEqual(t, want, treeOf(t, runs, data), "recovered")
	require.Contains(t, l.starter(0, "recover", dir).Stdout, "Written  nothing")
}
