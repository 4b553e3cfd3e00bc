package workflows

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// What the server takes by default: a payload, and events of a history.
const (
	payloadLimit = 2 << 20
	historyLimit = 51_200
)

// layouts are the extremes of what a spec may ask for: folds of one model, models, and both.
var layouts = []struct{ models, folds int }{
	{config.MaxFits / config.MaxFolds, config.MaxFolds},
	{config.MaxModels + 1, config.MaxFits / (config.MaxModels + 1)},
	{config.MaxFits / 100, 100},
}

// The longest payloads of the largest layouts stay below the server's limit, with a fifth to spare for what a codec
// adds: the plan, of folds that are reused or forced, what Summarize is told and tells, and the
// answer to the query where every fold has failed with a long reason.
func TestPayloadsOfTheLargestLayouts(t *testing.T) {
	score, digest := 0.12345678901234567, strings.Repeat("0123456789abcdef", 4)
	for _, l := range layouts {
		require.LessOrEqual(t, l.models*l.folds, config.MaxFits)
		b := newBoard()
		var plan activities.PrepareResult
		var in activities.SummarizeInput
		var out activities.SummarizeResult
		for m := range l.models {
			model := activities.ModelPlan{Model: fmt.Sprintf("%063d", m)}
			for k := range l.folds {
				model.Folds = append(model.Folds, activities.FoldPlan{Fold: k, Action: activities.Rescore, Force: digest, CIndex: &score, IBS: &score})
				in.Excused = append(in.Excused, activities.FoldRef{Model: model.Model, Fold: k, Failed: true})
				out.Incomplete = append(out.Incomplete, activities.Incomplete{Model: model.Model, Fold: k, Reason: strings.Repeat("x", 103)})
				failure := Failure{Model: model.Model, Fold: k, Type: activities.ErrStoreUnavailable, Message: strings.Repeat("x", 1500)}
				b.add(&cell{foldID: foldID{model.Model, k}, state: Failed, failure: &failure, action: activities.Train})
			}
			plan.Models = append(plan.Models, model)
		}
		for what, payload := range map[string]any{"plan": plan, "excused": in, "incomplete": out, "progress": b.progress()} {
			content, err := json.Marshal(payload)
			require.NoError(t, err)
			t.Logf("%d models x %d folds: %s has %d bytes", l.models, l.folds, what, len(content))
			require.Less(t, len(content), payloadLimit*4/5, what)
		}
	}
}

// The layout that has the longest histories is fitted: those of the run, where each signal is a workflow task of its own
// and is published and tracked alone, stay below the server's limit, and that of a model of the most
// folds below its warning.
func TestHistoriesOfTheLargestLayouts(t *testing.T) {
	l := layouts[1]
	s := newScript()
	s.lay(l.models, l.folds)
	counted := &signals{count: map[string]int{}}
	env := s.environment(t)
	env.SetWorkerOptions(workerOptions(counted))
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.NoError(t, env.GetWorkflowError())
	var out Result
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, l.models*l.folds, out.Trained)
	const task = 3 // scheduled, started, completed
	run := 60 + l.models*(3+2*task) + counted.count[SignalFoldsEnded]*(1+task+2*(3+task)) + counted.count[SignalSetParallelism]*(2+task)
	child := 60 + config.MaxFolds*(3+task+2+task) + 9*(2+task) // each fit and a report of it alone; signals that share out fits
	t.Logf("%d reports, at most %d events of the run, %d of a child", counted.count[SignalFoldsEnded], run, child)
	require.Less(t, run, historyLimit/2)
	require.Less(t, child, 10_000)
}

// The table of the Web UI, which looks at every fold, is drawn once for a report, not once for each fold of
// it: a replay draws as often as the run did.
func TestTableIsDrawnOncePerReport(t *testing.T) {
	env := newScript().environment(t)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		reports := workflow.NewBufferedChannel(ctx, 2)
		c := &crew{fanOut: (&Workflows{}).newFanOut(Work{}, newBoard()), at: map[string]*member{}, reports: reports}
		c.ended = func(workflow.Context, *cell) {}
		report := FoldsEnded{Model: "rsf"}
		for fold := range 100 {
			c.board.add(&cell{foldID: foldID{"rsf", fold}, state: Running})
			report.Folds = append(report.Folds, FoldEnd{Fold: fold, Action: activities.Train})
		}
		c.enlist(c.board.cells)
		reports.Send(ctx, report)
		c.take(ctx)
		require.Equal(t, 100, c.board.count(DoneState))
		require.Equal(t, 1, c.board.drawn)
		return nil
	})
	require.NoError(t, env.GetWorkflowError())
}
