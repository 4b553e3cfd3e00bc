package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/activities"
)

// tracked records every call of the tracker and answers as a server would.
type tracked struct {
	mu    sync.Mutex
	calls []activities.SyncTrackerInput
	fail  func(n int, in activities.SyncTrackerInput) error // of the n-th call, from 1; nil: none
	id    string
}

func (f *tracked) answer(in activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, in)
	if f.fail != nil {
		if err := f.fail(len(f.calls), in); err != nil {
			return nil, err
		}
	}
	out := &activities.SyncTrackerResult{Attempt: 1}
	if !in.Probe {
		out.RunID, out.URL, out.Folds = f.id, "http://h/"+f.id, 9
		out.Recreated = in.RunID != "" && in.RunID != f.id
	}
	return out, nil
}

// made are the calls so far: one that a run did not wait for may begin after it.
func (f *tracked) made() []activities.SyncTrackerInput {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func trackedRun(f *tracked) *script {
	s := newScript()
	f.id = "first"
	s.track = f.answer
	return s
}

var errTracker = temporal.NewNonRetryableApplicationError("scripted", activities.ErrTracker, nil)

// Claim: a run asks at once whether tracking works, shows itself as running, shares calls
// between folds that end together, and ends with one call that has its status and files.
func TestTracked(t *testing.T) {
	f := &tracked{}
	out, err := trackedRun(f).run(t, demoSpec(`,"tracker":{"uri":"http://h","experiment":"e"}`))
	require.NoError(t, err)
	calls := f.made()
	require.True(t, calls[0].Probe)
	require.LessOrEqual(t, len(calls), 1+1+9+1)
	for _, in := range calls[1 : len(calls)-1] {
		require.Equal(t, activities.TrackedRunning, in.Status)
		require.False(t, in.Last)
	}
	last := calls[len(calls)-1]
	require.Equal(t, activities.TrackedFinished, last.Status)
	require.True(t, last.Last)
	require.Equal(t, "e", last.Tracker.Experiment)
	require.NotEmpty(t, last.SpecDigest)
	require.Equal(t, &Tracking{State: TrackingOK, Server: "http://h", RunID: "first", URL: "http://h/first", Folds: 9, Calls: len(calls)}, out.Tracker)
	require.Empty(t, out.Warnings)
}

// Claim: without a server the run asks once and no more; with "off" it does not ask.
func TestUntracked(t *testing.T) {
	for spec, want := range map[string]int{``: 1, `,"tracker":{"uri":"off"}`: 0} {
		s, calls := newScript(), 0
		off := s.track
		s.track = func(in activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
			calls++
			return off(in)
		}
		out, err := s.run(t, demoSpec(spec))
		require.NoError(t, err)
		require.Nil(t, out.Tracker)
		require.Empty(t, out.Warnings)
		require.Equal(t, want, calls)
	}
}

// Claim: however calls fail, by error, panic or for ever, the run completes with the same
// result; failures are counted and are one warning at their beginning and one at the end.
func TestTrackerNeverFailsARun(t *testing.T) {
	for name, fail := range map[string]func(int, activities.SyncTrackerInput) error{
		"error": func(int, activities.SyncTrackerInput) error { return errTracker },
		"retried": func(int, activities.SyncTrackerInput) error {
			return temporal.NewApplicationError("scripted", activities.ErrTracker)
		},
		"panic": func(int, activities.SyncTrackerInput) error { panic("scripted") },
	} {
		f := &tracked{fail: fail}
		out, err := trackedRun(f).run(t, demoSpec(""))
		require.NoError(t, err, name)
		require.Equal(t, Completed, out.Outcome)
		require.Equal(t, 9, out.Trained)
		require.Equal(t, out.Tracker.Calls, out.Tracker.Failures)
		require.Equal(t, "$MLFLOW_TRACKING_URI", out.Tracker.Server)
		require.NotEqual(t, TrackingOK, out.Tracker.State)
		require.Contains(t, out.Tracker.Error, "scripted")
		require.Len(t, out.Warnings, 2)
		require.Contains(t, out.Warnings[0], "mlflow_error: the tracker does not take")
		require.Contains(t, out.Warnings[1], "starter track sync /out/sample/demo")
	}
}

// Claim: a tracker that comes back has everything in the end, and the last word is that it
// works; each series of failures was one warning.
func TestTrackerComesBack(t *testing.T) {
	began := []chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	f := &tracked{fail: func(n int, _ activities.SyncTrackerInput) error {
		if n <= len(began) {
			close(began[n-1])
		}
		if n == 1 || n == 3 {
			return errTracker
		}
		return nil
	}}
	s := trackedRun(f)
	fit, fits := s.fit, atomic.Int32{}
	// The last fit ends after the third call began, so that this is not the run's last.
	s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
		<-began[1]
		if fits.Add(1) == 9 {
			<-began[2]
		}
		return fit(ctx, in)
	}
	out, err := s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, TrackingOK, out.Tracker.State)
	require.Equal(t, 2, out.Tracker.Failures)
	require.Len(t, out.Warnings, 2)
}

