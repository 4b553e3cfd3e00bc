package recover

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/testsuite/harness"
)

// Claim: half of the files damaged in every way at once, no server anywhere: each damage is
// found by name, and one recover makes of it what the undisturbed run left, fitting what was
// damaged and nothing else. Manifests that verified stay, byte for byte. A second recover does
// nothing. A dry run before says it all and changes no byte of the store.
func TestEverythingDamaged(t *testing.T) {
	l := newLab(t)
	undisturbed := l.results()
	final := finalOf(t, l)
	l.truncate(artifact.ManifestKey("cox_ph", 0))
	l.flip(artifact.SurvKey("weibull_aft", 1))
	l.remove(artifact.ManifestKey("gbsa", 2), artifact.RiskKey("km", 0))
	l.remove(artifact.MetricsKey, artifact.SummaryKey, artifact.ModelKey(final))
	l.flip(artifact.PreparedKey)
	l.remove(artifact.RowsKey(1))
	l.truncate(artifact.PredictionsKey)
	intact := map[string]string{}
	for _, key := range []string{artifact.ManifestKey("cox_ph", 1), artifact.ManifestKey("gbsa", 0), artifact.ManifestKey("km", 2)} {
		intact[key] = string(l.file(key))
	}
	before := tree(t, l.store)
	said := l.recover(0, "--dry-run")
	require.Equal(t, before, tree(t, l.store))

	done := l.recover(0)
	require.Equal(t, said.Damage, done.Damage)
	require.Equal(t, []int{12, 8}, []int{done.Planned, done.Intact})
	for _, key := range []string{
		artifact.ManifestKey("cox_ph", 0), artifact.SurvKey("weibull_aft", 1), artifact.ManifestKey("gbsa", 2), artifact.RiskKey("km", 0),
		artifact.MetricsKey, artifact.SummaryKey, artifact.ModelKey(final), artifact.PreparedKey, artifact.RowsKey(1), artifact.PredictionsKey,
	} {
		require.Contains(t, done.found(), key)
	}
	require.Equal(t, []int{4, 8}, []int{done.Execution.Result.Trained, done.Execution.Result.Reused})
	l.requireResults(undisturbed)
	for key, content := range intact {
		require.Equal(t, content, string(l.file(key)))
	}

	whole := tree(t, l.store)
	again := l.recover(0)
	require.Nil(t, again.Execution)
	require.Empty(t, again.Written)
	require.Empty(t, again.Damage)
	require.Equal(t, whole, tree(t, l.store))
}

// finalOf is the model that was fitted on all rows.
func finalOf(t *testing.T, l *lab) string {
	t.Helper()
	models, err := os.ReadDir(l.path("models"))
	require.NoError(t, err)
	require.Len(t, models, 1)
	return models[0].Name()
}

// Claim: run.json damaged and the source gone, the spec and the prepared table give back what was.
func TestRunFileDamaged(t *testing.T) {
	l := newLab(t)
	undisturbed := l.results()
	l.flip(artifact.RunKey)
	l.remove(artifact.ManifestKey("gbsa", 0))
	require.NoError(t, os.Remove(filepath.Join(l.env.Dir, "data.csv")))
	r := harness.Starter(t, l.env, "recover", l.folder())
	require.Equal(t, 6, r.Exit)
	require.Contains(t, r.Stderr, "of 11 manifests of folds, 11 verify with every file")
	require.Equal(t, 1, l.recover(0, "--spec", l.spec).Execution.Result.Trained)
	l.requireResults(undisturbed)
}

// Claim: with the source and the prepared table gone the tables are made all the same, exit
// code 4, and what is said to work then works.
func TestNothingToFitFrom(t *testing.T) {
	l := newLab(t)
	l.remove(artifact.PreparedKey, artifact.ManifestKey("gbsa", 0), artifact.SummaryKey)
	require.NoError(t, os.Remove(filepath.Join(l.env.Dir, "data.csv")))
	r := harness.Starter(t, l.env, "recover", l.folder())
	require.Equal(t, 4, r.Exit, r.Stderr)
	require.Contains(t, r.Stderr, "cannot be fitted")
	for _, works := range []string{"results", "summary"} {
		require.Contains(t, r.Stderr, works)
		require.Zero(t, harness.Starter(t, l.env, works, l.folder()).Exit)
	}
	veteran := filepath.Join(harness.Root(t), "examples", "data", "veteran.csv")
	require.Contains(t, r.Stderr, "predict")
	require.Zero(t, harness.Starter(t, l.env, "predict", l.folder(), "--data", veteran, "--out", filepath.Join(l.env.Dir, "out.csv")).Exit)
}

