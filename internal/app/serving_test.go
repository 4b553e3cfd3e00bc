package app

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// pollers is a server that knows pollers of the train queue alone: a twice, b, and one of a
// version.
type pollers struct {
	client.Client
	last time.Time
	err  error

	inHand                map[string][]*workflowpb.PendingActivityInfo // by workflow id
	unlisted, undescribed error
}

func (p pollers) DescribeTaskQueue(_ context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	out := &workflowservice.DescribeTaskQueueResponse{}
	if queue != "everfold-train" || kind != enumspb.TASK_QUEUE_TYPE_ACTIVITY {
		return out, p.err
	}
	for _, name := range []string{"a", "a", "b"} {
		out.Pollers = append(out.Pollers, &taskqueuepb.PollerInfo{Identity: name, LastAccessTime: timestamppb.New(p.last)})
	}
	out.Pollers = append(out.Pollers, &taskqueuepb.PollerInfo{Identity: "c", LastAccessTime: timestamppb.New(p.last),
		DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "everfold", BuildId: "v1",
			WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED}})
	out.VersioningInfo = &taskqueuepb.TaskQueueVersioningInfo{
		CurrentDeploymentVersion: &deploymentpb.WorkerDeploymentVersion{DeploymentName: "everfold", BuildId: "v1"},
		RampingDeploymentVersion: &deploymentpb.WorkerDeploymentVersion{DeploymentName: "everfold", BuildId: "v2"}, RampingVersionPercentage: 5,
	}
	return out, p.err
}

func (p pollers) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	out := &workflowservice.ListWorkflowExecutionsResponse{}
	for id := range p.inHand {
		out.Executions = append(out.Executions, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
	}
	return out, p.unlisted
}

// crowded is a server with pages and pages of executions, whose fits the given ones have in hand, a page each;
// then there are pages without fits for as long as somebody asks, an answer each second.
type crowded struct {
	pollers
	busy  []*workflowpb.PendingActivityInfo
	pages *int // that were asked for
}

func (c crowded) ListWorkflow(ctx context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	page := len(r.GetNextPageToken())
	*c.pages++
	if page >= len(c.busy) {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &workflowservice.ListWorkflowExecutionsResponse{
		Executions:    []*workflowpb.WorkflowExecutionInfo{{Execution: &commonpb.WorkflowExecution{WorkflowId: strconv.Itoa(page)}}},
		NextPageToken: make([]byte, page+1),
	}, nil
}

func (c crowded) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	out := &workflowservice.DescribeWorkflowExecutionResponse{}
	if page, err := strconv.Atoi(id); err == nil && page < len(c.busy) {
		out.PendingActivities = c.busy[page : page+1]
	}
	return out, nil
}

// Claim: busy workers are looked for on page after page of the executions until each queue of activities has
// one of what was asked for, and no longer than a question may take.
func TestServingLooksAtAllExecutions(t *testing.T) {
	const started = enumspb.PENDING_ACTIVITY_STATE_STARTED
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		elsewhere, v1 := fit("a", started, time.Second, false), Version{"everfold", "v1"}
		elsewhere.ActivityOptions.TaskQueue.Name = "everfold-io"
		ofV1 := fit("d", started, time.Second, true)
		ofV1.ActivityOptions.TaskQueue.Name = "everfold-io"
		all := crowded{pollers{last: begun.Add(-2 * time.Minute)}, []*workflowpb.PendingActivityInfo{
			fit("lost", started, time.Hour, false), elsewhere, fit("b", started, time.Second, false), fit("c", started, time.Second, true), ofV1}, new(int)}
		queues, err := Serving(t.Context(), all, Version{})
		require.NoError(t, err)
		require.Equal(t, 3, *all.pages)
		require.Equal(t, map[Version]int{{}: 1}, queues[1].Workers)
		require.Equal(t, map[Version]int{{}: 1}, queues[2].Workers)

		*all.pages = 0
		queues, err = Serving(t.Context(), all, v1)
		require.NoError(t, err)
		require.Equal(t, 5, *all.pages)
		require.Equal(t, 1, queues[2].Workers[v1])
		require.Zero(t, time.Since(begun))

		all.busy = all.busy[:3]
		queues, err = Serving(t.Context(), all, v1)
		require.NoError(t, err)
		require.Zero(t, queues[1].Workers[v1])
		require.Equal(t, 1, queues[1].Count())
		require.Equal(t, busyWithin, time.Since(begun))
	})
}

func (p pollers) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: p.inHand[id]}, p.undescribed
}

