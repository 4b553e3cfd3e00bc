package scale

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
	"everfold/artifact"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// divide lets any run have children.
const divide = 1

var twoModels = []string{"cox", "other"}

// gate lets some fits pass and holds the others until it is opened or they are cancelled. The
// zero value is shut.
type gate struct {
	pass func(in activities.FitFoldInput) bool // nil: none
	once sync.Once
	open chan struct{}
	mu   sync.Mutex
	held int
	fits map[string]int // attempts that passed, by model and fold
}

func newGate(pass func(activities.FitFoldInput) bool) *gate {
	return &gate{pass: pass, open: make(chan struct{}), fits: map[string]int{}}
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

// before holds a fit.
func (g *gate) before(ctx context.Context, in activities.FitFoldInput) error {
	if g.pass == nil || !g.pass(in) {
		if err := g.hold(ctx, activities.FitProgress{Model: in.Model, Fold: in.Fold, Stage: "fit", Done: 1, Total: 2}); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fits[artifact.Task{Model: in.Model, Fold: in.Fold}.String()]++
	return nil
}

// hold holds an activity.
func (g *gate) hold(ctx context.Context, progress ...any) error {
	g.mu.Lock()
	g.held++
	g.mu.Unlock()
	return harness.Hold(ctx, g.open, progress...)
}

func (g *gate) holding() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held
}

// statusOf is how an execution stands.
func (l *lab) statusOf(id string) enums.WorkflowExecutionStatus {
	l.t.Helper()
	d, err := l.client.DescribeWorkflowExecution(l.t.Context(), id, "")
	require.NoError(l.t, err)
	return d.GetWorkflowExecutionInfo().GetStatus()
}

// requireChildrenClosed: no child of a run is left.
func (l *lab) requireChildrenClosed(run string, models ...string) {
	l.t.Helper()
	for _, m := range models {
		require.NotEqual(l.t, enums.WORKFLOW_EXECUTION_STATUS_RUNNING, l.statusOf(idOf(run)+"/"+m), m)
	}
}

// untimed is model_metrics.csv without the two columns that measure time.
func untimed(t *testing.T, content string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	require.NoError(t, err)
	for i, name := range rows[0] {
		if strings.HasSuffix(name, "_seconds") {
			for _, row := range rows[1:] {
				row[i] = ""
			}
		}
	}
	return rows
}

// Claim: a run whose folds are fitted by children ends as the same run in one workflow: the same
// tables, and the same counts for whoever asks. Its children are there for whoever looks.
func TestDividedRunIsTheSame(t *testing.T) {
	l := newLab(t)
	stop := l.serve(2, 0)
	one := l.result(l.start("one", l.spec("one", 3, 1, twoModels, "")))
	stop()
	l.serve(2, divide)
	many := l.result(l.start("many", l.spec("many", 3, 1, twoModels, "")))
	require.Equal(t, one.Leaderboard, many.Leaderboard)
	require.Equal(t, []any{9, 9, one.Outcome, one.Predictions.Model},
		[]any{many.Trained, many.Planned, many.Outcome, many.Predictions.Model})
	require.Equal(t, untimed(t, l.file("one", artifact.MetricsKey)), untimed(t, l.file("many", artifact.MetricsKey)))
	require.Equal(t, l.file("one", artifact.SummaryKey), l.file("many", artifact.SummaryKey))
	p, q := l.progress(idOf("one")), l.progress(idOf("many"))
	require.Equal(t, []any{p.Done, p.Stage, p.Running}, []any{q.Done, q.Stage, q.Running})
	for _, m := range append(twoModels, "km") {
		require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, l.statusOf(idOf("many")+"/"+m))
		require.Equal(t, 3, l.progress(idOf("many")+"/"+m).Done)
	}
}

// Claim: cancelling a divided run ends its children with their fits, what is complete is
// published first, and the next start fits what is left, once.
func TestDividedCancelAndResume(t *testing.T) {
	l := newLab(t)
	g := newGate(func(in activities.FitFoldInput) bool { return in.Model == "cox" && in.Fold < 2 })
	l.before = g.before
	l.serve(9, divide)
	spec := l.spec("stopped", 3, 1, twoModels, "")
	run := l.start("stopped", spec)
	harness.Eventually(t, "two folds are done and seven held", func() bool {
		return g.holding() == 7 && l.progress(idOf("stopped")).Done == 2
	})
	require.NoError(t, l.client.CancelWorkflow(t.Context(), run.GetID(), ""))
	require.True(t, temporal.IsCanceledError(run.Get(t.Context(), nil)))
	l.requireChildrenClosed("stopped", "cox", "other", "km")
	require.Equal(t, 3, strings.Count(l.file("stopped", artifact.MetricsKey), "\n"))

	g.release()
	out := l.result(l.start("stopped", spec))
	require.Equal(t, 2, out.Reused)
	require.Equal(t, 7, out.Trained)
	for fold, n := range g.fits {
		require.Equal(t, 1, n, fold)
	}
}

// Claim: a divided run that is terminated takes its children along; a start that follows at once
// is not in their way, nor they in its.
func TestDividedTerminatedAndStartedAgain(t *testing.T) {
	l := newLab(t)
	g := newGate(nil)
	l.before = g.before
	l.serve(18, divide)
	spec := l.spec("ended", 3, 1, twoModels, "")
	first := l.start("ended", spec)
	harness.Eventually(t, "nine folds are held", func() bool { return g.holding() == 9 })
	child := idOf("ended") + "/cox"
	former, err := l.client.DescribeWorkflowExecution(t.Context(), child, "")
	require.NoError(t, err)
	require.NoError(t, l.client.TerminateWorkflow(t.Context(), first.GetID(), first.GetRunID(), "test"))
	second := l.start("ended", spec)
	harness.Eventually(t, "the folds of the second start are held", func() bool { return g.holding() == 18 })
	old := former.GetWorkflowExecutionInfo().GetExecution()
	now, err := l.client.DescribeWorkflowExecution(t.Context(), child, old.GetRunId())
	require.NoError(t, err)
	require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED, now.GetWorkflowExecutionInfo().GetStatus())
	g.release()
	require.Equal(t, 9, l.result(second).Planned)
	l.requireChildrenClosed("ended", "cox", "other", "km")
}

// Claim: starter status names what the children of a run are fitting.
func TestDividedStatus(t *testing.T) {
	l := newLab(t)
	g := newGate(nil)
	l.before = g.before
	l.serve(9, divide)
	run := l.start("asked", l.spec("asked", 3, 1, twoModels, ""))
	env := harness.Env{Address: l.server.Address}
	harness.Eventually(t, "status lists nine fits in hand", func() bool {
		r := harness.Starter(t, env, "status", "production/asked", "--json")
		require.Zero(t, r.Exit, r.Stderr)
		var status struct {
			Running  []workflows.FitProgress `json:"running"`
			Progress workflows.Progress      `json:"progress"`
		}
		require.NoError(t, json.Unmarshal([]byte(r.Stdout), &status))
		return len(status.Running) == 9 && status.Progress.Running == 9
	})
	require.Contains(t, harness.Starter(t, env, "status", "production/asked").Stdout, "other fold 2 fit 50 %")
	g.release()
	l.result(run)
}