// Claim: recover that is killed with its server and worker in the middle of the fits, twice, goes
// on when typed again, and ends as undisturbed; and two of them at once are one.
func TestKilledAndTwice(t *testing.T) {
	l := newLab(t)
	undisturbed := l.results()
	var lost []string
	for _, model := range []string{"cox_ph", "weibull_aft", "gbsa", "km"} {
		for fold := range 3 {
			lost = append(lost, artifact.ManifestKey(model, fold))
		}
	}
	l.remove(append(lost[:11:11], "models", artifact.PredictionsInfoKey)...)
	complete := func() (n int) {
		for _, key := range lost {
			if _, err := os.Stat(l.path(key)); err == nil {
				n++
			}
		}
		return n
	}
	for range 2 {
		before := complete()
		p := harness.StartStarter(t, l.env, "recover", l.folder())
		harness.Eventually(t, "a fold more is complete", func() bool { return complete() > min(before, len(lost)-1) })
		p.Signal(syscall.SIGKILL)
		<-p.Exited()
		t.Logf("killed with %d of %d folds", complete(), len(lost))
	}
	first := harness.StartStarter(t, l.env, "recover", l.folder())
	harness.Eventually(t, "it has started, attached to what the killed ones left, or found nothing left to do", func() bool {
		return strings.Contains(first.Stdout()+first.Stderr(), "production/"+runName+" ") || first.ExitCode() >= 0
	})
	second := harness.StartStarter(t, l.env, "recover", l.folder())
	require.Zero(t, second.Wait(), second.Stderr())
	require.Zero(t, first.Wait(), first.Stderr())
	l.requireResults(undisturbed)
	require.Nil(t, l.recover(0).Execution)
}

// Claim: recover of a run that is running attaches to it, by whatever server it runs on; wishes
// that only a start could follow are refused.
func TestRecoverARunningRun(t *testing.T) {
	l := newLab(t)
	undisturbed := l.results()
	server := harness.Server(t)
	l.env.Address = server.Address
	l.remove(artifact.ManifestKey("gbsa", 0), artifact.ManifestKey("gbsa", 1))
	run := harness.StartStarter(t, l.env, "run", l.spec)
	run.WaitFor("production/" + runName + " started")
	attached := harness.StartStarter(t, l.env, "recover", l.folder())
	attached.WaitFor("is running already by the same spec")
	r := harness.Starter(t, l.env, "recover", l.folder(), "--model", "cox_ph")
	require.Equal(t, 2, r.Exit)
	require.Contains(t, r.Stderr, "cannot be given to a running run")
	harness.Worker(t, server.Address)
	require.Zero(t, attached.Wait(), attached.Stderr())
	require.Zero(t, run.Wait(), run.Stderr())
	l.requireResults(undisturbed)
}

// Claim: RecoverRun needs no starter: by temporal's own program, on the folder with run.json
// and spec as they are, it fits what is missing; under another id it is refused, naming the right one.
func TestRecoverRunByHand(t *testing.T) {
	l := newLab(t)
	undisturbed := l.results()
	server := harness.Server(t)
	l.env.Address = server.Address
	harness.Worker(t, server.Address)
	l.remove(artifact.ManifestKey("gbsa", 0), artifact.RunKey)
	text, err := os.ReadFile(l.spec)
	require.NoError(t, err)
	spec, err := config.ParseYAML(text, "")
	require.NoError(t, err)
	input, err := config.EncodeRecovery(spec, config.Recovery{})
	require.NoError(t, err)
	execute := func(id string) harness.Result {
		p := harness.StartProgram(t, l.env, harness.Temporal(t), "workflow", "execute", "--type", "RecoverRun",
			"--task-queue", "everfold-workflows", "--workflow-id", id, "--input", string(input), "--address", server.Address)
		return harness.Result{Exit: p.Wait(), Stdout: p.Stdout(), Stderr: p.Stderr()}
	}
	refused := execute("everfold/production/ruin-recover")
	require.NotZero(t, refused.Exit)
	require.Contains(t, refused.Stdout+refused.Stderr, `must be "everfold/production/ruin"`)
	done := execute("everfold/production/ruin")
	require.Zero(t, done.Exit, done.Stdout+done.Stderr)
	l.requireResults(undisturbed)
}

// Claim: the stages one by one do what the whole does, and --model fits and predicts from another
// model.
func TestStageByStage(t *testing.T) {
	l := newLab(t)
	undisturbed := l.results()
	final := finalOf(t, l)
	l.remove(artifact.ManifestKey(final, 0), artifact.MetricsKey, artifact.SummaryKey, "models", "predictions")
	require.Equal(t, 11, l.recover(0, "--only", "metrics").Intact)
	require.Len(t, strings.Split(strings.TrimSpace(string(l.file(artifact.MetricsKey))), "\n"), 12)
	require.Equal(t, 1, l.recover(0, "--only", "folds").Execution.Result.Trained)
	require.NoDirExists(t, l.path("models"))
	require.Len(t, l.recover(0, "--only", "final").Execution.Result.Finals, 1)
	require.NoDirExists(t, l.path("predictions"))
	require.Nil(t, l.recover(0, "--only", "predictions").Execution)
	l.requireResults(undisturbed)

	l.recover(0, "--model", "weibull_aft")
	require.FileExists(t, l.path(artifact.ModelKey("weibull_aft")))
	require.Contains(t, string(l.file(artifact.PredictionsInfoKey)), `"model": "weibull_aft"`)
}
