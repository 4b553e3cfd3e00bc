package workflows

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// divided is a script of a run with children.
func divided() *script {
	s := newScript()
	s.oneWorkflow = 1
	return s
}

// lay makes the plan of models × folds, km among the models.
func (s *script) lay(models, folds int) {
	s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
		out := &activities.PrepareResult{Run: activities.Ref(in.Spec), SpecDigest: in.Spec.Digest()}
		for m := range models {
			plan := activities.ModelPlan{Model: fmt.Sprintf("model_%d", m), Seconds: float64(models - m)}
			for k := range folds {
				plan.Folds = append(plan.Folds, activities.FoldPlan{Fold: k, Action: activities.Train})
			}
			out.Models = append(out.Models, plan)
		}
		return out, nil
	}
}

// signals counts what a run and its children send each other, and may refuse it.
type signals struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
	count   map[string]int
	refused error
	grants  *grants // nil: signals to children arrive at once
}

// grants are the signals to one child of a run that take a while.
type grants struct {
	model      string
	takes      time.Duration
	open, most int   // on their way, and at most at a time
	sent       []int // fits
}

// InterceptWorkflow, Init: see package interceptor.
func (s *signals) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	one := &signals{count: s.count, refused: s.refused, grants: s.grants}
	one.WorkflowInboundInterceptorBase.Next = next
	return one
}

func (s *signals) Init(next interceptor.WorkflowOutboundInterceptor) error {
	s.WorkflowOutboundInterceptorBase.Next = next
	return s.WorkflowInboundInterceptorBase.Next.Init(s)
}

func (s *signals) SignalExternalWorkflow(ctx workflow.Context, id, run, name string, arg any) workflow.Future {
	s.count[name]++
	if s.refused != nil {
		future, set := workflow.NewFuture(ctx)
		set.SetError(s.refused)
		return future
	}
	return s.WorkflowOutboundInterceptorBase.Next.SignalExternalWorkflow(ctx, id, run, name, arg)
}

func (s *signals) SignalChildWorkflow(ctx workflow.Context, id, name string, arg any) workflow.Future {
	s.count[name]++
	told := s.WorkflowOutboundInterceptorBase.Next.SignalChildWorkflow(ctx, id, name, arg)
	if s.grants == nil || !strings.HasSuffix(id, "/"+s.grants.model) {
		return told
	}
	g := s.grants
	g.open++
	g.most, g.sent = max(g.most, g.open), append(g.sent, arg.(SetParallelism).Fits)
	future, set := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.Sleep(ctx, g.takes)
		g.open--
		set.SetError(err)
	})
	return future
}

// The largest supported layout, 20 models and km of 10 × 10 folds: every fold is fitted once,
// and the run's own history stays under 10,000 events even where each report that its children
// send, and each signal to them, is a workflow task of its own, and is published and tracked alone.
func TestLargestLayout(t *testing.T) {
	for _, parallel := range []int{1, 8, maxFanOut} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			s := newScript() // the product's own threshold
			s.lay(21, 100)
			counted := &signals{count: map[string]int{}}
			env := s.environment(t)
			env.SetWorkerOptions(workerOptions(counted))
			out := resultIn(t, env, demoSpec(fmt.Sprintf(`,"resources":{"parallel_fits":%d}`, parallel)))
			require.Equal(t, 2100, out.Trained)
			const task = 3 // scheduled, started, completed
			events := 60 + 21*(3+2*task) +
				counted.count[SignalFoldsEnded]*(1+task+2*(3+task)) +
				counted.count[SignalSetParallelism]*(2+task)
			t.Logf("%d reports, %d signals to children: at most %d events", counted.count[SignalFoldsEnded], counted.count[SignalSetParallelism], events)
			require.Less(t, events, 10_000)
		})
	}
}

// A run of up to 500 fits has no child; one fit more, and it has one a model.
func TestOneWorkflowUpTo500Fits(t *testing.T) {
	for fits, children := range map[int]int{500: 0, 501: 3} {
		s := newScript()
		s.lay(3, 167)
		prepare := s.prepare
		s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
			out, err := prepare(in)
			last := &out.Models[2]
			last.Folds = last.Folds[:167-(501-fits)]
			return out, err
		}
		env := s.environment(t)
		var begun []string
		env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ valuesOf) {
			begun = append(begun, info.WorkflowExecution.ID)
		})
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, begun, children)
		if children > 0 {
			require.Contains(t, begun, "everfold/sample/demo/model_0")
		}
	}
}