// Claim: a run that is gone from the server and made anew is told of.
func TestTrackingRunRecreated(t *testing.T) {
	known := make(chan struct{})
	f := &tracked{}
	f.fail = func(n int, _ activities.SyncTrackerInput) error {
		switch n {
		case 2: // after the probe: the run is told its name
			close(known)
		case 3:
			f.id = "second"
		}
		return nil
	}
	s := trackedRun(f)
	fit := s.fit
	s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
		<-known // so that the end is a call of its own
		return fit(ctx, in)
	}
	out, err := s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, "second", out.Tracker.RunID)
	require.Len(t, out.Warnings, 1)
	require.Contains(t, out.Warnings[0], "the tracking run first was gone from the server; it was made anew as second")
}

// Claim: the tracker is told how a run ends, also when it is cancelled or fails; a run that
// could not be prepared is not tracked at all.
func TestTrackedEnds(t *testing.T) {
	f := &tracked{}
	s := trackedRun(f)
	s.fit = func(context.Context, activities.FitFoldInput) (*activities.FitFoldResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("scripted", activities.ErrNoEvents, nil)
	}
	_, err := s.run(t, demoSpec(""))
	require.Error(t, err)
	calls := f.made()
	require.Equal(t, activities.TrackedFailed, calls[len(calls)-1].Status)

	f = &tracked{}
	s = trackedRun(f)
	env := s.environment(t)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.OnActivity(activities.FitFoldName, anything, inputOf("weibull_aft")).After(time.Hour).Return(nil, errors.New("too late"))
	env.OnActivity(activities.FitFoldName, anything, anything).Return(s.fit)
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
	calls = f.made()
	require.Equal(t, activities.TrackedKilled, calls[len(calls)-1].Status)
	require.True(t, calls[len(calls)-1].Last)

	f = &tracked{}
	s = trackedRun(f)
	s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("scripted", activities.ErrDataInvalid, nil)
	}
	_, err = s.run(t, demoSpec(""))
	require.Error(t, err)
	for _, in := range f.made() {
		require.True(t, in.Probe)
	}
}

// slowly runs a workflow whose calls of the tracker each take so long and fail, and whose
// folds take a minute, one after the other. It returns how long the run took.
func slowly(t *testing.T, spec json.RawMessage, each time.Duration) (*sdktest.TestWorkflowEnvironment, time.Duration, *Result) {
	t.Helper()
	s := newScript()
	env := s.environment(t)
	env.OnActivity(activities.SyncTrackerName, anything, anything).After(each).Return(nil, errTracker)
	env.OnActivity(activities.FitFoldName, anything, anything).After(time.Minute).Return(s.fit)
	began := env.Now()
	env.ExecuteWorkflow(TrainSurvivalModelsName, spec)
	require.NoError(t, env.GetWorkflowError())
	var out Result
	require.NoError(t, env.GetWorkflowResult(&out))
	return env, env.Now().Sub(began), &out
}

