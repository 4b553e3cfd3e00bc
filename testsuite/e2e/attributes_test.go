package e2e

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// Claim: on a server that knows the search attributes a run is found by its name, type and
// outcome; on one that does not, the same run ends as well, without any.
func TestSearchAttributes(t *testing.T) {
	l := newLab(t)
	l.worker()
	l.starter(0, "run", filepath.Join("examples", "veteran.yaml"))
	harness.Eventually(t, "the run is found by its attributes", func() bool {
		list, err := l.server.Client().ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: "EverfoldRun = 'veteran' AND EverfoldType = 'production' AND EverfoldOutcome = 'completed' AND EverfoldFailed = 0",
		})
		require.NoError(t, err)
		return len(list.GetExecutions()) == 1 && list.GetExecutions()[0].GetExecution().GetWorkflowId() == "everfold/production/veteran"
	})

	plain := harness.Unstarted(t)
	plain.Attributes = []string{workflows.AttributeRun + "=Keyword", workflows.AttributeOutcome + "=Int"} // one of another kind
	plain.Restart()
	require.False(t, app.KnowsAttributes(t.Context(), plain.Client(), app.DialOptions{Address: plain.Address}))
	harness.Worker(t, plain.Address)
	l.server, l.env.Address = plain, plain.Address
	l.starter(0, "run", filepath.Join("examples", "veteran.yaml"), "--run", "plain")
	described, err := plain.Client().DescribeWorkflowExecution(t.Context(), "everfold/production/plain", "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, described.GetWorkflowExecutionInfo().GetStatus())
	require.NotContains(t, described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields(), workflows.AttributeRun)
}
