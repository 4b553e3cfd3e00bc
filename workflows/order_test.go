package workflows

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
)

// expect lets the plan expect so many seconds of a fold of each model.
func (s *script) expect(seconds []float64) {
	prepare := s.prepare
	s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
		out, err := prepare(in)
		for i := range out.Models {
			out.Models[i].Seconds = seconds[i]
		}
		return out, err
	}
}

// Folds begin in the order of what the plan expects them to take, longest first; folds and
// models that are expected to take equally long keep their order, as do those of plans
// that say nothing.
func TestLongestFoldsFirst(t *testing.T) {
	for name, c := range map[string]struct {
		seconds []float64
		want    []string
	}{
		"nothing expected": {[]float64{0, 0, 0}, []string{"cox_ph fold 0", "cox_ph fold 2", "weibull_aft fold 1", "km fold 2"}},
		"last first":       {[]float64{1, 2, 30}, []string{"km fold 0", "km fold 2", "weibull_aft fold 1", "cox_ph fold 2"}},
		"two equal":        {[]float64{1, 3, 3}, []string{"weibull_aft fold 0", "weibull_aft fold 2", "km fold 1", "cox_ph fold 2"}},
	} {
		s := newScript()
		s.expect(c.seconds)
		fit := s.fit
		var begun []string
		s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
			begun = append(begun, taskName(in.Model, in.Fold)) // one at a time
			return fit(ctx, in)
		}
		_, err := s.run(t, demoSpec(`,"resources":{"parallel_fits":1}`))
		require.NoError(t, err)
		require.Len(t, begun, 9)
		require.Equal(t, c.want, []string{begun[0], begun[2], begun[4], begun[8]}, name)
	}
}

// Fits that take at most half as long as one scheduled before are held back for a second, so that no
// server queues them first; not where all are short, or the limit holds them back anyway.
func TestShorterFitsAreHeldBack(t *testing.T) {
	for name, c := range map[string]struct {
		seconds []float64
		more    string
		pauses  int
	}{
		"three sizes":    {[]float64{1, 6, 30}, "", 2},
		"nearly alike":   {[]float64{16, 20, 30}, "", 0},
		"all short":      {[]float64{0.1, 1, 4.9}, "", 0},
		"one at a time":  {[]float64{1, 6, 30}, `,"resources":{"parallel_fits":1}`, 0},
		"nothing to say": {[]float64{0, 0, 0}, "", 0},
	} {
		s := newScript()
		s.expect(c.seconds)
		env := s.environment(t)
		pauses, scheduled := 0, 0
		env.SetOnTimerScheduledListener(func(string, time.Duration) { pauses++ })
		env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ valuesOf) {
			if info.ActivityType.Name == activities.FitFoldName {
				scheduled++
			}
		})
		env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(c.more))
		require.NoError(t, env.GetWorkflowError(), name)
		require.Equal(t, c.pauses, pauses, name)
		require.Equal(t, 9, scheduled, name)
	}
}

// A run that is cancelled while shorter fits are held back schedules none of them.
func TestCancelledWhileHeldBack(t *testing.T) {
	s := newScript()
	s.expect([]float64{1, 6, 30})
	env := s.environment(t)
	env.SetOnTimerScheduledListener(func(string, time.Duration) { env.CancelWorkflow() })
	var scheduled sync.Map // by several at once
	s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
		scheduled.Store(in.Model, true)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), env.GetWorkflowError())
	for _, shorter := range []string{"cox_ph", "weibull_aft"} {
		_, begun := scheduled.Load(shorter)
		require.False(t, begun, shorter)
	}
}

// The query says what the plan expects, so that a starter can tell the time left; the cells
// are shown in the order of the spec, whatever the order of the fits.
func TestProgressTellsWhatIsExpected(t *testing.T) {
	s := newScript()
	prepare := s.prepare
	s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
		out, err := prepare(in)
		out.Models[1].Seconds, out.FinalSeconds = 12, 34
		return out, err
	}
	env := s.environment(t)
	env.ExecuteWorkflow(TrainSurvivalModelsName, demoSpec(""))
	answer, err := env.QueryWorkflow(QueryProgress)
	require.NoError(t, err)
	var p Progress
	require.NoError(t, answer.Get(&p))
	require.Equal(t, 34.0, p.FinalSeconds)
	require.Equal(t, "weibull_aft", p.Models[1].Model)
	require.Equal(t, 12.0, p.Models[1].Seconds)
}
