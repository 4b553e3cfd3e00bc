package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everfold/artifact"
	"everfold/config"
	"everfold/store/storetest"
)

// nights trains runs of the lab's spec under these names, the older first.
func nights(t *testing.T, l *lab, names ...string) {
	t.Helper()
	for _, name := range names {
		s := l.spec("run=" + name)
		l.train(s, config.Request{})
		l.summarize(s)
		for _, final := range []string{"cox_ph", "weibull_aft"} { // whichever is best
			_, err := l.env.ExecuteActivity(FitFinalName, FitFinalInput{Run: Ref(s), SpecDigest: s.Digest(), Model: final})
			require.NoError(t, err)
		}
	}
}

// PruneRuns removes what the retention does not keep of the template's runs: not the run that
// has just ended, not one whose lock is taken, none of another name.
func TestPruneRuns(t *testing.T) {
	l := newLab(t)
	nights(t, l, "night-2020", "night-2021", "by-hand", "night-2022", "night-2023")
	l.a.Locked = func(_ context.Context, id string) (bool, error) { return id == "everfold/production/night-2021", nil }
	in := PruneRunsInput{
		Run: Ref(l.spec("run=night-2022")), Template: "night-{year}",
		Retention: config.Retention{MaxAge: config.Age(time.Nanosecond)},
	}
	value, err := l.env.ExecuteActivity(PruneRunsName, in)
	require.NoError(t, err)
	var out PruneRunsResult
	require.NoError(t, value.Get(&out))
	require.Equal(t, []string{"night-2020"}, out.Removed)
	require.Equal(t, 3, out.Kept, "the newest good one too")
	require.Positive(t, out.Bytes)
	runs, err := artifact.List(t.Context(), l.root)
	require.NoError(t, err)
	require.Len(t, runs, 4)

	l.a.Locked = func(context.Context, string) (bool, error) { return false, errors.New("no answer") }
	_, err = l.env.ExecuteActivity(PruneRunsName, in)
	require.ErrorContains(t, err, "no answer")
}

// A run that is started again while it is removed is not removed any further: what the start has
// written stays, so its folds can be fitted.
func TestStartedWhileRemoved(t *testing.T) {
	l := newLab(t)
	nights(t, l, "night-2020", "night-2021")
	again := newLab(t) // another worker of the same store
	again.root = l.root
	s := l.spec("run=night-2020")
	l.root = &storetest.Faulty{Store: again.root, After: func(op storetest.Op, key string) error {
		if op == storetest.Delete && key == "production/night-2020/"+artifact.RunKey {
			_, err := again.prepare(s, config.Request{})
			require.NoError(t, err)
		}
		return nil
	}}
	l.a.Locked = func(context.Context, string) (bool, error) { return false, nil } // asked before the start
	value, err := l.env.ExecuteActivity(PruneRunsName, PruneRunsInput{
		Run: Ref(l.spec("run=night-2021")), Template: "night-{year}", Retention: config.Retention{MaxAge: config.Age(time.Nanosecond)},
	})
	require.NoError(t, err)
	var out PruneRunsResult
	require.NoError(t, value.Get(&out))
	require.Empty(t, out.Removed)
	for fold := range 3 {
		_, err := again.fit(s, "cox_ph", fold, "")
		require.NoError(t, err)
	}
	runs, err := artifact.List(t.Context(), again.root)
	require.NoError(t, err)
	require.Len(t, runs, 2)
}

// CompareBest tells both scores, and nothing of a run before it where there is none.
func TestCompareBestWithTheRunBefore(t *testing.T) {
	l := newLab(t)
	nights(t, l, "night-2020", "night-2021")
	compare := func(run string) CompareBestResult {
		value, err := l.env.ExecuteActivity(CompareBestName, CompareBestInput{Run: Ref(l.spec("run=" + run)), Template: "night-{year}"})
		require.NoError(t, err)
		var out CompareBestResult
		require.NoError(t, value.Get(&out))
		return out
	}
	out := compare("night-2021")
	require.Equal(t, "night-2020", out.Former)
	require.Equal(t, *out.CIndex, *out.FormerCIndex, "the same data and folds")
	require.Zero(t, out.Drop())
	first := compare("night-2020")
	require.NotNil(t, first.CIndex)
	require.Empty(t, first.Former)
	require.Zero(t, first.Drop())
}

// lockServer describes one workflow.
type lockServer struct {
	client.Client
	status enumspb.WorkflowExecutionStatus
	err    error
}

func (s lockServer) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: s.status},
	}, s.err
}

// A lock is taken while the workflow of its id runs or is paused; who cannot be asked is an error.
func TestRunLocked(t *testing.T) {
	for _, c := range []struct {
		server lockServer
		locked bool
		fails  bool
	}{
		{lockServer{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}, true, false},
		{lockServer{status: enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED}, true, false},
		{lockServer{status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED}, false, false},
		{lockServer{err: serviceerror.NewNotFound("none")}, false, false},
		{lockServer{err: serviceerror.NewUnavailable("down")}, false, true},
	} {
		locked, err := RunLocked(t.Context(), c.server, "everfold/production/x")
		require.Equal(t, c.locked, locked)
		require.Equal(t, c.fails, err != nil)
	}
}
