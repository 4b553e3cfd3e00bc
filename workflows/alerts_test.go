package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
	"everfold/config"
)

// alerting is a spec with an endpoint, and perhaps how it was started.
func alerting(more string) []byte {
	return demoSpec(`,"notify":["${EVERFOLD_NOTIFY_TEAM}"]` + more)
}

const started = `,"request":{"start":{"spec":"/specs/my churn.yaml","set":["folds.k=3"],"run":"churn-2"}}`

// listen collects what is told, and answers that it was sent.
func (s *script) listen() *[]activities.NotifyInput {
	heard := &[]activities.NotifyInput{}
	s.notify = func(_ context.Context, in activities.NotifyInput) (*activities.NotifyResult, error) {
		*heard = append(*heard, in)
		return &activities.NotifyResult{Endpoints: []activities.Delivery{{Endpoint: "EVERFOLD_NOTIFY_TEAM", State: activities.AlertSent}}}, nil
	}
	return heard
}

// Each end of a run is told of once, by its name, with the failed folds and the command to go
// on; a run without endpoints tells nobody.
func TestEndsAreTold(t *testing.T) {
	s := newScript()
	heard := s.listen()
	out, err := s.run(t, alerting(""))
	require.NoError(t, err)
	require.Empty(t, out.Warnings)
	require.Len(t, *heard, 1)
	require.Equal(t, activities.EventCompleted, (*heard)[0].Event)
	require.Equal(t, []string{"${EVERFOLD_NOTIFY_TEAM}"}, (*heard)[0].Endpoints)
	require.Equal(t, activities.News{What: "Finished: of 9 folds 9 were trained, 0 scored again, 0 reused."}, (*heard)[0].News)
	require.False(t, (*heard)[0].Unchanged)

	s = newScript()
	s.fit = failing(s.fit, "cox_ph", 2, activities.ErrNotConverged)
	heard = s.listen()
	_, err = s.run(t, alerting(started))
	require.NoError(t, err)
	require.Len(t, *heard, 1)
	require.Equal(t, activities.EventPartial, (*heard)[0].Event)
	require.Equal(t, activities.News{
		What:     "Finished: of 9 folds 8 were trained, 0 scored again, 0 reused, 1 failed.",
		Resume:   "starter run '/specs/my churn.yaml' --set folds.k=3 --run churn-2 --only-failed",
		Failures: []activities.Trouble{{What: "cox_ph fold 2", Reason: "NotConverged: scripted"}},
	}, (*heard)[0].News)

	s = newScript()
	s.fit = failing(s.fit, "cox_ph", 0, activities.ErrNotConverged)
	heard = s.listen()
	_, err = s.run(t, alerting(`,"on_model_failure":"fail"`+started))
	require.Error(t, err)
	require.Len(t, *heard, 1)
	require.Equal(t, activities.EventFailed, (*heard)[0].Event)
	require.Equal(t, "The run failed: NotConverged: cox_ph fold 0: scripted", (*heard)[0].News.What)
	require.Equal(t, "starter run '/specs/my churn.yaml' --set folds.k=3 --run churn-2", (*heard)[0].News.Resume)

	s = newScript()
	heard = s.listen()
	_, err = s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Empty(t, *heard)
}

// That the tracker fails is told once a start, while the run goes on, with the command that
// sends what is missing; the run waits for the message at its end only.
func TestTrackerDownIsTold(t *testing.T) {
	f := &tracked{fail: func(n int, _ activities.SyncTrackerInput) error {
		if n == 2 {
			return nil // it comes back, and is lost again
		}
		return errTracker
	}}
	s := trackedRun(f)
	heard := s.listen()
	out, err := s.run(t, alerting(`,"tracker":{"uri":"http://h"}`))
	require.NoError(t, err)
	require.NotEmpty(t, out.Warnings)
	require.Len(t, *heard, 2)
	require.Equal(t, activities.EventTrackerDown, (*heard)[0].Event)
	require.Contains(t, (*heard)[0].News.What, "the run goes on, and sends everything once it answers. scripted")
	require.Equal(t, "starter track sync /out/sample/demo", (*heard)[0].News.Resume)
	require.Equal(t, activities.EventCompleted, (*heard)[1].Event)

	s = trackedRun(&tracked{fail: func(int, activities.SyncTrackerInput) error { return errTracker }})
	s.notify = func(_ context.Context, in activities.NotifyInput) (*activities.NotifyResult, error) {
		return &activities.NotifyResult{Endpoints: []activities.Delivery{{Endpoint: "A", State: activities.AlertUnclear}}}, nil
	}
	out, err = s.run(t, alerting(`,"tracker":{"uri":"http://h"}`))
	require.NoError(t, err)
	require.Contains(t, out.Warnings, "alert tracker_down did not arrive: A: unclear")
	require.Contains(t, out.Warnings, "alert completed did not arrive: A: unclear")
}

// A run that was started again and found everything complete says so, for the ledger.
func TestUnchangedRun(t *testing.T) {
	s := newScript()
	prepare := s.prepare
	s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
		out, err := prepare(in)
		for _, m := range out.Models {
			for i := range m.Folds {
				m.Folds[i].Action = activities.Reuse
			}
		}
		return out, err
	}
	heard := s.listen()
	_, err := s.run(t, alerting(""))
	require.NoError(t, err)
	require.True(t, (*heard)[0].Unchanged)
}

