package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.temporal.io/sdk/log"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
	"everfold/store"
	"everfold/store/local"
)

// stage runs the activities of a run without a server, as a worker runs them.
type stage struct {
	env    *sdktest.TestActivityEnvironment
	root   store.Store
	folder string
	spec   *config.Spec
	model  string
}

func newStage(file, model, folder string) (*stage, error) {
	spec, err := specOf(file, model, "store: {uri: "+folder+"}\n")
	if err != nil {
		return nil, err
	}
	root, err := local.Open(folder)
	if err != nil {
		return nil, err
	}
	var suite sdktest.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s := &stage{env: suite.NewTestActivityEnvironment(), root: root, folder: folder, spec: spec, model: model}
	s.env.SetTestTimeout(time.Hour)
	activities.Register(s.env, &activities.Activities{
		OpenStore: func(context.Context, config.Store) (store.Store, error) { return root, nil },
		OpenData:  app.Data{}.Open,
		RunLogger: func(activities.RunRef) *slog.Logger { return slog.New(slog.DiscardHandler) },
		Cores:     activities.NewCores(runtime.GOMAXPROCS(0), runtime.GOMAXPROCS(0)),
	})
	return s, nil
}

// train fits the folds of a model, and the model that predictions are by.
func train(_ context.Context, file, model, folder string) error {
	s, err := newStage(file, model, folder)
	if err != nil {
		return err
	}
	run, digest := activities.Ref(s.spec), s.spec.Digest()
	if _, err := s.env.ExecuteActivity(activities.PrepareDataName, activities.PrepareInput{Spec: s.spec}); err != nil {
		return err
	}
	for _, name := range []string{model, config.KM} {
		for fold := range s.spec.FoldCount() {
			in := activities.FitFoldInput{Run: run, SpecDigest: digest, Model: name, Fold: fold}
			if _, err := s.env.ExecuteActivity(activities.FitFoldName, in); err != nil {
				return err
			}
		}
	}
	// The model card has the scores.
	if _, err := s.env.ExecuteActivity(activities.PublishMetricsName, activities.PublishInput{Run: run, SpecDigest: digest}); err != nil {
		return err
	}
	_, err = s.env.ExecuteActivity(activities.FitFinalName, activities.FitFinalInput{Run: run, SpecDigest: digest, Model: model})
	return err
}

// predictions measures the predictions of such a run, with its table in memory as after fits.
func predictions(ctx context.Context, file, model, folder string) error {
	s, err := newStage(file, model, folder)
	if err != nil {
		return err
	}
	if err := s.predict(); err != nil { // which reads the table
		return err
	}
	place := artifact.Folder(string(s.spec.Type), s.spec.Run)
	if err := os.RemoveAll(filepath.Join(folder, filepath.FromSlash(place), "predictions")); err != nil {
		return err
	}
	used, err := most(s.predict)
	if err != nil {
		return err
	}
	estimate, err := activities.PredictionMemory(ctx, store.Prefixed(s.root, place), model, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured{Estimate: estimate, Used: used})
}

func (s *stage) predict() error {
	in := activities.PredictInput{Run: activities.Ref(s.spec), SpecDigest: s.spec.Digest(), Model: s.model}
	_, err := s.env.ExecuteActivity(activities.PredictName, in)
	return err
}
