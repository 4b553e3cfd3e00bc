package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/activities"
)

// The activities of these tests are scripted: what is under test is which of them the
// workflow starts, and what it does about each answer. testsuite/ runs the real ones.
type script struct {
	oneWorkflow int // Workflows.OneWorkflow
	prepare     func(activities.PrepareInput) (*activities.PrepareResult, error)
	fit         func(context.Context, activities.FitFoldInput) (*activities.FitFoldResult, error)
	publish     func(activities.PublishInput) (*activities.PublishResult, error)
	summarize   func(activities.SummarizeInput) (*activities.SummarizeResult, error)
	final       func(activities.FitFinalInput) (*activities.FitFinalResult, error)
	predict     func(activities.PredictInput) (*activities.PredictResult, error)
	report      func(activities.WriteReportInput) (*activities.WriteReportResult, error)
	notify      func(context.Context, activities.NotifyInput) (*activities.NotifyResult, error)
	track       func(activities.SyncTrackerInput) (*activities.SyncTrackerResult, error)
}

const specJSON = `{"run":"demo","type":"sample","data":{"uri":"/data/x.csv","time":"t","event":"e"},
 "folds":{"k":3},"models":[{"type":"cox_ph"},{"type":"weibull_aft"}],"store":{"uri":"/out"}%s}`

func demoSpec(more string) json.RawMessage {
	return json.RawMessage(strings.Replace(specJSON, "%s", more, 1))
}

func newScript() *script {
	return &script{
		prepare: func(in activities.PrepareInput) (*activities.PrepareResult, error) {
			out := &activities.PrepareResult{Run: activities.Ref(in.Spec), SpecDigest: in.Spec.Digest()}
			for _, m := range []string{"cox_ph", "weibull_aft", "km"} {
				plan := activities.ModelPlan{Model: m}
				for k := range 3 {
					plan.Folds = append(plan.Folds, activities.FoldPlan{Fold: k, Action: activities.Train})
				}
				out.Models = append(out.Models, plan)
			}
			return out, nil
		},
		fit: func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
			c := 0.7
			return &activities.FitFoldResult{Model: in.Model, Fold: in.Fold, Action: activities.Train, CIndex: &c,
				Attempt: int(activity.GetInfo(ctx).Attempt)}, nil
		},
		publish: func(activities.PublishInput) (*activities.PublishResult, error) {
			return &activities.PublishResult{}, nil
		},
		summarize: func(activities.SummarizeInput) (*activities.SummarizeResult, error) {
			return &activities.SummarizeResult{}, nil
		},
		final: func(in activities.FitFinalInput) (*activities.FitFinalResult, error) {
			return &activities.FitFinalResult{Model: in.Model, Action: activities.Train, Attempt: 1}, nil
		},
		predict: func(in activities.PredictInput) (*activities.PredictResult, error) {
			return &activities.PredictResult{Model: in.Model, Action: activities.Train, Rows: 10}, nil
		},
		report: func(activities.WriteReportInput) (*activities.WriteReportResult, error) {
			return &activities.WriteReportResult{Key: "report/index.html"}, nil
		},
		notify: func(context.Context, activities.NotifyInput) (*activities.NotifyResult, error) {
			return nil, errors.New("nobody is to be told")
		},
		track: func(activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
			return &activities.SyncTrackerResult{Off: true}, nil
		},
	}
}

