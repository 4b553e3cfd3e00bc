package workflows

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// outOfBudget is how the server ends a fit whose budget is used up; last is its latest sign of life.
func outOfBudget(typ enumspb.TimeoutType, last ...any) error {
	return temporal.NewTimeoutError(typ, nil, last...)
}

// ago is the heartbeat of a fit whose first attempt began, and whose last got on, so long ago.
func ago(since, at time.Duration) activities.FitProgress {
	now := time.Now()
	return activities.FitProgress{Stage: "fit", Since: now.Add(-since).UnixMilli(), At: now.Add(-at).UnixMilli()}
}

// A fit that ran out of fit_budget, here 30 hours, in the queue or while all workers were stopped, is
// asked for again, each time with twice the time; one that had its budget and was tried until the end
// has failed, and so has one of a worker that does not say since when.
func TestTimeWithoutWorkerIsNoFailure(t *testing.T) {
	waited, tried := enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
	for name, c := range map[string]struct {
		ends   []error // of the fit of one fold, one after the other
		failed int
	}{
		"never begun":           {[]error{outOfBudget(waited)}, 0},
		"twice":                 {[]error{outOfBudget(waited), outOfBudget(waited)}, 0},
		"stopped long ago":      {[]error{outOfBudget(tried, ago(30*time.Hour, time.Hour))}, 0},
		"stopped at once":       {[]error{outOfBudget(tried)}, 0},
		"begun late":            {[]error{outOfBudget(tried, ago(29*time.Hour, time.Minute))}, 0},
		"stopped at once again": {[]error{outOfBudget(tried), outOfBudget(tried)}, 1},
		"tried until the end":   {[]error{outOfBudget(tried, ago(30*time.Hour-time.Minute, time.Minute))}, 1},
		"waited, then tried":    {[]error{outOfBudget(waited), outOfBudget(tried, ago(59*time.Hour, time.Minute))}, 1},
		"a worker of before":    {[]error{outOfBudget(tried, activities.FitProgress{Stage: "fit"})}, 1},
		"no progress at all":    {[]error{outOfBudget(tried, "what is this")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			eachShape(t, func(t *testing.T, s *script) {
				var mu sync.Mutex
				var budgets []time.Duration
				fit := s.fit
				s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
					if in.Model != "cox_ph" || in.Fold != 1 {
						return fit(ctx, in)
					}
					mu.Lock()
					defer mu.Unlock()
					info := activity.GetInfo(ctx)
					budgets = append(budgets, info.ScheduleToCloseTimeout)
					if len(budgets) <= len(c.ends) {
						return nil, c.ends[len(budgets)-1]
					}
					return fit(ctx, in)
				}
				out, err := s.run(t, demoSpec(`,"resources":{"fit_budget":"30h"}`))
				require.NoError(t, err)
				require.Equal(t, c.failed, out.Failed)
				require.Len(t, budgets, len(c.ends)+1-c.failed)
				for i, b := range budgets {
					require.Equal(t, 30*time.Hour<<i, b)
				}
			})
		})
	}
}

// Executions in which this came up before go on as they did: the fold has failed.
func TestTimeWithoutWorkerBefore(t *testing.T) {
	s := divided()
	fit := s.fit
	s.fit = func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
		if in.Model == "cox_ph" && in.Fold == 1 {
			return nil, outOfBudget(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)
		}
		return fit(ctx, in)
	}
	env := s.environment(t)
	env.OnGetVersion(unattendedChange, workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
	out := resultIn(t, env, demoSpec(""))
	require.Equal(t, Partial, out.Outcome)
	require.Equal(t, 1, out.Failed)
}
