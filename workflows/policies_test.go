package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// Every activity is missed within the heartbeat timeout when its worker vanishes, whatever
// it may otherwise take; has bounds for one attempt and for all; and retries without
// counting, since stopping a worker burns an attempt.
func TestEveryActivityIsMissedSoon(t *testing.T) {
	spec, run := &config.Spec{}, activities.RunRef{}
	spec.Resources.FitTimeout, spec.Resources.FitBudget = config.Duration(time.Hour), config.Duration(9*time.Hour)
	for _, timeout := range []time.Duration{0, 2 * time.Second} {
		w := &Workflows{HeartbeatTimeout: timeout}
		want := timeout
		if want == 0 {
			want = DefaultHeartbeatTimeout
		}
		for name, o := range map[string]workflow.ActivityOptions{
			"prepare": w.prepareOptions(spec), "fit": w.fitOptions(workOf(spec, ""), &cell{foldID: foldID{"cox_ph", 1}}, 0),
			"publish": w.publishOptions(run), "summarize": w.summarizeOptions(run),
		} {
			require.Equal(t, want, o.HeartbeatTimeout, name)
			require.Positive(t, o.StartToCloseTimeout, name)
			require.Greater(t, o.ScheduleToCloseTimeout, o.StartToCloseTimeout, name)
			require.Zero(t, o.ScheduleToStartTimeout, name)
			require.Zero(t, o.RetryPolicy.MaximumAttempts, name)
			require.NotEmpty(t, o.Summary, name)
		}
	}
}

// On the io queue what is short comes before what takes long, and that before what follows a run;
// runs take turns within.
func TestSmallCallsComeFirst(t *testing.T) {
	w, run := &Workflows{}, activities.RunRef{Type: config.Production, Run: "churn"}
	last := 0
	for _, level := range [][]workflow.ActivityOptions{
		{w.publishOptions(run), w.notifyOptions(run, activities.EventFailed), w.trackerOptions(run, config.Tracker{}, time.Minute, "")},
		{w.summarizeOptions(run), w.reportOptions(run)},
		{w.compareOptions(run), w.pruneOptions(run)},
	} {
		for _, o := range level {
			require.Equal(t, QueueIO, o.TaskQueue)
			require.Equal(t, "production/churn", o.Priority.FairnessKey, o.Summary)
			require.Equal(t, level[0].Priority, o.Priority, o.Summary)
		}
		require.Greater(t, level[0].Priority.PriorityKey, last)
		last = level[0].Priority.PriorityKey
	}
}

// No activity's attempts are counted by the server: a stop of its worker is one of them.
func TestNoAttemptsAreCounted(t *testing.T) {
	w, run := &Workflows{}, activities.RunRef{}
	for _, o := range []workflow.ActivityOptions{
		w.notifyOptions(run, activities.EventFailed), w.trackerOptions(run, config.Tracker{}, time.Minute, ""),
		w.reportOptions(run), w.compareOptions(run), w.pruneOptions(run),
	} {
		require.Zero(t, o.RetryPolicy.MaximumAttempts, o.Summary)
		require.Positive(t, o.ScheduleToCloseTimeout, o.Summary)
	}
}
