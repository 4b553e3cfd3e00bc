package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdkconverter "go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	sdktest "go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// due is when the scheduled starts of these tests were due: early in the morning of the
// 29th in Berlin.
var due = time.Date(2026, 11, 28, 23, 30, 0, 0, time.UTC)

// scheduled is the workflow's input around the demo spec, without its run.
func scheduled(spec, more string) json.RawMessage {
	text := strings.Replace(string(demoSpec(spec)), `"run":"demo",`, "", 1)
	return json.RawMessage(`{"spec":` + text + `,"run_template":"demo-{date}"` + more + `}`)
}

// scheduledEnvironment is one start by a schedule that was due at a time.
func (s *script) scheduledEnvironment(t *testing.T, at time.Time) *sdktest.TestWorkflowEnvironment {
	t.Helper()
	env := s.environment(t)
	env.SetStartWorkflowOptions(startOptions("everfold/schedule/sample/demo-2026-11-28T23:30:00Z"))
	if !at.IsZero() {
		require.NoError(t, env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(scheduledStart.ValueSet(at))))
	}
	return env
}

// The run is named by the time that the start was due, in the template's zone, and has the
// canonical id; its result comes back.
func TestScheduledRunIsNamedByItsTime(t *testing.T) {
	for more, want := range map[string]string{"": "demo-2026-11-28", `,"timezone":"Europe/Berlin"`: "demo-2026-11-29"} {
		s, child := newScript(), ""
		env := s.scheduledEnvironment(t, due)
		env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ sdkconverter.EncodedValues) {
			child = info.WorkflowExecution.ID
		})
		env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", more))
		require.NoError(t, env.GetWorkflowError())
		var out ScheduledResult
		require.NoError(t, env.GetWorkflowResult(&out))
		require.Equal(t, "everfold/sample/"+want, child)
		require.Equal(t, child, out.WorkflowID)
		require.Equal(t, want, out.Result.Run)
		require.Equal(t, Completed, out.Result.Outcome)
		require.Equal(t, 9, out.Result.Trained)
	}
}

// A start by hand has no schedule's time: the run is named by when the workflow was started.
func TestStartByHandIsNamedByItsStart(t *testing.T) {
	env := newScript().scheduledEnvironment(t, time.Time{})
	env.SetStartTime(time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC))
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", ""))
	require.NoError(t, env.GetWorkflowError())
	var out ScheduledResult
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, "sample/demo-2027-01-02", out.Run)
}

// A typo anywhere is refused by name before the run or any activity starts.
func TestBadScheduledInputStartsNothing(t *testing.T) {
	for name, c := range map[string]struct{ input, want string }{
		"no variable":    {strings.Replace(string(scheduled("", "")), "demo-{date}", "demo", 1), "run_template"},
		"typo at top":    {string(scheduled("", `,"timezoen":"UTC"`)), "timezoen"},
		"typo in spec":   {strings.Replace(string(scheduled("", "")), `"models"`, `"modles"`, 1), "spec.modles"},
		"relative path":  {strings.Replace(string(scheduled("", "")), `"uri":"/`, `"uri":"`, 1), "a relative path"},
		"nobody to tell": {string(scheduled("", `,"alert_drop":0.1`)), "alert_drop"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
				t.Error("an activity started")
				return nil, errors.New("started")
			}
			env := s.scheduledEnvironment(t, due)
			env.ExecuteWorkflow(ScheduledTrainingName, json.RawMessage(c.input))
			var app *temporal.ApplicationError
			require.ErrorAs(t, env.GetWorkflowError(), &app)
			require.Equal(t, activities.ErrInvalidSpec, app.Type())
			require.Contains(t, app.Message(), c.want)
		})
	}
}

// A run that fails makes the start fail, by the same type and with the run's name; where
// some model failed only, the start is no failure.
func TestScheduledRunThatFails(t *testing.T) {
	s := newScript()
	s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("2 rows have negative times", activities.ErrDataInvalid, nil)
	}
	env := s.scheduledEnvironment(t, due)
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", ""))
	var app *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &app)
	require.Equal(t, activities.ErrDataInvalid, app.Type())
	require.Equal(t, "sample/demo-2026-11-28: prepare data: 2 rows have negative times", app.Message())

	s = newScript()
	s.fit = failing(s.fit, "cox_ph", 1, activities.ErrNotConverged)
	env = s.scheduledEnvironment(t, due)
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", ""))
	require.NoError(t, env.GetWorkflowError())
	var out ScheduledResult
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, Partial, out.Result.Outcome)
}

