package workflows

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/activities"
)

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
		prepare, fit := s.prepare, s.fit
		s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
			out, err := prepare(in)
			for i := range out.Models {
				out.Models[i].Seconds = c.seconds[i]
			}
			return out, err
		}
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
