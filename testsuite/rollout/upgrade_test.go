package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everfold/testsuite/harness"
)

// Claim: a run that began on the worker of an earlier commit goes on when that worker is
// replaced by the present one: no workflow task fails, the checkpoint of the long fit in hand
// is taken up, and the bytes are those of a run by the present worker alone.
//
// Where an algorithm has another version since, the present worker leaves the run's fits alone:
// the run says why it waits, and its next start fits anew what is asked for.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	l := newLab(t, long)
	old := l.worker(earlierWorker(t), "old", "--slots", "1")
	l.start("rollout")
	l.underWay("rollout", "old")
	l.worker(harness.WorkerBinary(t), "new")
	require.Zero(t, old.Stop())
	if !l.versions("rollout").Equal(undisturbed(t, long).versions) {
		l.replan("rollout")
	}
	l.result("rollout")
	require.Equal(t, "new", l.manifest("rollout", "gbsa").Worker)
	l.requireClean("rollout")
	l.requireWorth("rollout", long)
}

// replan is what an operator does whose new workers have other algorithms than the run.
func (l *lab) replan(run string) {
	l.t.Helper()
	l.t.Log("an algorithm has another version since: the run is planned again")
	harness.Eventually(l.t, "the run says that versions differ", func() bool {
		for _, r := range l.status(run).Retries {
			if r.Reason != "" {
				return true
			}
		}
		return false
	})
	l.command("cancel", "production/"+run)
	p := harness.StartStarter(l.t, l.env, "watch", "production/"+run)
	<-p.Exited()
	l.start(run, "--retrain-changed")
}

// requireClean: no workflow task of a run failed, as one would whose replay goes another way.
func (l *lab) requireClean(run string) {
	l.t.Helper()
	events := l.server.Client().GetWorkflowHistory(l.t.Context(), "everfold/production/"+run, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(l.t, err)
		require.NotEqual(l.t, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, e.GetEventType(), "%v", e)
	}
}
