package e2e

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/testsuite/harness"
)

// killedInFinalFit starts a run of one model, kills everything while that is fitted on all rows, and
// returns the run's lab and arguments: with more trees where it was over before the kill. more are
// further arguments, made for every run anew; meanwhile is done just before the kill.
func killedInFinalFit(t *testing.T, more func() []string, meanwhile func()) (*lab, []string) {
	t.Helper()
	for trees := 20_000; ; trees *= 4 {
		l := embeddedLab(t)
		args := append([]string{"run", veteran, "--embedded", "--set", "folds.k=2", "--set", fmt.Sprintf("models=[{type: gbsa, trees: %d}]", trees)}, more()...)
		there := func(pattern string) bool {
			found, err := filepath.Glob(l.path(filepath.FromSlash(pattern)))
			require.NoError(t, err)
			return len(found) > 0
		}
		killed := l.background(args...)
		harness.Eventually(t, "the final fit", func() bool {
			return there(artifact.CheckpointPrefix("gbsa", artifact.FinalFold)+"start.*") || there(artifact.PredictionsKey)
		})
		meanwhile()
		killed.Signal(syscall.SIGKILL)
		<-killed.Exited()
		harness.NoProcesses(t, "EVERFOLD_HOME="+l.env.Home)
		if !there(artifact.PredictionsKey) {
			return l, args
		}
	}
}

// Claim: SIGKILL of everything in the middle of the final fit costs nothing but its last
// seconds: the same command ends with the final model and predictions of an undisturbed run,
// byte for byte, says where they are, and when run again has nothing to do.
func TestKilledFinalFit(t *testing.T) {
	l, args := killedInFinalFit(t, func() []string { return nil }, func() {})
	keys := []string{artifact.ModelKey("gbsa"), artifact.CardKey("gbsa"), artifact.PredictionsKey, artifact.ParquetKey, artifact.OutOfFoldKey}
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
