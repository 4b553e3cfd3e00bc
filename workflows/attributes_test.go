package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkconverter "go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	sdktest "go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// tagged runs a workflow with the attributes of a start and returns what it tagged.
func tagged(t *testing.T, env *sdktest.TestWorkflowEnvironment, start temporal.SearchAttributes, more string) []temporal.SearchAttributes {
	t.Helper()
	require.NoError(t, env.SetTypedSearchAttributesOnStart(start))
	var ends []temporal.SearchAttributes
	env.OnUpsertTypedSearchAttributes(mock.MatchedBy(func(a temporal.SearchAttributes) bool {
		ends = append(ends, a)
		return true
	})).Return(nil).Maybe()
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(more))
	require.True(t, env.IsWorkflowCompleted())
	return ends
}

// How a run ended is in its search attributes where its start has them, and nowhere
// otherwise: a server that does not know them would refuse the workflow.
func TestEndIsTagged(t *testing.T) {
	spec, _, err := config.DecodeInput(demoSpec(""))
	require.NoError(t, err)
	start := Attributes(spec)
	run, ok := start.GetKeyword(runKey)
	require.True(t, ok)
	require.Equal(t, "demo", run)
	kind, _ := start.GetKeyword(typeKey)
	require.Equal(t, "sample", kind)

	partial, failed := newScript(), newScript()
	partial.fit = failing(partial.fit, "cox_ph", 2, activities.ErrNotConverged)
	failed.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("no", activities.ErrDataInvalid, nil)
	}
	cancelled := newScript().environment(t)
	cancelled.RegisterDelayedCallback(cancelled.CancelWorkflow, time.Minute)
	cancelled.OnActivity(activities.FitFoldName, anything, anything).After(time.Hour).Return(nil, errors.New("too late"))
	for _, c := range []struct {
		env     *sdktest.TestWorkflowEnvironment
		outcome string
		failed  int64
		more    string
	}{
		{newScript().environment(t), "completed", 0, ""}, {partial.environment(t), "partial", 1, ""},
		{partial.environment(t), "failed", 1, `,"on_model_failure":"fail"`},
		{failed.environment(t), "failed", 0, ""}, {cancelled, "cancelled", 0, ""},
	} {
		ends := tagged(t, c.env, start, c.more)
		require.NotEmpty(t, ends, c.outcome)
		last := ends[len(ends)-1]
		outcome, _ := last.GetKeyword(outcomeKey)
		count, _ := last.GetInt64(failedKey)
		require.Equal(t, c.outcome, outcome)
		require.Equal(t, c.failed, count, c.outcome)
	}

	half := temporal.NewSearchAttributes(runKey.ValueSet("demo"), outcomeKey.ValueSet("running"))
	for _, a := range tagged(t, newScript().environment(t), half, "") {
		require.False(t, a.ContainsKey(outcomeKey))
	}
}

// The run of a schedule whose starts have the attributes has its own; other schedules' runs
// have none.
func TestScheduledRunIsTagged(t *testing.T) {
	for _, known := range []bool{true, false} {
		env := newScript().scheduledEnvironment(t, time.Time{})
		if known {
			spec, _, err := config.DecodeInput(demoSpec(""))
			require.NoError(t, err)
			require.NoError(t, env.SetTypedSearchAttributesOnStart(ScheduleAttributes(spec, "demo")))
		}
		var outcomes []string
		env.SetOnChildWorkflowStartedListener(func(_ *workflow.Info, ctx workflow.Context, _ sdkconverter.EncodedValues) {
			outcome, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(outcomeKey)
			outcomes = append(outcomes, outcome)
		})
		env.ExecuteWorkflow(ScheduledTrainingName, scheduled("", ""))
		require.NoError(t, env.GetWorkflowError())
		require.Equal(t, []string{map[bool]string{true: "running"}[known]}, outcomes)
	}
}
