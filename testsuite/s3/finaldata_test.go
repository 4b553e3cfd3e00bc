package s3

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/testsuite/harness"
)

// Rows on S3 are predicted where the worker may read them; where it may not, and where there are
// none, the run is refused before anything is fitted. What is predicted lies in the run's folder.
func TestFinalData(t *testing.T) {
	l := newLab(t)
	root := "s3://" + harness.S3Bucket
	l.worker("--allow-data", harness.Root(t), "--allow-data", root+"/rows")
	bucket, runs := l.bucket.Store(""), l.bucket.Store("runs")
	const rows = "celltype,trt,prior,age,diagtime,karno\nsquamous,1,0,69,7,60\nround,2,1,48,3,90\n"
	for _, key := range []string{"rows/new.csv", "secret/new.csv"} {
		_, err := store.PutBytes(t.Context(), bucket, key, []byte(rows), store.Condition{})
		require.NoError(t, err)
	}
	spec := l.spec(veteran(t), at(l.bucket.URL, "runs"))
	run := func(exit int, key string) harness.Result {
		t.Helper()
		return l.starter(exit, "run", spec, "--set", "final.data="+root+"/"+key)
	}
	require.Contains(t, run(2, "secret/new.csv").Stderr, "--allow-data")
	require.Contains(t, run(2, "rows/none.csv").Stderr, "final.data: ")
	fitted, err := runs.List(t.Context(), "production/"+runName+"/"+artifact.ArtifactsPrefix)
	require.NoError(t, err)
	require.Empty(t, fitted)
	require.Contains(t, run(0, "rows/new.csv").Stdout, "2 rows of new.csv by weibull_aft")
	require.NoError(t, bucket.Delete(t.Context(), "rows/new.csv"))
	require.NoError(t, runs.Delete(t.Context(), "production/"+runName+"/"+artifact.PredictionsKey))
	folder := root + "/runs/production/" + runName
	require.Contains(t, l.starter(0, "recover", folder).Stdout, "predicted again by weibull_aft")
	require.Contains(t, l.starter(0, "recover", folder).Stdout, "Written  nothing")
}