// A run whose lock somebody else has is left alone; the start says so.
func TestScheduledRunThatRunsAlready(t *testing.T) {
	env := newScript().scheduledEnvironment(t, due)
	env.OnWorkflow(TrainSurvivalModelsName, anything, anything).Return(nil, &temporal.ChildWorkflowExecutionAlreadyStartedError{})
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", ""))
	var app *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &app)
	require.Equal(t, ErrAlreadyRunning, app.Type())
	require.Contains(t, app.Message(), "sample/demo-2026-11-28 is running already")
	require.Contains(t, app.Message(), "everfold/sample/demo-2026-11-28 is the run's lock")
}

// A cancellation passes on to the run, which publishes what is complete, and both end as
// cancelled.
func TestScheduledCancellationPassesOn(t *testing.T) {
	s, published := newScript(), 0
	s.publish = func(activities.PublishInput) (*activities.PublishResult, error) {
		published++
		return &activities.PublishResult{}, nil
	}
	env := s.scheduledEnvironment(t, due)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.OnActivity(activities.FitFoldName, anything, inputOf("weibull_aft")).After(time.Hour).Return(nil, errors.New("too late"))
	env.OnActivity(activities.FitFoldName, anything, anything).Return(s.fit)
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", ""))
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), env.GetWorkflowError())
	require.Positive(t, published)
}

// How a run ended is told in the words of runs, whatever Temporal's are.
func TestScheduledFailures(t *testing.T) {
	spec := newScheduledRun(t)
	for name, c := range map[string]struct {
		err       error
		typ, want string
	}{
		"timeout":    {temporal.NewTimeoutError(0, nil), "Timeout", "sample/demo ran out of time"},
		"terminated": {&temporal.TerminatedError{}, "Terminated", "sample/demo was terminated"},
	} {
		var app *temporal.ApplicationError
		require.ErrorAs(t, spec.failure(c.err), &app, name)
		require.Equal(t, c.typ, app.Type())
		require.Contains(t, app.Message(), c.want)
	}
	other := errors.New("something else")
	require.Equal(t, other, spec.failure(other))
}

// The command in an alert of a scheduled run names that run.
func TestScheduledRunGoesOnByHand(t *testing.T) {
	s := newScript()
	var news activities.News
	s.notify = func(_ context.Context, in activities.NotifyInput) (*activities.NotifyResult, error) {
		news = in.News
		return &activities.NotifyResult{}, nil
	}
	s.fit = failing(s.fit, "cox_ph", 1, activities.ErrNotConverged)
	env := s.scheduledEnvironment(t, due)
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled(`,"notify":["${EVERFOLD_NOTIFY_TEAM}"]`, `,"start":{"spec":"/specs/churn.yaml"}`))
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, "starter run /specs/churn.yaml --run demo-2026-11-28 --only-failed", news.Resume)
}

func newScheduledRun(t *testing.T) *scheduledRun {
	t.Helper()
	spec, err := config.DecodeJSON(demoSpec(""))
	require.NoError(t, err)
	return &scheduledRun{Workflows: &Workflows{}, spec: spec}
}

// after scripts what follows a scheduled run.
type after struct {
	compare func(activities.CompareBestInput) (*activities.CompareBestResult, error)
	prune   func(activities.PruneRunsInput) (*activities.PruneRunsResult, error)
	told    []activities.NotifyInput
}

// run is one start by a schedule with alerts, retention, and what follows.
func (a *after) run(t *testing.T, s *script) (*ScheduledResult, error) {
	t.Helper()
	s.notify = func(_ context.Context, in activities.NotifyInput) (*activities.NotifyResult, error) {
		if in.Event == activities.EventScoreDrop {
			a.told = append(a.told, in)
		}
		return &activities.NotifyResult{}, nil
	}
	env := s.scheduledEnvironment(t, due)
	env.RegisterActivityWithOptions(func(_ context.Context, in activities.CompareBestInput) (*activities.CompareBestResult, error) {
		return a.compare(in)
	}, activity.RegisterOptions{Name: activities.CompareBestName})
	env.RegisterActivityWithOptions(func(_ context.Context, in activities.PruneRunsInput) (*activities.PruneRunsResult, error) {
		return a.prune(in)
	}, activity.RegisterOptions{Name: activities.PruneRunsName})
	env.ExecuteWorkflow(ScheduledTrainingName, scheduled(`,"notify":["${EVERFOLD_NOTIFY_TEAM}"]`, `,"alert_drop":0.02,"prune":{"keep":7}`))
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		return nil, err
	}
	var out ScheduledResult
	require.NoError(t, env.GetWorkflowResult(&out))
	return &out, nil
}