// An operator's limit holds for all children together, lowered and raised while they fit;
// what the query calls running is what the limit allows.
func TestParallelismOfChildren(t *testing.T) {
	s := divided()
	s.lay(4, 10)
	env := s.environment(t)
	env.OnActivity(activities.FitFoldName, anything, anything).After(time.Minute).Return(s.fit)
	inFlight := countFits(env, func(int) {})
	running := func() (p Progress) {
		answer, err := env.QueryWorkflow(QueryProgress)
		require.NoError(t, err)
		require.NoError(t, answer.Get(&p))
		return p
	}
	at := func(after time.Duration, f func()) { env.RegisterDelayedCallback(f, after) }
	at(30*time.Second, func() {
		require.Equal(t, 12, *inFlight)
		require.Equal(t, 12, running().Running)
		env.SignalWorkflow(SignalFoldsEnded, FoldsEnded{Start: "an earlier one", Model: "model_0", Folds: []FoldEnd{{Fold: 0}}})
		env.SignalWorkflow(SignalFoldsEnded, FoldsEnded{Model: "unknown", Folds: []FoldEnd{{Fold: 0}}})
		require.Zero(t, running().Done, "reports of others")
		env.UpdateWorkflow(UpdateSetParallelism, "", accepted(t), SetParallelism{Fits: 3})
	})
	at(90*time.Second, func() { // the twelve have ended
		require.Equal(t, 3, *inFlight)
		require.Equal(t, 3, running().Running)
		env.UpdateWorkflow(UpdateSetParallelism, "", accepted(t), SetParallelism{Fits: 15})
	})
	at(100*time.Second, func() { require.Equal(t, 15, *inFlight) })
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(`,"resources":{"parallel_fits":12}`))
	require.NoError(t, env.GetWorkflowError())
	require.Zero(t, *inFlight)
	require.Equal(t, 40, running().Done)
}

// Of the numbers that a child is to be told while it is being told one, it is told the newest, after
// that; executions from before tell them all at once.
func TestOneGrantIsOnItsWay(t *testing.T) {
	for version, want := range map[workflow.Version]grants{
		1:                       {most: 1, sent: []int{1, 4}},
		workflow.DefaultVersion: {most: 4, sent: []int{1, 2, 3, 4}},
	} {
		s := divided()
		s.lay(1, 10)
		env := s.environment(t)
		env.OnGetVersion(crewChange, workflow.DefaultVersion, workflow.Version(1)).Return(version)
		env.OnActivity(activities.FitFoldName, anything, anything).After(time.Hour).Return(s.fit)
		g := &grants{model: "model_0", takes: time.Minute}
		env.SetWorkerOptions(workerOptions(&signals{count: map[string]int{}, grants: g}))
		for i := range 4 {
			env.RegisterDelayedCallback(func() {
				env.UpdateWorkflow(UpdateSetParallelism, "", accepted(t), SetParallelism{Fits: 1 + i})
			}, time.Duration(1+i)*time.Second)
		}
		env.RegisterDelayedCallback(func() {
			require.Equal(t, want.most, g.most)
			require.Equal(t, want.sent, g.sent)
		}, 10*time.Minute)
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(`,"resources":{"parallel_fits":8}`))
		require.NoError(t, env.GetWorkflowError())
	}
}

