package replay

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
)

// Claim: the run from before grants followed each other (testdata/before-crew), which
// TestHistoriesReplay replays, did send a child a second one while the first was on its way.
func TestOverlappingGrants(t *testing.T) {
	require.Positive(t, overlaps(read(t, pathOf("before-crew", "divided-overlapping"))))
	for _, sc := range dividedScenarios {
		require.Zero(t, overlaps(read(t, pathOf(unreleased, sc.name))), sc.name)
	}
}

// overlaps counts the signals to children that were sent while another one was on its way to the
// same child.
func overlaps(h *history.History) int {
	underWay, child, n := map[string]int{}, map[int64]string{}, 0
	for _, e := range h.GetEvents() {
		if a := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes(); a.GetChildWorkflowOnly() {
			id := a.GetWorkflowExecution().GetWorkflowId()
			child[e.GetEventId()] = id
			if underWay[id]++; underWay[id] > 1 {
				n++
			}
		}
		underWay[child[e.GetExternalWorkflowExecutionSignaledEventAttributes().GetInitiatedEventId()]]--
		underWay[child[e.GetSignalExternalWorkflowExecutionFailedEventAttributes().GetInitiatedEventId()]]--
	}
	return n
}
