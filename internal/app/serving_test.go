package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
