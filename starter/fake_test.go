package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"everfold/workflows"
)

// fakeServer is a Temporal server with one execution. Methods that no test needs panic,
// because the embedded Client is nil.
type fakeServer struct {
	client.Client
	address   string
	described []describeAnswer // one a call; the last is repeated
	progress  []workflows.Progress
	silent    error // what queries return instead of progress
	unheard   []int // queries, counted from 0, that nobody answers in time
	result    workflows.Result
	failed    error // what the execution ended with
	startErr  error
	updateErr error
	workers   map[string]int // by task queue; they are unversioned
	versioned []string       // build ids of more workers, each at all queues, of the deployment everfold
	routed    *taskqueuepb.TaskQueueVersioningInfo
	schedules *fakeSchedules

	started   *client.StartWorkflowOptions
	input     json.RawMessage
	cancelled bool
	updates   []client.UpdateWorkflowOptions
	looks     int
	queries   int // that were answered
	asked     int // queries
	polled    int // how often it was asked who polls a queue
}

type describeAnswer struct {
	status  enumspb.WorkflowExecutionStatus
	digest  string
	output  string    // of the memo; "": none there
	events  int64     // of the history; 0: one more each time
	started time.Time // zero: long ago
	pending []*workflowpb.PendingActivityInfo
	pinned  *workflowpb.WorkflowExecutionVersioningInfo
	// children answer for themselves, by workflow id; those that are gone have err.
	children map[string]describeAnswer
	err      error
}

func running() describeAnswer {
	return describeAnswer{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}
}

func closed() describeAnswer {
	return describeAnswer{status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED}
}

func (f *fakeServer) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	f.started, f.input = &o, args[0].(json.RawMessage)
	return fakeRun{f}, f.startErr
}

func (f *fakeServer) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	a, isChild := f.described[min(max(0, f.looks-1), len(f.described)-1)].children[id]
	if !isChild {
		a = f.described[min(f.looks, len(f.described)-1)]
		f.looks++
	}
	if a.err != nil {
		return nil, a.err
	}
	info := &workflowpb.WorkflowExecutionInfo{
		Status: a.status, Execution: &commonpb.WorkflowExecution{RunId: "execution-1"}, HistoryLength: cmp.Or(a.events, int64(f.looks)),
		VersioningInfo: a.pinned,
	}
	if !a.started.IsZero() {
		info.StartTime = timestamppb.New(a.started)
	}
	info.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{}}
	for field, value := range map[string]string{workflows.MemoSpecDigest: a.digest, workflows.MemoOutput: a.output} {
		if value == "" {
			continue
		}
		payload, err := converter.GetDefaultDataConverter().ToPayload(value)
		if err != nil {
			panic(err)
		}
		info.Memo.Fields[field] = payload
	}
	out := &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info, PendingActivities: a.pending}
	for id := range a.children {
		out.PendingChildren = append(out.PendingChildren, &workflowpb.PendingChildExecutionInfo{WorkflowId: id, WorkflowTypeName: workflows.TrainModelName})
	}
	return out, nil
}

func (f *fakeServer) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	if f.silent != nil {
		return nil, f.silent
	}
	f.asked++
	if slices.Contains(f.unheard, f.asked-1) {
		return nil, context.DeadlineExceeded
	}
	p := f.progress[min(f.queries, len(f.progress)-1)]
	f.queries++
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(p)
	if err != nil {
		return nil, err
	}
	return client.NewValue(payloads), nil
}

func (f *fakeServer) GetWorkflow(context.Context, string, string) client.WorkflowRun {
	return fakeRun{f}
}

func (f *fakeServer) CancelWorkflow(context.Context, string, string) error {
	f.cancelled = true
	return nil
}

func (f *fakeServer) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.updates = append(f.updates, o)
	return fakeUpdate{f}, f.updateErr
}

func (f *fakeServer) Close() {}

type fakeRun struct{ server *fakeServer }

