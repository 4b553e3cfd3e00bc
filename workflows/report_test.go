package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
)

// reporting counts the reports of a script.
func (s *script) reporting() *int {
	n, write := new(int), s.report
	s.report = func(in activities.WriteReportInput) (*activities.WriteReportResult, error) {
		*n++
		return write(in)
	}
	return n
}

// Each end of a run whose folds were planned is reported once: completed, partial, failed and
// cancelled. One whose data was refused has nothing to report.
func TestEndsAreReported(t *testing.T) {
	s := newScript()
	n := s.reporting()
	out, err := s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, 1, *n)
	require.Equal(t, "report/index.html", out.Report)
	require.Empty(t, out.Warnings)

	s = newScript()
	s.fit = failing(s.fit, "cox_ph", 2, activities.ErrNotConverged)
	n = s.reporting()
	out, err = s.run(t, demoSpec(""))
	require.NoError(t, err)
	require.Equal(t, Partial, out.Outcome)
	require.Equal(t, 1, *n)

	s = newScript()
	s.fit = failing(s.fit, "cox_ph", 0, activities.ErrNotConverged)
	n = s.reporting()
	_, err = s.run(t, demoSpec(`,"on_model_failure":"fail"`))
	require.Error(t, err)
	require.Equal(t, 1, *n)

	s = newScript()
	n = s.reporting()
	env := s.environment(t)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.OnActivity(activities.FitFoldName, anything, anything).After(time.Hour).Return(nil, errors.New("too late"))
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
	require.Equal(t, 1, *n)

	s = newScript()
	n = s.reporting()
	s.prepare = func(activities.PrepareInput) (*activities.PrepareResult, error) {
		return nil, temporal.NewNonRetryableApplicationError("no such file", activities.ErrDataInvalid, nil)
	}
	_, err = s.run(t, demoSpec(""))
	require.Error(t, err)
	require.Zero(t, *n)
}

// A report that cannot be written is a warning with the command that writes it, after a bounded
// time; the run ends as it would have.
func TestReportNeverFailsTheRun(t *testing.T) {
	for name, fail := range map[string]func() error{
		"refused": func() error {
			return temporal.NewNonRetryableApplicationError("scripted", activities.ErrSuperseded, nil)
		},
		"no store":  func() error { return temporal.NewApplicationError("scripted", activities.ErrStoreUnavailable) },
		"a bug":     func() error { panic("scripted") },
		"no answer": func() error { return temporal.NewTimeoutError(1, errors.New("scripted")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.report = func(activities.WriteReportInput) (*activities.WriteReportResult, error) { return nil, fail() }
			env := s.environment(t)
			began := env.Now()
			env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
			require.NoError(t, env.GetWorkflowError())
			require.LessOrEqual(t, env.Now().Sub(began), reportPatience)
			var out Result
			require.NoError(t, env.GetWorkflowResult(&out))
			require.Equal(t, Completed, out.Outcome)
			require.Empty(t, out.Report)
			require.Len(t, out.Warnings, 1)
			require.Contains(t, out.Warnings[0], "no report: ")
			require.Contains(t, out.Warnings[0], "starter report /out/sample/demo writes it")
		})
	}
	o := (&Workflows{}).reportOptions(activities.RunRef{})
	require.Equal(t, reportPatience, o.ScheduleToCloseTimeout)
	require.Equal(t, QueueIO, o.TaskQueue)
}