func (s *script) environment(t *testing.T) *sdktest.TestWorkflowEnvironment {
	t.Helper()
	var suite sdktest.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(startOptions("everfold/sample/demo"))
	env.SetTestTimeout(patience)
	env.SetWorkerOptions(workerOptions())
	Register(env, &Workflows{OneWorkflow: s.oneWorkflow})
	register := func(name string, f any) {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	register(activities.PrepareDataName, func(_ context.Context, in activities.PrepareInput) (*activities.PrepareResult, error) {
		return s.prepare(in)
	})
	register(activities.FitFoldName, s.fit)
	register(activities.PublishMetricsName, func(_ context.Context, in activities.PublishInput) (*activities.PublishResult, error) {
		return s.publish(in)
	})
	register(activities.SummarizeName, func(_ context.Context, in activities.SummarizeInput) (*activities.SummarizeResult, error) {
		return s.summarize(in)
	})
	register(activities.FitFinalName, func(_ context.Context, in activities.FitFinalInput) (*activities.FitFinalResult, error) {
		return s.final(in)
	})
	register(activities.PredictName, func(_ context.Context, in activities.PredictInput) (*activities.PredictResult, error) {
		return s.predict(in)
	})
	register(activities.WriteReportName, func(_ context.Context, in activities.WriteReportInput) (*activities.WriteReportResult, error) {
		return s.report(in)
	})
	register(activities.NotifyName, s.notify)
	register(activities.SyncTrackerName, func(_ context.Context, in activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
		return s.track(in)
	})
	return env
}

// eachShape runs a test of a run that is one workflow, and of one that is divided.
func eachShape(t *testing.T, test func(t *testing.T, s *script)) {
	t.Helper()
	t.Run("one workflow", func(t *testing.T) { test(t, newScript()) })
	t.Run("divided", func(t *testing.T) {
		s := newScript()
		s.oneWorkflow = 1
		test(t, s)
	})
}

func (s *script) run(t *testing.T, input json.RawMessage) (*Result, error) {
	t.Helper()
	return s.execute(t, TrainSurvivalModelsName, input)
}

// resultIn is the result of a run in an environment, which must end well.
func resultIn(t *testing.T, env *sdktest.TestWorkflowEnvironment, input json.RawMessage) *Result {
	t.Helper()
	env.ExecuteWorkflow(TrainSurvivalModelsName, input)
	require.NoError(t, env.GetWorkflowError())
	var out Result
	require.NoError(t, env.GetWorkflowResult(&out))
	return &out
}

func (s *script) execute(t *testing.T, workflow string, input json.RawMessage) (*Result, error) {
	t.Helper()
	env := s.environment(t)
	env.ExecuteWorkflow(workflow, input)
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out Result
	require.NoError(t, env.GetWorkflowResult(&out))
	return &out, nil
}

// A run without trouble fits every (model, fold) once and counts them.
func TestEveryFoldIsFittedOnce(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		seen := map[foldID]int{}
		var mu sync.Mutex
		fit := s.fit
		s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
			mu.Lock()
			seen[foldID{in.Model, in.Fold}]++
			mu.Unlock()
			return fit(ctx, in)
		}
		out, err := s.run(t, demoSpec(""))
		require.NoError(t, err)
		require.Len(t, seen, 9)
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
		require.Equal(t, Completed, out.Outcome)
		require.Equal(t, 9, out.Trained)
	})
}

// Folds that the plan calls complete are not fitted.
func TestCompleteFoldsAreReused(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		prepare := s.prepare
		s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
			out, err := prepare(in)
			out.Models[0].Folds[1].Action = activities.Reuse
			return out, err
		}
		fit := s.fit
		s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
			if in.Model == "cox_ph" && in.Fold == 1 {
				return nil, errors.New("must not be fitted")
			}
			return fit(ctx, in)
		}
		out, err := s.run(t, demoSpec(""))
		require.NoError(t, err)
		require.Equal(t, 8, out.Trained)
		require.Equal(t, 1, out.Reused)
	})
}

