package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"everfold/config"
)

// Every activity is missed within the heartbeat timeout when its worker vanishes, whatever
// it may otherwise take; has bounds for one attempt and for all; and retries without
// counting, since stopping a worker burns an attempt.
func TestEveryActivityIsMissedSoon(t *testing.T) {
	spec := &config.Spec{}
	spec.Resources.FitTimeout, spec.Resources.FitBudget = config.Duration(time.Hour), config.Duration(9*time.Hour)
	for _, timeout := range []time.Duration{0, 2 * time.Second} {
		w := &Workflows{HeartbeatTimeout: timeout}
		want := timeout
		if want == 0 {
			want = DefaultHeartbeatTimeout
		}
		for name, o := range map[string]workflow.ActivityOptions{
			"prepare": w.prepareOptions(spec), "fit": w.fitOptions(workOf(spec, ""), &cell{foldID: foldID{"cox_ph", 1}}),
			"publish": w.publishOptions(), "summarize": w.summarizeOptions(),
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