// Executions from before do not start a silent child again.
func TestSilentChildBefore(t *testing.T) {
	s := divided()
	env := s.environment(t)
	w := &Workflows{}
	env.OnGetVersion(crewChange, workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
	env.OnWorkflow(TrainModelName, anything, childOf("cox_ph")).Return(&TrainModelResult{Model: "cox_ph", Done: 3}, nil).Once()
	env.OnWorkflow(TrainModelName, anything, anything).Return(w.TrainModel)
	out := resultIn(t, env, demoSpec(""))
	require.Equal(t, Completed, out.Outcome)
	require.Equal(t, 6, out.Trained)
}

func childOf(model string) any {
	return mock.MatchedBy(func(in TrainModelInput) bool { return in.Model == model })
}

// A child that fails or is terminated has failed the folds it did not report, by name; the
// others are fitted.
func TestFailedChild(t *testing.T) {
	s := divided()
	env := s.environment(t)
	w := &Workflows{}
	env.OnWorkflow(TrainModelName, anything, childOf("cox_ph")).Return(nil, temporal.NewNonRetryableApplicationError("scripted", "Odd", nil))
	env.OnWorkflow(TrainModelName, anything, anything).Return(w.TrainModel)
	out := resultIn(t, env, demoSpec(""))
	require.Equal(t, Partial, out.Outcome)
	require.Equal(t, 6, out.Trained)
	require.Len(t, out.Failures, 3)
	require.Equal(t, Failure{Model: "cox_ph", Fold: 0, Type: "Odd", Message: "scripted"}, out.Failures[0])

	terminated := failureOfChild(&cell{foldID: foldID{"km", 1}}, fmt.Errorf("child: %w", &temporal.TerminatedError{}))
	require.Equal(t, "Terminated", terminated.Type)
	require.Contains(t, terminated.Message, "the workflow that fits km was terminated")
}

// A child that somebody cancels by hand is a model that is skipped in this execution.
func TestCancelledChildIsASkippedModel(t *testing.T) {
	s := divided()
	env := s.environment(t)
	w := &Workflows{}
	env.OnWorkflow(TrainModelName, anything, childOf("cox_ph")).Return(nil, temporal.NewCanceledError())
	env.OnWorkflow(TrainModelName, anything, anything).Return(w.TrainModel)
	out := resultIn(t, env, demoSpec(""))
	require.Equal(t, Completed, out.Outcome)
	require.Equal(t, []string{"cox_ph"}, out.Skipped)
	require.Equal(t, 6, out.Trained)
}

// A child that ends well without having reported its folds, as after a reset without signals, is
// started once more for them; if that tells nothing either, they have failed, by name.
func TestSilentChild(t *testing.T) {
	for silent, want := range map[int]struct {
		outcome Outcome
		trained int
	}{1: {Completed, 9}, 2: {Partial, 6}} {
		s := divided()
		env := s.environment(t)
		w := &Workflows{}
		env.OnWorkflow(TrainModelName, anything, childOf("cox_ph")).Return(&TrainModelResult{Model: "cox_ph", Done: 3}, nil).Times(silent)
		env.OnWorkflow(TrainModelName, anything, anything).Return(w.TrainModel)
		out := resultIn(t, env, demoSpec(""))
		require.Equal(t, want.outcome, out.Outcome)
		require.Equal(t, want.trained, out.Trained)
		for _, f := range out.Failures {
			require.Contains(t, f.Message, "cox_ph has ended twice without a word")
		}
	}
}

// A report that comes before the child of a reset run is started again leaves nothing to start;
// of a model that is skipped, complete folds count and failed ones do not.
func TestReportsOutOfTurn(t *testing.T) {
	s := divided()
	env := s.environment(t)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(SignalFoldsEnded, FoldsEnded{Model: "km", Folds: []FoldEnd{
			{Fold: 0, Action: activities.Train}, {Fold: 1, Action: activities.Train}, {Fold: 2, Action: activities.Train}}})
	}, 0)
	var begun []string
	env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ valuesOf) {
		begun = append(begun, info.WorkflowExecution.ID)
	})
	out := resultIn(t, env, demoSpec(""))
	require.Equal(t, 9, out.Trained)
	require.NotContains(t, begun, "everfold/sample/demo/km")

	c := &crew{fanOut: (&Workflows{}).newFanOut(Work{}, newBoard()), at: map[string]*member{}}
	for fold := range 2 {
		c.board.add(&cell{foldID: foldID{"rsf", fold}, state: Skipped})
	}
	m := &member{model: "rsf", cells: c.board.cells, left: 2, state: Running}
	c.at["rsf"] = m
	c.ended = func(workflow.Context, *cell) {}
	c.hear(nil, foldID{"rsf", 1}, FoldEnd{Fold: 1, Failure: &Failure{}})
	require.Equal(t, Skipped, c.board.cells[1].state)
	require.Equal(t, 2, m.left)
}