// Whoever cancels a run is not told that it is cancelled.
func TestCancelledIsNotTold(t *testing.T) {
	s := newScript()
	heard := s.listen()
	env := s.environment(t)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.OnActivity(activities.FitFoldName, anything, anything).After(time.Hour).Return(nil, errors.New("too late"))
	env.ExecuteWorkflow(TrainSurvivalModelsName, alerting(""))
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
	require.Empty(t, *heard)
}

// An alert that fails in any way is a warning of the run, after a bounded time; the run ends
// as it would have.
func TestAlertsNeverFailTheRun(t *testing.T) {
	for name, c := range map[string]struct {
		notify func(context.Context, activities.NotifyInput) (*activities.NotifyResult, error)
		want   string
		most   time.Duration
	}{
		"refused for good": {func(context.Context, activities.NotifyInput) (*activities.NotifyResult, error) {
			return &activities.NotifyResult{Endpoints: []activities.Delivery{{Endpoint: "A", State: activities.AlertRefused, Reason: "not set"}}}, nil
		}, "alert completed did not arrive: A: not set", time.Second},
		"always refused": {func(context.Context, activities.NotifyInput) (*activities.NotifyResult, error) {
			return nil, temporal.NewApplicationError("A: nobody listens", activities.ErrAlertNotSent)
		}, "alert completed did not arrive: AlertNotSent: A: nobody listens", 20 * time.Second},
		"panics": {func(context.Context, activities.NotifyInput) (*activities.NotifyResult, error) {
			panic("a bug")
		}, "alert completed did not arrive: ", 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.notify = c.notify
			env := s.environment(t)
			began := env.Now()
			env.ExecuteWorkflow(TrainSurvivalModelsName, alerting(""))
			require.NoError(t, env.GetWorkflowError())
			require.Less(t, env.Now().Sub(began), c.most)
			var out Result
			require.NoError(t, env.GetWorkflowResult(&out))
			require.Equal(t, Completed, out.Outcome)
			require.Len(t, out.Warnings, 1)
			require.Contains(t, out.Warnings[0], c.want)
		})
	}
}

// An endpoint that gives no answer, or a worker that does not come, costs the stated budget.
func TestAlertsAreBounded(t *testing.T) {
	o := (&Workflows{}).notifyOptions(activities.RunRef{}, activities.EventFailed)
	require.Equal(t, time.Minute, o.ScheduleToCloseTimeout)
	require.Equal(t, 20*time.Second, o.StartToCloseTimeout)
	require.Equal(t, 3*time.Second, (&Workflows{HeartbeatTimeout: 3 * time.Second}).notifyOptions(activities.RunRef{}, "").StartToCloseTimeout)

	s := newScript()
	env := s.environment(t)
	env.OnActivity(activities.NotifyName, anything, anything).Return(nil,
		temporal.NewTimeoutError(1, errors.New("scripted")))
	env.ExecuteWorkflow(TrainSurvivalModelsName, alerting(""))
	require.NoError(t, env.GetWorkflowError())
}

// The failures in a message are few and short; the rest is counted.
func TestTroublesAreBounded(t *testing.T) {
	b := newBoard()
	for fold := range 15 {
		failure := &Failure{Type: "Unknown", Message: strings.Repeat("ä", 500)}
		b.cells = append(b.cells, &cell{foldID: foldID{"rsf", fold}, state: Failed, failure: failure})
	}
	b.finals = []*cell{{foldID: foldID{"rsf", activities.FinalFold}, state: Failed, failure: &Failure{Type: "X"}}}
	first, more := b.troubles()
	require.Len(t, first, maxTold)
	require.Equal(t, 6, more)
	require.Less(t, len(first[0].Reason), maxReason+10)
	require.True(t, strings.HasPrefix(first[0].Reason, "Unknown: ä"))
}

// The command to go on is one that a shell takes; a run that was started by other means is
// started by them again.
func TestResume(t *testing.T) {
	r := &trainRun{spec: &config.Spec{Run: "demo", Type: config.Sample}}
	require.Contains(t, r.resume(true), "temporal workflow start --type TrainSurvivalModels --task-queue everfold-workflows --workflow-id everfold/sample/demo")
	r.request.Start = config.Start{Spec: "/a/b.yaml", Set: []string{`data.id="it's"`, "x=[1, 2]"}, Embedded: true}
	require.Equal(t, `starter run /a/b.yaml --set 'data.id="it'\''s"' --set 'x=[1, 2]' --only-failed --embedded`, r.resume(true))
	r.request.RetrainChanged = true
	require.Contains(t, r.resume(true), "--retrain-changed --embedded")
	require.NotContains(t, r.resume(true), "--only-failed")
}

// What is said of an error is the activity's own message, and how it ran out of time.
func TestReasonOf(t *testing.T) {
	require.Equal(t, "plain", reasonOf(errors.New("plain")))
	require.Equal(t, "T: m", reasonOf(temporal.NewApplicationError("m", "T")))
	require.Contains(t, reasonOf(temporal.NewTimeoutError(2, nil)), "out of time (")
	require.Contains(t, reasonOf(temporal.NewTimeoutError(3, temporal.NewApplicationError("m", "T"))), "at last T: m")
}
