package workflows

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/activities"
	"everfold/config"
)

// half makes a script's store hold all folds but one of cox_ph, and records what is fitted.
func half(s *script) *[]string {
	var mu sync.Mutex
	var fitted []string
	prepare, fit := s.prepare, s.fit
	s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
		out, err := prepare(in)
		for m := range out.Models {
			for f := range out.Models[m].Folds {
				if m > 0 || f != 1 {
					out.Models[m].Folds[f].Action = activities.Reuse
				}
			}
		}
		return out, err
	}
	s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
		mu.Lock()
		fitted = append(fitted, taskName(in.Model, in.Fold))
		mu.Unlock()
		return fit(ctx, in)
	}
	return &fitted
}

// A recovery plans from the store, fits what is missing and no more, and ends as a run does.
func TestRecoverRun(t *testing.T) {
	s := ending()
	fitted := half(s)
	prepare, asked := s.prepare, false
	s.prepare = func(in activities.PrepareInput) (*activities.PrepareResult, error) {
		asked = in.Recover
		return prepare(in)
	}
	out, err := s.execute(t, RecoverRunName, demoSpec(""))
	require.NoError(t, err)
	require.True(t, asked)
	require.Equal(t, []string{"cox_ph fold 1"}, *fitted)
	require.Equal(t, []int{9, 1, 8}, []int{out.Planned, out.Trained, out.Reused})
	require.Equal(t, "cox_ph", out.Predictions.Model)
	require.Len(t, out.Finals, 2)
}

// The stages of a recovery are those that were asked for, and its final model the one named.
func TestRecoverRunStages(t *testing.T) {
	for input, want := range map[string]struct {
		fitted    int
		finals    []string
		predicted string
	}{
		`{"model":"weibull_aft"}`:                   {1, []string{"weibull_aft"}, "weibull_aft"},
		`{"only":["folds"]}`:                        {1, nil, ""},
		`{"only":["final"]}`:                        {0, []string{"cox_ph", "weibull_aft"}, ""},
		`{"only":["predictions"],"model":"cox_ph"}`: {0, []string{"cox_ph"}, "cox_ph"},
		`{"only":["folds","predictions"]}`:          {1, []string{"cox_ph", "weibull_aft"}, "cox_ph"},
	} {
		s := ending()
		fitted := half(s)
		var excused []activities.FoldRef
		summarize := s.summarize
		s.summarize = func(in activities.SummarizeInput) (*activities.SummarizeResult, error) {
			excused = in.Excused
			return summarize(in)
		}
		out, err := s.execute(t, RecoverRunName, demoSpec(`,"recover":`+input))
		require.NoError(t, err, input)
		require.Len(t, *fitted, want.fitted, input)
		require.Len(t, excused, 1-want.fitted, input)
		var finals []string
		for _, f := range out.Finals {
			finals = append(finals, f.Model)
		}
		require.Equal(t, want.finals, finals, input)
		if want.predicted == "" {
			require.Nil(t, out.Predictions, input)
		} else {
			require.Equal(t, want.predicted, out.Predictions.Model, input)
		}
	}
}

// A fold that is damaged again while others are left alone is not fitted either.
func TestRecoverRunLeavesDamagedFolds(t *testing.T) {
	s := ending()
	fitted := half(s)
	calls := 0
	s.summarize = func(in activities.SummarizeInput) (*activities.SummarizeResult, error) {
		if calls++; calls == 1 {
			return &activities.SummarizeResult{Incomplete: []activities.Incomplete{{Model: "km", Fold: 0, Reason: "scripted"}}}, nil
		}
		require.Len(t, in.Excused, 2)
		return &activities.SummarizeResult{}, nil
	}
	_, err := s.execute(t, RecoverRunName, demoSpec(`,"recover":{"only":["final"]}`))
	require.NoError(t, err)
	require.Empty(t, *fitted)
	require.Equal(t, 2, calls)
}

// A recovery under another id than the run's is refused, naming the right one, as is what it
// cannot understand; nothing is started.
func TestRecoverRunRefusals(t *testing.T) {
	refuse := func(id, more, want string) {
		env := newScript().environment(t)
		env.SetStartWorkflowOptions(startOptions(id))
		env.ExecuteWorkflow(RecoverRunName, demoSpec(more))
		require.ErrorContains(t, env.GetWorkflowError(), want)
	}
	refuse("everfold/sample/demo-recover", "", `must be "everfold/sample/demo"`)
	refuse("everfold/sample/demo", `,"recover":{"stage":"final"}`, "recover.stage: unknown key")
	refuse("everfold/sample/demo", `,"recover":{"model":"rsf"}`, `no model "rsf"`)
	refuse("everfold/sample/demo", `,"request":{"fresh":true}`, "request: unknown key")
}

// What to type after a recovery that failed is the recovery.
func TestRecoverRunResume(t *testing.T) {
	spec, _, err := config.DecodeInput(demoSpec(""))
	require.NoError(t, err)
	r := &trainRun{spec: spec, recovery: &config.Recovery{}}
	require.Equal(t, "starter recover /out/sample/demo", r.resume(true))
}