func (fakeRun) GetID() string                  { return "everfold/production/tiny" }
func (fakeRun) GetRunID() string               { return "execution-1" }
func (fakeRun) GetFirstExecutionRunID() string { return "execution-1" }

func (r fakeRun) Get(_ context.Context, value any) error {
	if r.server.failed != nil {
		return r.server.failed
	}
	*value.(*workflows.Result) = r.server.result
	return nil
}

func (r fakeRun) GetWithOptions(ctx context.Context, value any, _ client.WorkflowRunGetOptions) error {
	return r.Get(ctx, value)
}

type fakeUpdate struct{ server *fakeServer }

func (fakeUpdate) WorkflowID() string { return "everfold/production/tiny" }
func (fakeUpdate) RunID() string      { return "execution-1" }
func (fakeUpdate) UpdateID() string   { return "update-1" }

func (u fakeUpdate) Get(_ context.Context, value any) error {
	*value.(*workflows.Progress) = u.server.progress[0]
	return nil
}

// fitting is a pending activity that has sent a heartbeat.
func fitting(beat workflows.FitProgress, attempt int32, lastFailure string) *workflowpb.PendingActivityInfo {
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(beat)
	if err != nil {
		panic(err)
	}
	info := &workflowpb.PendingActivityInfo{
		ActivityType: &commonpb.ActivityType{Name: "FitFold"}, HeartbeatDetails: payloads, Attempt: attempt,
	}
	if lastFailure != "" {
		info.LastFailure = &failurepb.Failure{Message: lastFailure}
	}
	return info
}

// scheduled is a pending activity that no worker has.
func scheduled(name, queue string) *workflowpb.PendingActivityInfo {
	return &workflowpb.PendingActivityInfo{
		ActivityType: &commonpb.ActivityType{Name: name}, State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 1,
		ActivityOptions: &activitypb.ActivityOptions{TaskQueue: &taskqueuepb.TaskQueue{Name: queue}},
	}
}

// invocation is a program under test with its streams.
type invocation struct {
	out, err bytes.Buffer
	program  *program
}

// invoke runs a command line against server and returns the exit code.
func invoke(server *fakeServer, args ...string) (*invocation, int) {
	i := prepared(server)
	return i, i.program.main(context.Background(), args)
}

// prepared is a program that has not been given a command line yet.
func prepared(server *fakeServer) *invocation {
	i := &invocation{}
	i.program = &program{
		console: &console{out: &i.out, err: &i.err, getenv: func(string) string { return "" }},
		services: services{
			dial: func(context.Context) (*link, error) {
				return &link{Client: server, address: server.address, namespace: "default"}, nil
			},
			embed: func(context.Context, *console) (*link, error) {
				return &link{Client: server, webUI: "http://127.0.0.1:8233"}, nil
			},
			configured: func() (bool, error) { return true, nil },
			environ:    func() []string { return nil },
		},
	}
	return i
}

func number(v float64) *float64 { return &v }

// tiny is a run half-way through: two models of two folds.
func tiny() workflows.Progress {
	return workflows.Progress{
		Stage: "fitting", Output: "/data/outputs/production/tiny", Planned: 4, Done: 2, Reused: 1, Running: 1, Parallel: 2,
		Models: []workflows.ModelProgress{
			{Model: "cox_ph", Folds: []workflows.FoldProgress{
				{Fold: 0, State: workflows.DoneState, Action: workflows.Reuse, CIndex: number(0.71), IBS: number(0.15)},
				{Fold: 1, State: workflows.DoneState, Action: workflows.Train, CIndex: number(0.73), IBS: number(0.14), Seconds: 4, Attempt: 2},
			}},
			{Model: "km", Folds: []workflows.FoldProgress{
				{Fold: 0, State: workflows.Running},
				{Fold: 1, State: workflows.Waiting},
			}},
		},
	}
}

// atOnce is a wait that takes no time, up to a number of calls.
func atOnce(clock *time.Time) func(context.Context, time.Duration) error {
	return func(ctx context.Context, d time.Duration) error {
		*clock = clock.Add(d)
		return ctx.Err()
	}
}
