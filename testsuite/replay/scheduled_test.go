package replay

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"everfold/activities"
	"everfold/artifact"
)

const nightly = `,"run_template":"night-{date}","timezone":"Europe/Berlin"`

// scheduledScenarios are starts of ScheduledTraining, by hand: the run has a date in its
// name. It is complete from the second on.
var scheduledScenarios = []scenario{
	{name: "scheduled", scheduled: nightly, ends: completed, shows: children(enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)},
	{name: "scheduled-refused", scheduled: `,"run_template":"night"`, ends: failed, shows: func(t *testing.T, h shape) {
		require.Zero(t, h.events[enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED])
	}},
	{name: "scheduled-failed", scheduled: `,"run_template":"failed-{date}"`, before: failWeibull,
		replace: [2]string{`"run"`, `"on_model_failure":"fail","run"`}, ends: failed,
		shows: children(enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED)},
	{name: "scheduled-cancelled", scheduled: `,"run_template":"cancelled-{date}"`, before: holdFits, operate: cancel,
		ends: enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, shows: children(enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED)},
	{name: "scheduled-pruned", scheduled: nightly + `,"prune":{"keep":7},"alert_drop":0.02`, replace: alerting, ends: completed,
		shows: func(t *testing.T, h shape) {
			require.Equal(t, 1, h.scheduled[activities.CompareBestName])
			require.Equal(t, 1, h.scheduled[activities.PruneRunsName])
			alerts(0)(t, h)
		}},
	{name: "scheduled-dropped", scheduled: nightly + `,"prune":{"keep":7},"alert_drop":0.02`, before: betterBefore, replace: alerting,
		ends: completed, shows: alerts(1)},
}

// children expects one run, that ends so.
func children(how enums.EventType) func(*testing.T, shape) {
	return func(t *testing.T, h shape) {
		require.Equal(t, 1, h.events[enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED])
		require.Equal(t, 1, h.events[enums.EVENT_TYPE_MARKER_RECORDED], "the run's name")
		require.Equal(t, 1, h.events[how])
	}
}

// betterBefore makes a run of an earlier night, before the comparison, whose every C-index
// is 0.9….
func betterBefore(_ context.Context, s *session, c call) error {
	if c.activity != activities.CompareBestName {
		return nil
	}
	runs := filepath.Dir(s.output)
	tonight, err := filepath.Glob(filepath.Join(runs, "night-2*"))
	if err != nil || len(tonight) == 0 {
		return fmt.Errorf("no run of tonight in %s: %w", runs, err)
	}
	for _, key := range []string{artifact.RunKey, artifact.MetricsKey, artifact.SummaryKey} {
		content, err := os.ReadFile(filepath.Join(tonight[len(tonight)-1], key))
		if err != nil {
			return err
		}
		if key == artifact.MetricsKey {
			content = bytes.ReplaceAll(content, []byte(",0.7"), []byte(",0.97"))
			content = bytes.ReplaceAll(content, []byte(",0.6"), []byte(",0.96"))
		}
		file := filepath.Join(runs, "night-2000-01-01", key)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
