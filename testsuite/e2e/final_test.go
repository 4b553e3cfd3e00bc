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

// stoppedInFinalFit starts a run of one model, stops everything by a signal while that is fitted on all
// rows, and returns the run's lab and arguments: with more trees where it was over before the signal. more
// are further arguments, made for every run anew; meanwhile is done just before the signal.
func stoppedInFinalFit(t *testing.T, by syscall.Signal, more func() []string, meanwhile func()) (*lab, []string) {
	t.Helper()
	for trees := 20_000; ; trees *= 4 {
		l := embeddedLab(t)
		args := append([]string{"run", veteran, "--embedded", "--set", "folds.k=2", "--set", fmt.Sprintf("models=[{type: gbsa, trees: %d}]", trees)}, more()...)
		there := func(pattern string) bool {
			found, err := filepath.Glob(l.path(filepath.FromSlash(pattern)))
			require.NoError(t, err)
			return len(found) > 0
		}
		stopped := l.background(args...)
		harness.Eventually(t, "the final fit", func() bool {
			return there(artifact.CheckpointPrefix("gbsa", artifact.FinalFold)+"start.*") || there(artifact.PredictionsKey)
		})
		meanwhile()
		stopped.Signal(by)
		stopped.Wait()
		harness.NoProcesses(t, "EVERFOLD_HOME="+l.env.Home)
		if there(artifact.PredictionsKey) {
			continue
		}
		if by == syscall.SIGINT {
			require.Equal(t, 130, stopped.ExitCode(), stopped.Stderr())
			require.Contains(t, stopped.Stderr(), "go on where it was: starter run ")
		}
		return l, args
	}
}

// Claim: SIGKILL of everything, or Ctrl-C, in the middle of the final fit costs nothing but its last
// seconds: the same command ends with the final model and predictions of an undisturbed run,
// byte for byte, says where they are, and when run again has nothing to do.
func TestStoppedFinalFit(t *testing.T) {
	undisturbed := map[string]map[string]string{} // by the model's settings
	for _, by := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		t.Run(by.String(), func(t *testing.T) {
			l, args := stoppedInFinalFit(t, by, func() []string { return nil }, func() {})
			again := l.starter(0, args...)
			require.Contains(t, again.Stdout, "Models   models/gbsa/")
			require.Contains(t, again.Stdout, "predictions/predictions.csv and .parquet: 137 rows by gbsa\n")
			disturbed := l.finals()
			require.Contains(t, l.starter(0, args...).Stdout, "gbsa final fit: complete already: reused")
			require.Contains(t, l.starter(0, "plan", veteran, "--set", args[4], "--set", args[6], "--explain").Stdout, "Final model: gbsa: reuse, complete")

			if undisturbed[args[6]] == nil {
				l.env.Dir = exampleFolder(t)
				l.starter(0, args...)
				undisturbed[args[6]] = l.finals()
			}
			require.Equal(t, undisturbed[args[6]], disturbed)
		})
	}
}

// finals are the files of the final model and its predictions, without the card, which names the data file.
func (l *lab) finals() map[string]string {
	l.t.Helper()
	files := map[string]string{}
	for _, key := range []string{artifact.ModelKey("gbsa"), artifact.PredictionsKey, artifact.ParquetKey, artifact.OutOfFoldKey} {
		files[key] = l.file(filepath.FromSlash(key))
	}
	require.NotEmpty(l.t, l.file(filepath.FromSlash(artifact.CardKey("gbsa"))))
	return files
}
