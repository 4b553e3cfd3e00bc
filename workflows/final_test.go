package workflows

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
)

// ending makes a script's run end with final fits of both models, cox_ph the better one.
func ending() *script {
	s := newScript()
	s.summarize = func(activities.SummarizeInput) (*activities.SummarizeResult, error) {
		return &activities.SummarizeResult{Finals: []string{"cox_ph", "weibull_aft"}}, nil
	}
	return s
}

// failingFinal makes the final fit of one model fail for good.
func (s *script) failingFinal(model string) {
	final := s.final
	s.final = func(in activities.FitFinalInput) (*activities.FitFinalResult, error) {
		if in.Model == model {
			return nil, temporal.NewNonRetryableApplicationError("scripted", activities.ErrNotConverged, nil)
		}
		return final(in)
	}
}

// The models that Summarize chooses are fitted on all rows; the first of them predicts.
func TestFinalFitsAndPredictions(t *testing.T) {
	out, err := ending().run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, Completed, out.Outcome)
	require.Equal(t, []Final{
		{Model: "cox_ph", State: DoneState, Action: activities.Train, Attempt: 1},
		{Model: "weibull_aft", State: DoneState, Action: activities.Train, Attempt: 1},
	}, out.Finals)
	require.Equal(t, &Predictions{Model: "cox_ph", Action: activities.Train, Rows: 10}, out.Predictions)
	require.Equal(t, 9, out.Trained, "final fits are no folds")
}

// A final fit that fails makes the run Partial, by name; the next model predicts. Folds and
// leaderboard stay.
func TestFailedFinalFit(t *testing.T) {
	s := ending()
	s.failingFinal("cox_ph")
	out, err := s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, Partial, out.Outcome)
	require.Equal(t, 1, out.FailedFinals)
	require.Zero(t, out.Failed)
	require.Equal(t, "weibull_aft", out.Predictions.Model)
	require.Len(t, out.Failures, 1)
	require.Equal(t, "cox_ph final fit", out.Failures[0].What())
	require.Equal(t, activities.ErrNotConverged, out.Failures[0].Type)

	s.failingFinal("weibull_aft")
	out, err = s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, 2, out.FailedFinals)
	require.Nil(t, out.Predictions)

	_, err = s.run(t, demoSpec(`,"on_model_failure":"fail"`))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Contains(t, app.Message(), "final fit: scripted")
}

// Predictions that cannot be made are a failure of their model's final fit.
func TestFailedPredictions(t *testing.T) {
	s := ending()
	s.predict = func(activities.PredictInput) (*activities.PredictResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("scripted", activities.ErrNoMemory, nil)
	}
	out, err := s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, Partial, out.Outcome)
	require.Nil(t, out.Predictions)
	require.Equal(t, []Failure{{Model: "cox_ph", Fold: -1, Type: activities.ErrNoMemory, Message: "its predictions: scripted"}}, out.Failures)
	_, err = s.run(t, demoSpec(`,"on_model_failure":"fail"`))
	require.ErrorContains(t, err, "predictions of cox_ph: scripted")
}

// A final model that Predict finds damaged is fitted again, twice at most.
func TestDamagedFinalModel(t *testing.T) {
	for _, rounds := range []int{1, 2, 3} {
		s := ending()
		var fits atomic.Int32
		final := s.final
		s.final = func(in activities.FitFinalInput) (*activities.FitFinalResult, error) {
			fits.Add(1)
			return final(in)
		}
		calls, predict := 0, s.predict
		s.predict = func(in activities.PredictInput) (*activities.PredictResult, error) {
			if calls++; calls <= rounds {
				return &activities.PredictResult{Model: in.Model, Missing: "gone"}, nil
			}
			return predict(in)
		}
		out, err := s.run(t, demoSpec(""))
		require.NoError(t, err)
		require.EqualValues(t, 2+min(rounds, 2), fits.Load())
		require.Equal(t, rounds == 3, out.Outcome == Partial)
		require.Equal(t, rounds < 3, out.Predictions != nil)
		require.NotEmpty(t, out.Warnings)
	}
}