// newAfter is a run before it that was so much better, and nothing to remove.
func newAfter(drop float64) *after {
	now, former := 0.7, 0.7+drop
	return &after{
		compare: func(activities.CompareBestInput) (*activities.CompareBestResult, error) {
			return &activities.CompareBestResult{Model: "cox_ph", CIndex: &now, Former: "demo-2026-11-27", FormerModel: "rsf", FormerCIndex: &former}, nil
		},
		prune: func(activities.PruneRunsInput) (*activities.PruneRunsResult, error) {
			return &activities.PruneRunsResult{Kept: 7}, nil
		},
	}
}

// A fall of the best C-index by more than alert_drop is told with both scores; a smaller one,
// a rise, or no run before it is not.
func TestScoreDrop(t *testing.T) {
	for drop, told := range map[float64]bool{0.05: true, 0.0199: false, -0.1: false} {
		a := newAfter(drop)
		out, err := a.run(t, newScript())
		require.NoError(t, err)
		require.Equal(t, told, out.Dropped, drop)
		require.Equal(t, told, len(a.told) == 1, drop)
	}
	a := newAfter(0.05)
	_, err := a.run(t, newScript())
	require.NoError(t, err)
	require.Equal(t, "The best C-index fell by 0.0500, more than 0.02: it is 0.7000 (cox_ph), that of sample/demo-2026-11-27 was 0.7500 (rsf).", a.told[0].News.What)
	require.Equal(t, "demo-2026-11-28", a.told[0].Run.Run)

	a = newAfter(0)
	a.compare = func(activities.CompareBestInput) (*activities.CompareBestResult, error) {
		return &activities.CompareBestResult{}, nil
	}
	out, err := a.run(t, newScript())
	require.NoError(t, err)
	require.False(t, out.Dropped)
}

// Older runs are removed after a run, also after one that failed, by the names of the
// template; not after one that was cancelled.
func TestPruneAfterTheRun(t *testing.T) {
	a, calls := newAfter(0), []activities.PruneRunsInput{}
	a.prune = func(in activities.PruneRunsInput) (*activities.PruneRunsResult, error) {
		calls = append(calls, in)
		return &activities.PruneRunsResult{Removed: []string{"demo-2026-11-20"}, Count: 1, Kept: 7}, nil
	}
	out, err := a.run(t, newScript())
	require.NoError(t, err)
	require.Equal(t, 1, out.Pruned.Count)
	require.Equal(t, config.Template("demo-{date}"), calls[0].Template)
	require.Equal(t, 7, calls[0].Retention.Keep)
	require.Equal(t, "demo-2026-11-28", calls[0].Run.Run)

	s := newScript()
	s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("scripted", activities.ErrDataInvalid, nil)
	}
	_, err = a.run(t, s)
	require.ErrorContains(t, err, "scripted")
	require.Len(t, calls, 2)
	s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
		return nil, temporal.NewCanceledError()
	}
	_, err = a.run(t, s)
	require.True(t, temporal.IsCanceledError(err), err)
	require.Len(t, calls, 2)
}

// What follows a run never fails it: it ends with a warning.
func TestWhatFollowsNeverFailsTheRun(t *testing.T) {
	a := newAfter(0)
	broken := temporal.NewNonRetryableApplicationError("scripted", activities.ErrStoreUnavailable, nil)
	a.compare = func(activities.CompareBestInput) (*activities.CompareBestResult, error) { return nil, broken }
	a.prune = func(activities.PruneRunsInput) (*activities.PruneRunsResult, error) { return nil, broken }
	out, err := a.run(t, newScript())
	require.NoError(t, err)
	require.Equal(t, Completed, out.Result.Outcome)
	require.Equal(t, []string{
		"not compared with the run before: StoreUnavailable: scripted", "older runs were not removed: StoreUnavailable: scripted",
	}, out.Warnings)
}
