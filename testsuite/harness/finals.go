package harness

import (
	"log/slog"
	"os/exec"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/log"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/activities"
	"everfold/config"
	"everfold/internal/app"
)

// Finals prepares the run of a spec, without its store, below a folder, and fits the named
// models on all rows: the programs' own activities, without a server. Where predict is not
// empty, that model's predictions are written, too. It returns the run's folder.
func Finals(tb testing.TB, dir, spec string, models []string, predict string) string {
	tb.Helper()
	s, err := config.ParseYAML([]byte(spec), "spec.yaml", config.WithSet("store.uri="+dir))
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	silent := slog.New(slog.DiscardHandler)
	var suite sdktest.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(silent))
	env := suite.NewTestActivityEnvironment()
	activities.Register(env, &activities.Activities{
		OpenStore: (&app.Stores{}).Open, OpenData: app.Data{}.Open, Cores: activities.NewCores(1, 1),
		RunLogger: func(activities.RunRef) *slog.Logger { return silent }, Build: "test",
	})
	run := func(name string, input any) {
		if _, err := env.ExecuteActivity(name, input); err != nil {
			tb.Fatalf("harness: %s: %v", name, err)
		}
	}
	run(activities.PrepareDataName, activities.PrepareInput{Spec: s})
	run(activities.PublishMetricsName, activities.PublishInput{Run: activities.Ref(s), SpecDigest: s.Digest()})
	for _, m := range models {
		run(activities.FitFinalName, activities.FitFinalInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: m})
	}
	if predict != "" {
		run(activities.PredictName, activities.PredictInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: predict})
	}
	return filepath.Join(dir, string(s.Type), s.Run)
}

// Python is an interpreter with numpy, in a virtual environment of the checkout's own.
func Python(tb testing.TB) string {
	tb.Helper()
	root := Root(tb)
	if out, err := exec.Command(filepath.Join(root, "testsuite", "python", "install.sh")).CombinedOutput(); err != nil {
		tb.Fatalf("harness: %v\n%s", err, out)
	}
	return filepath.Join(root, ".cache", "python", "bin", "python")
}
