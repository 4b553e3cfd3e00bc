package scale

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"everfold/testsuite/harness"
)

// Claim: a divided run that is reset, before its children began or after, comes to its end.
func TestDividedReset(t *testing.T) {
	for _, first := range []bool{true, false} {
		l := newLab(t)
		g := newGate(nil)
		l.before = g.before
		l.serve(18, divide)
		run := l.start("reset", l.spec("reset", 3, 1, twoModels, ""))
		harness.Eventually(t, "nine folds are held", func() bool { return g.holding() == 9 })
		at := int64(0)
		events := l.client.GetWorkflowHistory(t.Context(), run.GetID(), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(t, err)
			if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED && (at == 0 || !first) {
				at = e.GetEventId()
			}
		}
		again, err := l.client.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &common.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
			Reason: "test", WorkflowTaskFinishEventId: at, RequestId: "reset-once",
		})
		require.NoError(t, err)
		g.release()
		out := l.result(l.client.GetWorkflow(t.Context(), run.GetID(), again.GetRunId()))
		require.Equal(t, 9, out.Trained+out.Reused, "from the first task: %v", first)
		require.Zero(t, out.Failed)
	}
}
