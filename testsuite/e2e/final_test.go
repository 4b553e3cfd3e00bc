package e2e

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
)

// Claim: SIGKILL of everything in the middle of the final fit costs nothing but its last
// seconds: the same command ends with the final model and predictions of an undisturbed run,
// byte for byte, says where they are, and when run again has nothing to do.
func TestKilledFinalFit(t *testing.T) {
	l := embeddedLab(t)
	args := []string{"run", veteran, "--embedded", "--set", "folds.k=2", "--set", "models=[{type: gbsa, trees: 60000}]"}
	keys := []string{artifact.ModelKey("gbsa"), artifact.CardKey("gbsa"), artifact.PredictionsKey, artifact.ParquetKey, artifact.OutOfFoldKey}
	killed := l.background(args...)
	killed.WaitFor("final fits")
	killed.Signal(syscall.SIGKILL)
	<-killed.Exited()
	again := l.starter(0, args...)
	require.Contains(t, again.Stdout, "Models   models/gbsa/")
	require.Contains(t, again.Stdout, "predictions/predictions.csv and .parquet: 137 rows by gbsa\n")
	disturbed := map[string]string{}
	for _, key := range keys {
		disturbed[key] = l.file(filepath.FromSlash(key))
	}
	require.Contains(t, l.starter(0, args...).Stdout, "gbsa final fit: complete already: reused")
	require.Contains(t, l.starter(0, "plan", veteran, "--set", args[4], "--set", args[6], "--explain").Stdout, "Final model: gbsa: reuse, complete")

	l.env.Dir = exampleFolder(t)
	l.starter(0, args...)
	for _, key := range keys {
		if key != artifact.CardKey("gbsa") { // it names the data file
			require.Equal(t, disturbed[key], l.file(filepath.FromSlash(key)), key)
		}
	}
}
