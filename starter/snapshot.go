package main

import (
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"everfold/config"
	"everfold/workflows"
)

const (
	describeTimeout = 5 * time.Second
	// queryTimeout is short: without a worker a query is never answered, and the rest of
	// the picture comes from the server itself.
	queryTimeout = 3 * time.Second
)

// snapshot is what is known of an execution at one moment.
type snapshot struct {
	execution string // the run id that Temporal gave
	status    enumspb.WorkflowExecutionStatus
	started   time.Time
	closed    time.Time
	progress  *workflows.Progress // nil: the workflow did not answer
	silence   error               // why not
	beats     map[cellID]workflows.FitProgress
	retries   []retry
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
	described, err := describe(ctx, c, id, execution)
	if err != nil {
		return nil, err
	}
	s := described
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	value, err := c.QueryWorkflow(queryCtx, id, execution, workflows.QueryProgress)
	if err != nil {
		s.silence = err
		return s, ctx.Err()
	}
	var p workflows.Progress
	if err := value.Get(&p); err != nil {
		s.silence = err
		return s, nil
	}
	s.progress = &p
	return s, nil
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
		execution: info.GetExecution().GetRunId(), status: info.GetStatus(),
		started: info.GetStartTime().AsTime(), beats: map[cellID]workflows.FitProgress{},
	}
	if info.GetCloseTime() != nil {
		s.closed = info.GetCloseTime().AsTime()
	}
	for _, activity := range response.GetPendingActivities() {
		s.add(activity)
	}
	return s, nil
}

func (s *snapshot) add(activity *workflowpb.PendingActivityInfo) {
	var cell *cellID
	if beat, err := fitProgress(activity.GetHeartbeatDetails()); err == nil {
		cell = &cellID{beat.Model, beat.Fold}
		s.beats[*cell] = beat
	}
	if activity.GetAttempt() > 1 && activity.GetLastFailure() != nil {
		s.retries = append(s.retries, retry{
			activity: activity.GetActivityType().GetName(), cell: cell,
			attempt: int(activity.GetAttempt()), reason: activity.GetLastFailure().GetMessage(),
		})
	}
}

var errNoHeartbeat = errors.New("no heartbeat of a fit")

func fitProgress(details *commonpb.Payloads) (workflows.FitProgress, error) {
	var beat workflows.FitProgress
	if len(details.GetPayloads()) == 0 {
		return beat, errNoHeartbeat
	}
	if err := converter.GetDefaultDataConverter().FromPayloads(details, &beat); err != nil {
		return beat, err
	}
	if beat.Model == "" {
		return beat, errNoHeartbeat
	}
	return beat, nil
}

// estimate is how long a run will still take.
type estimate struct {
	left time.Duration
	// bound: left is a lower bound, because no fold of some model has been trained yet.
	bound bool
}

// String is "about 5 min 03 s left", or "" where there is nothing worth saying.
func (e estimate) String() string {
	switch {
	case e.left < time.Second:
		return ""
	case e.bound:
		return "over " + rough(e.left) + " left"
	}
	return "about " + rough(e.left) + " left"
}

// remaining estimates how long the folds not yet done will take: each as long as its
// model's trained folds took on average, spread over the fits now running. A model without
// one counts nothing, and makes the estimate a bound; the baseline, which is the last one
// and quick, is taken for average. It is false where nothing has been trained yet.
func remaining(p *workflows.Progress, beats map[cellID]workflows.FitProgress) (estimate, bool) {
	var overall mean
	for _, m := range p.Models {
		for _, f := range m.Folds {
			overall.add(f)
		}
	}
	if overall.n == 0 {
		return estimate{}, false
	}
	var e estimate
	work := 0.0
	for _, m := range p.Models {
		own, open := overall, 0.0
		var model mean
		for _, f := range m.Folds {
			model.add(f)
			open += openShare(f, beats[cellID{m.Model, f.Fold}])
		}
		switch {
		case model.n > 0:
			own = model
		case m.Model != config.KM && open > 0:
			e.bound = true
			continue
		}
		work += own.value() * open
	}
	e.left = time.Duration(work / float64(max(1, p.Running)) * float64(time.Second))
	return e, true
}

// mean is the mean duration of the folds trained in this execution.
type mean struct {
	n   int
	sum float64
}

func (m *mean) add(f workflows.FoldProgress) {
	if f.State == workflows.DoneState && f.Seconds > 0 {
		m.n++
		m.sum += f.Seconds
	}
}

func (m *mean) value() float64 { return m.sum / float64(m.n) }

// openShare is the part of a fold that is still to do.
func openShare(f workflows.FoldProgress, beat workflows.FitProgress) float64 {
	switch {
	case f.State == workflows.Waiting:
		return 1
	case f.State == workflows.Running && beat.Stage == "fit" && beat.Total > 0:
		return 1 - min(1, beat.Done/beat.Total)
	case f.State == workflows.Running:
		return 1
	}
	return 0
}