// A typo anywhere in the input, or a foreign workflow id, fails the workflow by name
// before any activity starts.
func TestBadInputIsRefusedBeforeAnyActivity(t *testing.T) {
	for name, c := range map[string]struct {
		id    string
		input string
		want  string
	}{
		"typo at the top":  {"everfold/sample/demo", strings.Replace(string(demoSpec("")), `"models"`, `"modles"`, 1), "modles"},
		"typo in a model":  {"everfold/sample/demo", strings.Replace(string(demoSpec("")), `"type":"cox_ph"`, `"type":"cox_ph","tise":"efron"`, 1), "tise"},
		"relative path":    {"everfold/sample/demo", strings.Replace(string(demoSpec("")), `"uri":"/`, `"uri":"`, 1), "a relative path"},
		"not JSON objects": {"everfold/sample/demo", `[1]`, ""},
		"foreign id":       {"my-run", string(demoSpec("")), `must be "everfold/sample/demo"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
				t.Error("an activity started")
				return nil, errors.New("started")
			}
			env := s.environment(t)
			env.SetStartWorkflowOptions(startOptions(c.id))
			env.ExecuteWorkflow(TrainSurvivalModelsName, json.RawMessage(c.input))
			var app *temporal.ApplicationError
			require.ErrorAs(t, env.GetWorkflowError(), &app)
			require.Equal(t, activities.ErrInvalidSpec, app.Type())
			require.Contains(t, app.Message(), c.want)
		})
	}
}

// A fold that fails for good makes the run partial; the others are fitted.
func TestOneFailedFoldIsPartial(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		s.fit = failing(s.fit, "cox_ph", 2, activities.ErrNotConverged)
		out, err := s.run(t, demoSpec(""))
		require.NoError(t, err)
		require.Equal(t, Partial, out.Outcome)
		require.Equal(t, []Failure{{Model: "cox_ph", Fold: 2, Type: activities.ErrNotConverged, Message: "scripted"}}, out.Failures)
		require.Equal(t, 8, out.Trained)
	})
}

// Where nothing but the baseline could be fitted the run fails, by the first failure's name.
func TestAllFailedFails(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		for _, m := range []string{"cox_ph", "weibull_aft"} {
			for k := range 3 {
				s.fit = failing(s.fit, m, k, activities.ErrNoEvents)
			}
		}
		_, err := s.run(t, demoSpec(""))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.ErrNoEvents, app.Type())
	})
}

// Under on_model_failure: fail the first failure ends the run.
func TestOnModelFailureFail(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		s.fit = failing(s.fit, "cox_ph", 0, activities.ErrNotConverged)
		_, err := s.run(t, demoSpec(`,"on_model_failure":"fail"`))
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, activities.ErrNotConverged, app.Type())
		require.Contains(t, app.Message(), "cox_ph fold 0")
	})
}

// Damage that Summarize finds is fitted again, twice at most, then reported as failed.
func TestDamageIsRepairedTwiceThenReported(t *testing.T) {
	for _, rounds := range []int{1, 2, 3} {
		eachShape(t, func(t *testing.T, s *script) {
			var fits atomic.Int32
			calls := 0
			fit := s.fit
			s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
				fits.Add(1)
				return fit(ctx, in)
			}
			s.summarize = func(in activities.SummarizeInput) (*activities.SummarizeResult, error) {
				calls++
				if calls <= rounds {
					return &activities.SummarizeResult{Incomplete: []activities.Incomplete{{Model: "km", Fold: 1, Reason: "gone"}}}, nil
				}
				return &activities.SummarizeResult{}, nil
			}
			out, err := s.run(t, demoSpec(""))
			require.NoError(t, err)
			require.EqualValues(t, 9+min(rounds, 2), fits.Load())
			require.Equal(t, rounds == 3, out.Outcome == Partial)
			require.NotEmpty(t, out.Warnings)
		})
	}
}

// A publish that fails is a warning: the run completes.
func TestPublishFailureNeverFailsTheRun(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		s.publish = func(activities.PublishInput) (*activities.PublishResult, error) {
			return nil, temporal.NewNonRetryableApplicationError("scripted", activities.ErrSuperseded, nil)
		}
		out, err := s.run(t, demoSpec(""))
		require.NoError(t, err)
		require.Equal(t, Completed, out.Outcome)
		require.Len(t, out.Warnings, 1)
	})
}

// parallel_fits bounds the fits in flight, whoever schedules them.
func TestParallelFits(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		env := s.environment(t)
		most := 0
		inFlight := countFits(env, func(n int) { most = max(most, n) })
		env.OnActivity(activities.FitFoldName, anything, anything).After(time.Minute).Return(s.fit)
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(`,"resources":{"parallel_fits":2}`))
		require.NoError(t, env.GetWorkflowError())
		require.Equal(t, 2, most)
		require.Zero(t, *inFlight)
	})
}

// countFits counts the fits in flight; changed is told each time.
func countFits(env *sdktest.TestWorkflowEnvironment, changed func(n int)) *int {
	n := new(int)
	count := func(info *activity.Info, more int) {
		if info.ActivityType.Name == activities.FitFoldName {
			*n += more
			changed(*n)
		}
	}
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ valuesOf) { count(info, 1) })
	env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter, _ error) { count(info, -1) })
	return n
}

// skip-model stops a model for this execution without making the run partial; unknown
// models and absurd numbers are refused by the validators.
func TestUpdates(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		env := s.environment(t)
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow(UpdateSkipModel, "", refused(t, "no model"), SkipModel{Model: "nope"})
			env.UpdateWorkflow(UpdateSetParallelism, "", refused(t, "0 (the spec's) to 200"), SetParallelism{Fits: 201})
			env.UpdateWorkflow(UpdateSetParallelism, "", accepted(t), SetParallelism{Fits: 7})
			env.UpdateWorkflow(UpdateSkipModel, "", accepted(t), SkipModel{Model: "weibull_aft"})
		}, 0)
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
		require.NoError(t, env.GetWorkflowError())
		var out Result
		require.NoError(t, env.GetWorkflowResult(&out))
		require.Equal(t, Completed, out.Outcome)
		require.Equal(t, []string{"weibull_aft"}, out.Skipped)
		require.Equal(t, 6, out.Trained)
	})
}

// A cancelled run publishes what is complete before it ends as cancelled.
func TestCancelPublishesFirst(t *testing.T) {
	eachShape(t, func(t *testing.T, s *script) {
		published := 0
		s.publish = func(activities.PublishInput) (*activities.PublishResult, error) {
			published++
			return &activities.PublishResult{}, nil
		}
		env := s.environment(t)
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
		fit := s.fit
		s.fit = fit
		env.OnActivity(activities.FitFoldName, anything, inputOf("weibull_aft")).After(time.Hour).Return(nil, errors.New("too late"))
		env.OnActivity(activities.FitFoldName, anything, anything).Return(s.fit)
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
		require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), env.GetWorkflowError())
		require.Positive(t, published)
	})
}
