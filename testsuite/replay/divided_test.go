package replay

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"everfold/activities"
)

// dividedScenarios are runs whose folds are fitted by children, and such children.
var dividedScenarios = []scenario{
	{name: "divided", oneWorkflow: divided, ends: completed, shows: models(3, enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)},
	{name: "divided-reused", run: "divided", oneWorkflow: divided, ends: completed, shows: models(0, 0)},
	{name: "divided-partial", oneWorkflow: divided, before: failWeibull, ends: completed, shows: models(3, enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)},
	{name: "divided-failed", oneWorkflow: divided, before: failWeibull, replace: [2]string{`"run"`, `"on_model_failure":"fail","resources":{"parallel_fits":1},"run"`}, ends: failed,
		shows: func(t *testing.T, h shape) { require.Positive(t, h.events[startChild]) }},
	{name: "divided-cancelled", oneWorkflow: divided, before: holdFits, operate: cancel, ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		shows: models(3, enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED)},
	{name: "divided-updated", oneWorkflow: divided, before: holdFits, operate: skipAndNarrow, ends: completed, shows: func(t *testing.T, h shape) {
		require.Equal(t, 2, h.events[enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED])
		require.Equal(t, 1, h.events[enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED])
		require.Positive(t, h.events[enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED])
	}},
	{name: "divided-repaired", oneWorkflow: divided, before: damageOnce, ends: completed, shows: models(4, enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)},
	{name: "divided-tagged", tags: true, oneWorkflow: divided, ends: completed, shows: func(t *testing.T, h shape) {
		models(3, enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)(t, h)
		tags(1)(t, h)
	}},
	{name: "divided-model", oneWorkflow: divided, child: "cox_ph", ends: completed, shows: func(t *testing.T, h shape) {
		fits(3)(t, h)
		require.Positive(t, h.events[enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED], "reports")
	}},
	{name: "divided-model-cancelled", oneWorkflow: divided, child: "cox_ph", before: holdFits, operate: cancel,
		ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: func(t *testing.T, h shape) {
			require.Equal(t, 3, h.events[enums.EVENT_TYPE_ACTIVITY_TASK_CANCELED])
		}},
}

const startChild = enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED

// models expects so many children, that all end so, and no fit of the run's own.
func models(n int, how enums.EventType) func(*testing.T, shape) {
	return func(t *testing.T, h shape) {
		require.Equal(t, n, h.events[startChild])
		require.Equal(t, n, h.events[how])
		require.Zero(t, h.scheduled[activities.FitFoldName])
	}
}