// Claim: what failed calls cost is added up; once the budget is used up tracking is quiet,
// with one try a fold. None of it delays a fold, and the end of the run waits no longer than
// the budget.
func TestTrackerBudget(t *testing.T) {
	spec := func(budget string) json.RawMessage {
		return demoSpec(`,"resources":{"parallel_fits":1},"tracker":{"timeout":"10s","budget":"` + budget + `"}`)
	}
	_, without, _ := slowly(t, demoSpec(`,"resources":{"parallel_fits":1},"tracker":{"uri":"off"}`), 0)
	for budget, limit := range map[string]time.Duration{"45s": 45 * time.Second, "60s": time.Minute} {
		_, took, out := slowly(t, spec(budget), 20*time.Second)
		require.Equal(t, TrackingQuiet, out.Tracker.State, budget)
		require.Equal(t, 9, out.Trained)
		require.LessOrEqual(t, took-without, limit, budget)
		// the probe, the first sync, one a fold at most, the last
		require.LessOrEqual(t, out.Tracker.Calls, 1+1+9+1)
		require.InDelta(t, 20*out.Tracker.Calls, out.Tracker.FailedSeconds, 20)
	}
}

// Claim: with the budget nearly used up a call has one attempt.
func TestQuietMeansOneAttempt(t *testing.T) {
	attempts := map[bool]int{} // by whether the budget was used up
	f := &tracked{}
	s := trackedRun(f)
	failures := 0 // of the call
	f.fail = func(_ int, in activities.SyncTrackerInput) error {
		if failures++; failures < in.Tracker.Attempts {
			return temporal.NewApplicationError("scripted", activities.ErrTracker)
		}
		failures = 0
		return errTracker
	}
	out, err := s.run(t, demoSpec(`,"tracker":{"attempts":3,"timeout":"10s","budget":"12s"}`))
	require.NoError(t, err)
	require.Equal(t, TrackingQuiet, out.Tracker.State)
	probes := 0
	for _, in := range f.made() {
		if in.Probe {
			probes++
		}
		attempts[in.Last]++
	}
	require.Equal(t, 3, probes)
	require.Equal(t, 1, attempts[true])
}

// Claim: failures that a later attempt of the same call mends are one warning a series.
func TestMendedFailuresAreToldOnce(t *testing.T) {
	s, n := newScript(), 0
	s.track = func(activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
		n++
		out := &activities.SyncTrackerResult{Attempt: 1, RunID: "first"}
		if n == 1 || n == 2 {
			out.Attempt = 2
		}
		return out, nil
	}
	out, err := s.run(t, demoSpec(`,"tracker":{"uri":"http://h"}`))
	require.NoError(t, err)
	require.Equal(t, TrackingOK, out.Tracker.State)
	require.Equal(t, 2, out.Tracker.Failures)
	require.Equal(t, []string{"mlflow_error: the tracker took what it was sent at attempt 2 only"}, out.Warnings)
}

// Claim: a quiet tracker costs two timeouts a fold; the last call may take the whole budget,
// whatever was spent before.
func TestTrackerBounds(t *testing.T) {
	// Of two failures and of many a third of the budget is left, or nothing; at the end both have a
	// minute, less the 20 s of the call in flight then.
	for name, failures := range map[string]int{"two failures": 2, "quiet": 1000} {
		s, calls, bounds := newScript(), 0, map[time.Duration]bool{}
		var last time.Duration
		env := s.environment(t)
		env.OnActivity(activities.SyncTrackerName, anything, anything).After(20 * time.Second).Return(
			func(ctx context.Context, in activities.SyncTrackerInput) (*activities.SyncTrackerResult, error) {
				calls++
				last = activity.GetInfo(ctx).StartToCloseTimeout
				bounds[last] = true
				if calls <= failures {
					return nil, errTracker
				}
				return &activities.SyncTrackerResult{Attempt: 1}, nil
			})
		env.OnActivity(activities.FitFoldName, anything, anything).After(time.Minute).Return(s.fit)
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(`,"resources":{"parallel_fits":1},"tracker":{"timeout":"10s","budget":"1m"}`))
		require.NoError(t, env.GetWorkflowError(), name)
		require.Equal(t, map[time.Duration]bool{time.Minute: true, 40 * time.Second: true, 20 * time.Second: true}, bounds, name)
		require.Equal(t, 40*time.Second, last, name)
	}
}
