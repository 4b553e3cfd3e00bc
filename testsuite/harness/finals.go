package harness

import (
	"log/slog"
	"os/exec"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/converter"
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
	r := newInProcess(tb, dir, spec)
	s := r.spec
	r.run(activities.PrepareDataName, activities.PrepareInput{Spec: s})
	r.run(activities.PublishMetricsName, activities.PublishInput{Run: activities.Ref(s), SpecDigest: s.Digest()})
	for _, m := range models {
		r.run(activities.FitFinalName, activities.FitFinalInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: m})
	}
	if predict != "" {
		r.run(activities.PredictName, activities.PredictInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: predict})
	}
	return filepath.Join(dir, string(s.Type), s.Run)
}

// Folds prepares the run of a spec below a folder, with settings as --set takes them, fits
// every fold and summarizes, as Finals does. It returns the run's folder.
func Folds(tb testing.TB, dir, spec string, set ...string) string {
	tb.Helper()
	r := newInProcess(tb, dir, spec, set...)
	s := r.spec
	var plan activities.PrepareResult
	if err := r.run(activities.PrepareDataName, activities.PrepareInput{Spec: s}).Get(&plan); err != nil {
		tb.Fatalf("harness: %v", err)
	}
	for _, m := range plan.Models {
		for _, f := range m.Folds {
			r.run(activities.FitFoldName, activities.FitFoldInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: m.Model, Fold: f.Fold})
		}
	}
	r.run(activities.SummarizeName, activities.SummarizeInput{Run: activities.Ref(s), SpecDigest: s.Digest()})
	return filepath.Join(dir, string(s.Type), s.Run)
}

// Trained is a finished run of a spec below a folder: Folds, then the final models that these
// lead to, the predictions of the first, and the report. It returns the run's folder.
func Trained(tb testing.TB, dir, spec string) string {
	tb.Helper()
	folder := Folds(tb, dir, spec)
	r := newInProcess(tb, dir, spec)
	s := r.spec
	var summary activities.SummarizeResult
	if err := r.run(activities.SummarizeName, activities.SummarizeInput{Run: activities.Ref(s), SpecDigest: s.Digest()}).Get(&summary); err != nil {
		tb.Fatalf("harness: %v", err)
	}
	for _, m := range summary.Finals {
		r.run(activities.FitFinalName, activities.FitFinalInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: m})
	}
	r.run(activities.PredictName, activities.PredictInput{Run: activities.Ref(s), SpecDigest: s.Digest(), Model: summary.Finals[0]})
	r.run(activities.WriteReportName, activities.WriteReportInput{Run: activities.Ref(s), SpecDigest: s.Digest()})
	return folder
}

// inProcess runs activities of one spec in the test's own process.
type inProcess struct {
	tb   testing.TB
	spec *config.Spec
	env  *sdktest.TestActivityEnvironment
}

func newInProcess(tb testing.TB, dir, spec string, set ...string) *inProcess {
	tb.Helper()
	s, err := config.ParseYAML([]byte(spec), "spec.yaml", config.WithSet(append(set, "store.uri="+dir)...))
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
	return &inProcess{tb: tb, spec: s, env: env}
}

func (r *inProcess) run(name string, input any) converter.EncodedValue {
	r.tb.Helper()
	value, err := r.env.ExecuteActivity(name, input)
	if err != nil {
		r.tb.Fatalf("harness: %s: %v", name, err)
	}
	return value
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
