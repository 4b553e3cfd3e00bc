package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// blockedServer is one whose workers fail the run's task.
type blockedServer struct {
	*fakeServer
	events []*historypb.HistoryEvent
}

func (b *blockedServer) DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	d, err := b.fakeServer.DescribeWorkflowExecution(ctx, id, run)
	if err == nil {
		d.PendingWorkflowTask = &workflowpb.PendingWorkflowTaskInfo{Attempt: 7}
	}
	return d, err
}

func (b *blockedServer) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return &eventList{b.events}
}

type eventList struct{ left []*historypb.HistoryEvent }

func (l *eventList) HasNext() bool { return len(l.left) > 0 }

func (l *eventList) Next() (*historypb.HistoryEvent, error) {
	e := l.left[0]
	l.left = l.left[1:]
	return e, nil
}

func failedTask(message string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
			WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{Failure: &failurepb.Failure{Message: message}}}}
}

// Claim: where workers take the task of a run and fail it, whoever watches or asks is told why,
// instead of that nobody is there. What a worker has got over is no reason any more.
func TestBlockedRunIsExplained(t *testing.T) {
	completed := &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED}
	server := &blockedServer{
		fakeServer: &fakeServer{described: []describeAnswer{running(), running(), closed()}, silent: context.DeadlineExceeded},
		events:     []*historypb.HistoryEvent{failedTask("long ago"), completed, failedTask("it needs the key k1")},
	}
	var out bytes.Buffer
	f := newFollower(&link{Client: server}, production, "", newView(screen{Writer: &out}, production))
	var clock time.Time
	f.now = func() time.Time { clock = clock.Add(workerGrace); return clock }
	f.wait = func(context.Context, time.Duration) error { return nil }
	_, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Contains(t, out.String(), "the workers cannot answer for the run, which waits for one that can: it needs the key k1\n")

	server.looks = 0
	status, err := readStatus(t.Context(), &link{Client: server}, production)
	require.NoError(t, err)
	require.Equal(t, "it needs the key k1", status.Silence)
	server.looks, server.events = 0, server.events[:2]
	status, err = readStatus(t.Context(), &link{Client: server}, production)
	require.NoError(t, err)
	require.Equal(t, "no worker answers; start one with bin/worker", status.Silence)
}

// Claim: who was told that nobody answers hears of the reason as well, once it is known, and of each once.
func TestReasonThatIsKnownLater(t *testing.T) {
	server := &blockedServer{fakeServer: &fakeServer{
		described: []describeAnswer{running(), running(), running(), running(), running(), closed()}, silent: context.DeadlineExceeded,
	}}
	var out bytes.Buffer
	f := newFollower(&link{Client: server}, production, "", newView(screen{Writer: &out}, production))
	var clock time.Time
	f.now = func() time.Time { clock = clock.Add(workerGrace); return clock }
	f.wait = func(context.Context, time.Duration) error {
		if server.looks == 3 {
			server.events = []*historypb.HistoryEvent{failedTask("it needs the key k1")}
		}
		return nil
	}
	_, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(out.String(), "no worker answers"))
	require.Equal(t, 1, strings.Count(out.String(), "it needs the key k1"))
}
