package scale

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"everfold/activities"
	"everfold/artifact"
	"everfold/testsuite/harness"
)

// Claim: a divided run that is reset, before its children began or after, comes to its end.
func TestDividedReset(t *testing.T) {
	for _, first := range []bool{true, false} {
		l := newLab(t)
		g := newGate(nil)
		l.before = g.before
		l.serve(18, divide)
		run := l.start("reset", l.spec("reset", 3, 1, twoModels, ""))
		harness.Eventually(t, "nine folds are held", func() bool { return g.holding() == 9 })
		at := int64(0)
		events := l.client.GetWorkflowHistory(t.Context(), run.GetID(), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			e, err := events.Next()
			require.NoError(t, err)
			if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED && (at == 0 || !first) {
				at = e.GetEventId()
			}
		}
		again, err := l.client.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &common.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
			Reason: "test", WorkflowTaskFinishEventId: at, RequestId: "reset-once",
		})
		require.NoError(t, err)
		g.release()
		out := l.result(l.client.GetWorkflow(t.Context(), run.GetID(), again.GetRunId()))
		require.Equal(t, 9, out.Trained+out.Reused, "from the first task: %v", first)
		require.Zero(t, out.Failed)
	}
}

// Claim: a divided run that an operator resets when a child has ended and another has folds complete
// comes to its end, whichever moment of its history that was: neither child's folds are fitted
// again, also where their reports are left out. (The long form is divided by the product's own bound: 540
// fits.)
func TestDividedResetWhenAChildHasEnded(t *testing.T) {
	k, repeats, oneWorkflow := 3, 1, divide
	if long {
		k, repeats, oneWorkflow = 10, 18, 0
	}
	l := newLab(t)
	var g *gate
	var c *counts
	l.before = func(ctx context.Context, in activities.FitFoldInput) error { return g.before(ctx, in) }
	l.after = func(in activities.FitFoldInput, out *activities.FitFoldResult) { c.note(in, out) }
	total := 3 * k * repeats
	l.serve(total, oneWorkflow)
	for name, moment := range map[string]func(m moments) []string{
		"before-its-start": func(m moments) []string { return []string{fmt.Sprint(m.first)} },
		"after-its-start":  func(m moments) []string { return []string{fmt.Sprint(m.begun)} },
		"before-its-end":   func(m moments) []string { return []string{fmt.Sprint(m.last)} },
		"without-reports":  func(m moments) []string { return []string{fmt.Sprint(m.begun), "--reapply-exclude", "Signal"} },
	} {
		t.Run(name, func(t *testing.T) {
			c = &counts{of: map[artifact.Task]int{}}
			g = newGate(func(in activities.FitFoldInput) bool { return in.Model == "cox" || in.Model == "other" && in.Fold < 2 })
			run := l.start(name, l.spec(name, k, repeats, twoModels, ""))
			var m moments
			harness.Eventually(t, "a child has ended, another has told of two folds", func() bool {
				m = l.momentsOf(idOf(name), idOf(name)+"/cox")
				return m.ended && l.progress(idOf(name)).Done == k*repeats+2
			})
			r := harness.StartProgram(t, harness.Env{Address: l.server.Address}, harness.Temporal(t), append([]string{
				"workflow", "reset", "--workflow-id", run.GetID(), "--reason", "test", "--event-id"}, moment(m)...)...)
			require.Zero(t, r.Wait(), r.Stderr())
			g.release()
			out := l.result(l.client.GetWorkflow(t.Context(), run.GetID(), ""))
			require.Equal(t, []int{total, 0}, []int{out.Trained + out.Reused, out.Failed})
			require.Len(t, c.of, total)
			for task, n := range c.of {
				require.Equal(t, 1, n, task)
			}
			l.requireChildrenClosed(name, "cox", "other", "km")
		})
	}
}

// counts are how often folds were really fitted.
type counts struct {
	mu sync.Mutex
	of map[artifact.Task]int
}

func (c *counts) note(in activities.FitFoldInput, out *activities.FitFoldResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if out.Action == activities.Train {
		c.of[artifact.Task{Model: in.Model, Fold: in.Fold}]++
	}
}

// moments are workflow tasks of a run, each by the event that ended it: its first one, and the first
// and the last between the start of a child and that child's end.
type moments struct {
	first, begun, last int64
	ended              bool
}

func (l *lab) momentsOf(run, child string) (m moments) {
	l.t.Helper()
	started := false
	events := l.client.GetWorkflowHistory(l.t.Context(), run, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() && !m.ended {
		e, err := events.Next()
		require.NoError(l.t, err)
		started = started || e.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution().GetWorkflowId() == child
		m.ended = e.GetChildWorkflowExecutionCompletedEventAttributes().GetWorkflowExecution().GetWorkflowId() == child
		if e.GetEventType() != enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		m.first = cmp.Or(m.first, e.GetEventId())
		if started {
			m.begun, m.last = cmp.Or(m.begun, e.GetEventId()), e.GetEventId()
		}
	}
	return m
}