// fit is an activity that a worker was heard of at some time ago, of version v1 where versioned.
func fit(worker string, state enumspb.PendingActivityState, heard time.Duration, versioned bool) *workflowpb.PendingActivityInfo {
	a := &workflowpb.PendingActivityInfo{
		State: state, LastWorkerIdentity: worker, LastStartedTime: timestamppb.New(time.Now().Add(-time.Hour)),
		LastHeartbeatTime: timestamppb.New(time.Now().Add(-heard)),
		ActivityOptions:   &activitypb.ActivityOptions{TaskQueue: &taskqueuepb.TaskQueue{Name: "everfold-train"}},
	}
	if versioned {
		a.LastDeploymentVersion = &deploymentpb.WorkerDeploymentVersion{DeploymentName: "everfold", BuildId: "v1"}
	}
	return a
}

// A worker with full hands asks for no more work, so after a minute its last poll is old: what it
// has in hand, with a heartbeat, shows that it serves all the same. One that is lost has none.
func TestServingCountsBusyWorkers(t *testing.T) {
	const started, scheduled = enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	busy := pollers{last: time.Now().Add(-2 * time.Minute), inHand: map[string][]*workflowpb.PendingActivityInfo{
		"everfold/production/one": {fit("a", started, time.Second, false), fit("a", started, time.Second, false), fit("lost", started, 2*time.Minute, false)},
		"everfold/production/two": {fit("c", started, time.Second, true), fit("gone", scheduled, time.Second, false)},
	}}
	queues, err := Serving(t.Context(), busy)
	require.NoError(t, err)
	require.Equal(t, map[Version]int{{}: 1, {"everfold", "v1"}: 1}, queues[1].Workers)
	require.Zero(t, queues[0].Count())

	busy.last = time.Now() // a and c poll as well: each counts once
	queues, err = Serving(t.Context(), busy)
	require.NoError(t, err)
	require.Equal(t, map[Version]int{{}: 2, {"everfold", "v1"}: 1}, queues[1].Workers)

	for _, mute := range []pollers{{unlisted: errors.New("no")}, {inHand: busy.inHand, undescribed: errors.New("no")}} {
		queues, err = Serving(t.Context(), mute)
		require.NoError(t, err)
		require.Zero(t, queues[1].Count())
	}
}

// Workers are counted once each and by their versions, while the server has seen them
// lately; new runs begin on the current version and on the ramping one.
func TestServing(t *testing.T) {
	v1, v2 := Version{"everfold", "v1"}, Version{"everfold", "v2"}
	queues, err := Serving(t.Context(), pollers{last: time.Now()})
	require.NoError(t, err)
	require.Equal(t, []Queue{
		{Name: "everfold-workflows", Workers: map[Version]int{}},
		{Name: "everfold-train", Workers: map[Version]int{{}: 2, v1: 1}, Current: v1, Ramping: v2, Share: 5},
		{Name: "everfold-io", Workers: map[Version]int{}},
	}, queues)
	require.Equal(t, 3, queues[1].Count())
	require.Equal(t, []Version{v1, {}}, queues[1].Versions())
	require.Equal(t, []Version{v1, v2}, queues[1].Targets())
	require.Equal(t, []Version{{}}, queues[0].Targets())
	queues, err = Serving(t.Context(), pollers{last: time.Now().Add(-2 * time.Minute)})
	require.NoError(t, err)
	require.Zero(t, queues[1].Count())
	_, err = Serving(t.Context(), pollers{err: errors.New("no")})
	require.ErrorContains(t, err, "everfold-workflows")
}

// An execution is pinned by what its workflow asks for, unless an operator moved it.
func TestPinnedTo(t *testing.T) {
	v1 := &deploymentpb.WorkerDeploymentVersion{DeploymentName: "everfold", BuildId: "v1"}
	v2 := &deploymentpb.WorkerDeploymentVersion{DeploymentName: "everfold", BuildId: "v2"}
	pinned := enumspb.VERSIONING_BEHAVIOR_PINNED
	for _, tc := range []struct {
		info *workflowpb.WorkflowExecutionVersioningInfo
		want Version
		ok   bool
	}{
		{info: nil},
		{info: &workflowpb.WorkflowExecutionVersioningInfo{Behavior: enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE, DeploymentVersion: v1}},
		{info: &workflowpb.WorkflowExecutionVersioningInfo{Behavior: pinned, DeploymentVersion: v1}, want: Version{"everfold", "v1"}, ok: true},
		{info: &workflowpb.WorkflowExecutionVersioningInfo{Behavior: pinned, DeploymentVersion: v1, VersioningOverride: &workflowpb.VersioningOverride{
			Override: &workflowpb.VersioningOverride_AutoUpgrade{AutoUpgrade: true}}}},
		{info: &workflowpb.WorkflowExecutionVersioningInfo{Behavior: pinned, DeploymentVersion: v1, VersioningOverride: &workflowpb.VersioningOverride{
			Override: &workflowpb.VersioningOverride_Pinned{Pinned: &workflowpb.VersioningOverride_PinnedOverride{Version: v2}}}},
			want: Version{"everfold", "v2"}, ok: true},
	} {
		got, ok := PinnedTo(tc.info)
		require.Equal(t, tc.want, got)
		require.Equal(t, tc.ok, ok)
	}
}