// A child whose run does not take its reports ends, and says so.
func TestLostRun(t *testing.T) {
	s := divided()
	env := s.environment(t)
	env.SetWorkerOptions(workerOptions(&signals{count: map[string]int{}, refused: errors.New("no such workflow")}))
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	var app *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &app)
	require.Equal(t, activities.ErrSuperseded, app.Type())
	require.Contains(t, app.Message(), "does not take reports any more: no such workflow")
}

// TrainModel is a child: started by hand it refuses, and says what to start.
func TestTrainModelIsAChild(t *testing.T) {
	env := newScript().environment(t)
	env.ExecuteWorkflow(TrainModelName, TrainModelInput{Model: "cox_ph"})
	var app *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &app)
	require.Equal(t, activities.ErrInvalidSpec, app.Type())
	require.Contains(t, app.Message(), "start TrainSurvivalModels")
}

// A report is due when it has enough folds, when half of the fits that the run believes in
// flight are not needed any more, or at once where a failure ends the run.
func TestReportIsDue(t *testing.T) {
	failed := FoldEnd{Failure: &Failure{}}
	for name, c := range map[string]struct {
		folds, told, fits, every int
		untold                   []FoldEnd
		failFast, want           bool
	}{
		"nothing ended":          {folds: 100, fits: 4, every: 5},
		"too few":                {folds: 100, fits: 4, every: 5, untold: make([]FoldEnd, 4)},
		"enough":                 {folds: 100, fits: 4, every: 5, untold: make([]FoldEnd, 5), want: true},
		"the end, none free":     {folds: 10, told: 5, fits: 4, every: 5, untold: make([]FoldEnd, 2)},
		"the end, half free":     {folds: 10, told: 5, fits: 4, every: 5, untold: make([]FoldEnd, 3), want: true},
		"one left of one":        {folds: 10, told: 8, fits: 1, every: 5, untold: make([]FoldEnd, 1)},
		"the last":               {folds: 10, told: 9, fits: 4, every: 5, untold: make([]FoldEnd, 1), want: true},
		"a failure":              {folds: 100, fits: 4, every: 5, untold: []FoldEnd{failed, {}}},
		"a failure ends the run": {folds: 100, fits: 4, every: 5, untold: []FoldEnd{failed, {}}, failFast: true, want: true},
	} {
		m := modelRun{in: TrainModelInput{Folds: make([]FoldToFit, c.folds), ReportEvery: c.every, FailFast: c.failFast},
			fits: c.fits, told: c.told, untold: c.untold}
		require.Equal(t, c.want, m.due(), name)
	}
}

// Runs that wait for the same workers take turns by their names, which fit the server's
// limit and differ where runs do; what a run cannot begin without, and what ends it, comes first.
func TestPriorities(t *testing.T) {
	long := strings.Repeat("n", 62)
	a, b := activities.RunRef{Type: "production", Run: long + "a"}, activities.RunRef{Type: "production", Run: long + "b"}
	require.NotEqual(t, priorityOf(a, 1).FairnessKey, priorityOf(b, 1).FairnessKey)
	require.Equal(t, priorityOf(a, 1).FairnessKey, priorityOf(a, 2).FairnessKey)
	require.LessOrEqual(t, len(priorityOf(a, 1).FairnessKey), maxFairnessKey)
	require.Equal(t, "sample/x", priorityOf(activities.RunRef{Type: "sample", Run: "x"}, 1).FairnessKey)

	w := &Workflows{}
	fold := w.fitOptions(Work{}, &cell{foldID: foldID{"rsf", 0}}, 0).Priority.PriorityKey
	final := w.fitOptions(Work{}, &cell{foldID: foldID{"rsf", activities.FinalFold}}, 0).Priority.PriorityKey
	require.Less(t, final, fold)
	require.Less(t, priorityPrepare, final)
	require.Equal(t, final, w.predictOptions(Work{}, "rsf").Priority.PriorityKey)
}
