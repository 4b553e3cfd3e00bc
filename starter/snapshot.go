package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"everfold/internal/app"
	"everfold/workflows"
)

const (
	// describeTimeout bounds one question to the server, which a busy one takes some seconds for.
	describeTimeout = 10 * time.Second
	// queryTimeout is short: without a worker a query is never answered, and the rest of
	// the picture comes from the server itself.
	queryTimeout = 3 * time.Second
)

// snapshot is what is known of an execution at one moment.
type snapshot struct {
	at        time.Time
	execution string // the run id that Temporal gave
	status    enumspb.WorkflowExecutionStatus
	started   time.Time
	closed    time.Time
	events    int64               // of the history
	progress  *workflows.Progress // nil: the workflow did not answer
	silence   error               // why not
	beats     map[cellID]workflows.FitProgress
	since     map[cellID]time.Duration // how long fits in hand have been going on that were not begun before
	retries   []retry
	children  []*workflowpb.PendingChildExecutionInfo
	inHand    int      // fits that a worker has; others that run wait for one
	atWork    int      // activities of any kind that a worker has
	waits     []string // task queues of those that no worker has
	// taskAttempt is how often the present task of the workflow has been tried, this time included.
	taskAttempt int32

	versioning *workflowpb.WorkflowExecutionVersioningInfo
}

// cellID is one fold of one model.
type cellID struct {
	model string
	fold  int
}

// retry is an activity whose last attempt failed and that is tried again.
type retry struct {
	activity string
	cell     *cellID // nil: not a fit, or one that never sent a heartbeat
	attempt  int     // the present or next one
	reason   string
}

func (s *snapshot) running() bool {
	return s.status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// look takes a snapshot. An error says that the server did not answer; a workflow that
// does not answer is in snapshot.silence.
func look(ctx context.Context, c client.Client, id, execution string) (*snapshot, error) {
	s, err := describe(ctx, c, id, execution)
	if err != nil {
		return nil, err
	}
	models, err := s.lookAtModels(ctx, c)
	if err != nil {
		return nil, err
	}
	s.join(models)
	return s, s.ask(ctx, c, id, execution)
}

// ask has the workflow say how far it is. An error says that ctx has ended.
func (s *snapshot) ask(ctx context.Context, c client.Client, id, execution string) error {
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	value, err := c.QueryWorkflow(queryCtx, id, execution, workflows.QueryProgress)
	if err != nil {
		s.silence = err
		return ctx.Err()
	}
	var p workflows.Progress
	if err := value.Get(&p); err != nil {
		s.silence = err
		return nil
	}
	s.progress = &p
	return nil
}

// describe is the part of a snapshot that needs no worker.
func describe(ctx context.Context, c client.Client, id, execution string) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	response, err := c.DescribeWorkflowExecution(ctx, id, execution)
	if err != nil {
		return nil, err
	}
	info := response.GetWorkflowExecutionInfo()
	s := &snapshot{
		at: time.Now(), execution: info.GetExecution().GetRunId(), status: info.GetStatus(), events: info.GetHistoryLength(),
		started: info.GetStartTime().AsTime(), beats: map[cellID]workflows.FitProgress{},
		since: map[cellID]time.Duration{}, versioning: info.GetVersioningInfo(),
	}
	if info.GetCloseTime() != nil {
		s.closed = info.GetCloseTime().AsTime()
	}
	s.taskAttempt = response.GetPendingWorkflowTask().GetAttempt()
	for _, activity := range response.GetPendingActivities() {
		s.add(keysOf(c), activity)
	}
	s.children = response.GetPendingChildren()
	return s, nil
}

// childrenAtOnce bounds the questions to the server about a large run.
const childrenAtOnce = 8

// lookAtModels is what a large run's children are fitting, one child a model; nil of a run that
// has none.
func (s *snapshot) lookAtModels(ctx context.Context, c client.Client) ([]*snapshot, error) {
	slices.SortFunc(s.children, func(a, b *workflowpb.PendingChildExecutionInfo) int {
		return strings.Compare(a.GetWorkflowId(), b.GetWorkflowId())
	})
	models := make([]*snapshot, len(s.children))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(childrenAtOnce)
	for i, child := range s.children {
		group.Go(func() error {
			m, err := describe(ctx, c, child.GetWorkflowId(), child.GetRunId())
			var gone *serviceerror.NotFound
			if errors.As(err, &gone) {
				return nil // it has ended meanwhile, and its history is kept no longer
			}
			models[i] = m
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(models, func(m *snapshot) bool { return m == nil }), nil
}

// join adds what the children of a run are fitting.
func (s *snapshot) join(models []*snapshot) {
	for _, m := range models {
		maps.Copy(s.beats, m.beats)
		s.retries = append(s.retries, m.retries...)
		s.inHand += m.inHand
		s.atWork += m.atWork
		s.waits = append(s.waits, m.waits...)
	}
}

func (s *snapshot) add(keys *app.CodecKeys, activity *workflowpb.PendingActivityInfo) {
	switch queue := activity.GetActivityOptions().GetTaskQueue().GetName(); {
	case activity.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED:
		s.atWork++
	case !slices.Contains(s.waits, queue):
		s.waits = append(s.waits, queue)
	}
	if activity.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED && strings.HasPrefix(activity.GetActivityType().GetName(), "Fit") {
		s.inHand++
	}
	var cell *cellID
	if beat, err := fitProgress(keys, activity.GetHeartbeatDetails()); err == nil {
		cell = &cellID{beat.Model, beat.Fold}
		s.beats[*cell] = beat
		if started := activity.GetLastStartedTime(); started != nil && activity.GetAttempt() == 1 {
			s.since[*cell] = s.at.Sub(started.AsTime())
		}
	}
	if activity.GetAttempt() > 1 && activity.GetLastFailure() != nil {
		s.retries = append(s.retries, retry{
			activity: activity.GetActivityType().GetName(), cell: cell,
			attempt: int(activity.GetAttempt()), reason: keys.Message(activity.GetLastFailure()),
		})
	}
}

var errNoHeartbeat = errors.New("no heartbeat of a fit")

func fitProgress(keys *app.CodecKeys, details *commonpb.Payloads) (workflows.FitProgress, error) {
	var beat workflows.FitProgress
	if len(details.GetPayloads()) == 0 {
		return beat, errNoHeartbeat
	}
	if err := keys.DataConverter().FromPayloads(details, &beat); err != nil {
		return beat, err
	}
	if beat.Model == "" {
		return beat, errNoHeartbeat
	}
	return beat, nil
}