// A fold that Predict finds damaged is fitted again, twice at most; then predictions are
// given up, by the name of what is damaged.
func TestDamagedFoldAtTheEnd(t *testing.T) {
	for _, rounds := range []int{1, 2, 3} {
		s := ending()
		var fits atomic.Int32
		fit := s.fit
		s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
			if in.Model == "weibull_aft" && in.Fold == 1 {
				fits.Add(1)
			}
			return fit(ctx, in)
		}
		calls, predict := 0, s.predict
		s.predict = func(in activities.PredictInput) (*activities.PredictResult, error) {
			if calls++; calls <= rounds {
				return &activities.PredictResult{Model: in.Model,
					Incomplete: []activities.Incomplete{{Model: "weibull_aft", Fold: 1, Reason: "bits fell"}}}, nil
			}
			return predict(in)
		}
		out, err := s.run(t, demoSpec(""))
		require.NoError(t, err)
		require.EqualValues(t, 1+min(rounds, 2), fits.Load())
		require.Equal(t, rounds < 3, out.Predictions != nil)
		require.Contains(t, out.Warnings[0], "weibull_aft fold 1: bits fell")
		if rounds == 3 {
			require.Equal(t, Partial, out.Outcome)
			require.Equal(t, "its predictions: weibull_aft fold 1 does not verify: bits fell", out.Failures[0].Message)
		}
	}
}

// A model that is skipped has no final fit, whenever that was asked for; warnings of the
// choice and of predictions reach the result.
func TestSkippedFinalFit(t *testing.T) {
	s := ending()
	predict, summarize := s.predict, s.summarize
	s.predict = func(in activities.PredictInput) (*activities.PredictResult, error) {
		out, err := predict(in)
		out.Warnings = []string{"beyond"}
		return out, err
	}
	s.summarize = func(in activities.SummarizeInput) (*activities.SummarizeResult, error) {
		out, err := summarize(in)
		out.Warnings = []string{"chosen"}
		return out, err
	}
	env := s.environment(t)
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(UpdateSkipModel, "", accepted(t), SkipModel{Model: "cox_ph"})
	}, 0)
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.NoError(t, env.GetWorkflowError())
	var out Result
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, Skipped, out.Finals[0].State)
	require.Equal(t, "weibull_aft", out.Predictions.Model)
	require.Equal(t, Completed, out.Outcome)
	require.Equal(t, []string{"chosen", "beyond"}, out.Warnings)
}

// A final model that is skipped while its predictions are made, and is found damaged, is not
// fitted again: it counts as skipped, and the next model predicts.
func TestSkippedDamagedFinal(t *testing.T) {
	s := ending()
	env := s.environment(t)
	of := func(model string) any {
		return mock.MatchedBy(func(in activities.PredictInput) bool { return in.Model == model })
	}
	env.OnActivity(activities.PredictName, anything, of("cox_ph")).After(time.Hour).Return(&activities.PredictResult{Model: "cox_ph", Missing: "gone"}, nil)
	env.OnActivity(activities.PredictName, anything, of("weibull_aft")).Return(&activities.PredictResult{Model: "weibull_aft", Rows: 10}, nil)
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(UpdateSkipModel, "", accepted(t), SkipModel{Model: "cox_ph"})
	}, time.Minute)
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.NoError(t, env.GetWorkflowError())
	var out Result
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, Skipped, out.Finals[0].State)
	require.Equal(t, "weibull_aft", out.Predictions.Model)
	require.Equal(t, Completed, out.Outcome)
}

// A run that is cancelled during its final fits ends as cancelled; the query and the details
// show what was being done.
func TestCancelledFinalFit(t *testing.T) {
	s := ending()
	env := s.environment(t)
	env.OnActivity(activities.FitFinalName, anything, anything).After(time.Hour).Return(nil, temporal.NewCanceledError())
	env.RegisterDelayedCallback(func() {
		answer, err := env.QueryWorkflow(QueryProgress)
		require.NoError(t, err)
		var p Progress
		require.NoError(t, answer.Get(&p))
		require.Equal(t, "final fits", p.Stage)
		require.Equal(t, []Final{{Model: "cox_ph", State: Running}, {Model: "weibull_aft", State: Running}}, p.Finals)
		require.Equal(t, 9, p.Done)
		env.CancelWorkflow()
	}, time.Minute)
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), env.GetWorkflowError())
}
