package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"everfold/artifact"
	"everfold/config"
	"everfold/logging"
)

// Registered names of what a schedule does beside its runs.
const (
	PruneRunsName   = "PruneRuns"
	CompareBestName = "CompareBest"
)

// PruneRunsInput names the run that has just ended, which stays, and the sequence it is of.
type PruneRunsInput struct {
	Run       RunRef           `json:"run"`
	Template  config.Template  `json:"run_template"`
	Retention config.Retention `json:"prune"`
}

// PruneRunsResult counts what was done.
type PruneRunsResult struct {
	Removed []string `json:"removed,omitempty"` // the first 50
	Count   int      `json:"count"`             // of all removed
	Kept    int      `json:"kept"`
	Bytes   int64    `json:"bytes"` // freed
}

// maxPruned bounds the list in a result.
const maxPruned = 50

// PruneRuns removes what the retention does not keep of the runs whose names a template can
// give. A run whose lock is taken stays.
func (a *Activities) PruneRuns(ctx context.Context, in PruneRunsInput) (*PruneRunsResult, error) {
	ctx, _, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	out, err := a.pruneRuns(ctx, in)
	return out, a.fail(ctx, "prune", err)
}

func (a *Activities) pruneRuns(ctx context.Context, in PruneRunsInput) (*PruneRunsResult, error) {
	leave, err := prunePlaces.enter(ctx, maxLongWait)
	if err != nil {
		return nil, err
	}
	defer leave()
	root, err := a.openRoot(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	report, err := artifact.Prune(ctx, alive{root}, artifact.PruneOptions{
		Type: in.Run.Type, Matches: in.Template.Names().MatchString, Retention: in.Retention,
		Now: time.Now(), Spare: in.Run.Run, Locked: a.locked,
	})
	if report == nil {
		return nil, err
	}
	out := &PruneRunsResult{Count: report.Removed, Kept: report.Kept, Bytes: report.Bytes}
	for _, v := range report.Runs {
		if v.Action == artifact.PruneKeep {
			continue
		}
		logging.From(ctx).Info("run removed", "removed", v.Run, "reason", v.Reason, "bytes", v.Bytes)
		if len(out.Removed) < maxPruned {
			out.Removed = append(out.Removed, v.Run)
		}
	}
	return out, err
}

// locked asks the server of the worker, which is that of every run of the namespace.
func (a *Activities) locked(ctx context.Context, workflowID string) (bool, error) {
	if a.Locked != nil {
		return a.Locked(ctx, workflowID)
	}
	return RunLocked(ctx, activity.GetClient(ctx), workflowID)
}

// RunLocked says whether a run is running, or paused: whether its workflow id, the lock, is taken.
func RunLocked(ctx context.Context, c client.Client, workflowID string) (bool, error) {
	d, err := c.DescribeWorkflowExecution(ctx, workflowID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for workflow %s: %w", workflowID, err)
	}
	status := d.GetWorkflowExecutionInfo().GetStatus()
	return status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, nil
}

// CompareBestInput names a run and the sequence it is of.
type CompareBestInput struct {
	Run      RunRef          `json:"run"`
	Template config.Template `json:"run_template"`
}

// CompareBestResult is the best C-index of a run and of the finished one before it. Undefined
// values are absent.
type CompareBestResult struct {
	Model        string   `json:"model,omitempty"`
	CIndex       *float64 `json:"cindex,omitempty"`
	Former       string   `json:"former,omitempty"` // the run before
	FormerModel  string   `json:"former_model,omitempty"`
	FormerCIndex *float64 `json:"former_cindex,omitempty"`
}

// Drop is by how much the best C-index is lower than before; 0 where it is not known.
func (r *CompareBestResult) Drop() float64 {
	if r.CIndex == nil || r.FormerCIndex == nil {
		return 0
	}
	return *r.FormerCIndex - *r.CIndex
}

// CompareBest compares a run's best model with that of the run before, from their tables.
func (a *Activities) CompareBest(ctx context.Context, in CompareBestInput) (*CompareBestResult, error) {
	ctx, _, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	out, err := a.compareBest(ctx, in)
	return out, a.fail(ctx, "compare with the run before", err)
}

func (a *Activities) compareBest(ctx context.Context, in CompareBestInput) (*CompareBestResult, error) {
	root, err := a.openRoot(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	now, former, err := artifact.BestOf(ctx, alive{root}, in.Run.Type, in.Run.Run, in.Template.Names().MatchString)
	if err != nil {
		return nil, err
	}
	out := &CompareBestResult{}
	if now != nil {
		out.Model, out.CIndex = now.Model, &now.Score
	}
	if former != nil {
		out.Former, out.FormerModel, out.FormerCIndex = former.Run, former.Model, &former.Score
	}
	return out, nil
}
