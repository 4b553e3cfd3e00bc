package app

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"everfold/workflows"
)

const (
	// busyExecutions are looked at together for workers with full hands.
	busyExecutions = 50
	busyAtOnce     = 8
	// busyWithin bounds the search for them in all open executions: half the time that a question may take.
	busyWithin = 2500 * time.Millisecond
)

// addBusy adds the workers that have an activity in hand. One whose slots are all taken asks for
// no more, so after a while the server does not name it among the pollers of that queue. The newest
// executions come first; older ones are looked at while there are too few workers. A server that does
// not tell is no reason to say nothing else.
func addBusy(ctx context.Context, c client.Client, seen map[string]workers, tooFew func() bool) {
	ctx, cancel := context.WithTimeout(ctx, busyWithin)
	defer cancel()
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: busyExecutions,
		Query: fmt.Sprintf("ExecutionStatus = 'Running' AND WorkflowType IN ('%s', '%s', '%s')",
			workflows.TrainSurvivalModelsName, workflows.TrainModelName, workflows.RecoverRunName),
	}
	for more := true; more && ctx.Err() == nil; more = len(request.NextPageToken) > 0 && tooFew() {
		list, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return
		}
		addInHand(ctx, c, list.GetExecutions(), seen)
		request.NextPageToken = list.GetNextPageToken()
	}
}

// addInHand adds the workers that have an activity of one of the executions in hand.
func addInHand(ctx context.Context, c client.Client, executions []*workflowpb.WorkflowExecutionInfo, seen map[string]workers) {
	inHand := make([][]*workflowpb.PendingActivityInfo, len(executions))
	var group errgroup.Group
	group.SetLimit(busyAtOnce)
	for i, e := range executions {
		group.Go(func() error {
			found, err := c.DescribeWorkflowExecution(ctx, e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId())
			if err == nil { // else it has ended meanwhile, or the server does not tell
				inHand[i] = found.GetPendingActivities()
			}
			return nil
		})
	}
	_ = group.Wait() // no error is returned
	for _, activities := range inHand {
		for _, a := range activities {
			if queue, known := seen[a.GetActivityOptions().GetTaskQueue().GetName()]; known && alive(a) {
				queue[worker{a.GetLastWorkerIdentity(), versionOf(a.GetLastDeploymentVersion())}] = true
			}
		}
	}
}

// alive says whether a worker has the activity in hand and was heard of lately.
func alive(a *workflowpb.PendingActivityInfo) bool {
	switch a.GetState() {
	case enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED, enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED:
	default:
		return false
	}
	heard := a.GetLastStartedTime().AsTime()
	if beat := a.GetLastHeartbeatTime().AsTime(); beat.After(heard) {
		heard = beat
	}
	return time.Since(heard) < pollerAge
}
