package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/config"
	"everfold/notify"
	"everfold/tracker"
)

// counted is a metrics handler that keeps sums, by name and tags.
type counted struct {
	*sync.Mutex
	sums map[string]float64
	tags map[string]string
}

func newCounted() counted { return counted{Mutex: &sync.Mutex{}, sums: map[string]float64{}} }

func (c counted) WithTags(tags map[string]string) client.MetricsHandler {
	all := maps.Clone(tags)
	for k, v := range c.tags {
		if _, ok := all[k]; !ok {
			all[k] = v
		}
	}
	c.tags = all
	return c
}

func (c counted) add(name string, v float64) {
	c.Lock()
	defer c.Unlock()
	var ours []string
	for _, k := range slices.Sorted(maps.Keys(c.tags)) {
		if slices.Contains([]string{"model_type", "outcome", "reason", "call", "event"}, k) {
			ours = append(ours, k+"="+c.tags[k])
		}
	}
	c.sums[name+"{"+strings.Join(ours, ",")+"}"] += v
}

type countedFunc func(float64)

func (f countedFunc) Inc(n int64)            { f(float64(n)) }
func (f countedFunc) Update(v float64)       { f(v) }
func (f countedFunc) Record(d time.Duration) { f(1) }

func (c counted) Counter(name string) client.MetricsCounter {
	return countedFunc(func(v float64) { c.add(name, v) })
}
func (c counted) Gauge(name string) client.MetricsGauge {
	return countedFunc(func(v float64) { c.add(name, v) })
}
func (c counted) Timer(name string) client.MetricsTimer {
	return countedFunc(func(v float64) { c.add(name, v) })
}

// counting has the lab's activities count.
func (l *lab) counting() counted {
	c := newCounted()
	var suite sdktest.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	suite.SetMetricsHandler(c)
	l.env = suite.NewTestActivityEnvironment()
	l.env.SetWorkerStopChannel(l.stops)
	Register(l.env, l.a)
	return c
}

// Claim: a fit is counted once, by the type of its model and how it ended; only one that was
// trained has a time. A failure has the type of its error, and whether it is tried again.
func TestFitsAreCounted(t *testing.T) {
	l := newLab(t)
	c := l.counting()
	s := l.spec("models=[{name: mine, type: cox_ph}]")
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	for range 2 {
		_, err = l.fit(s, "mine", 0, "")
		require.NoError(t, err)
	}
	_, err = l.fit(s, "nobody", 0, "")
	requireType(t, err, errUnknown, true)

	require.Equal(t, 1.0, c.sums["everfold_fits{model_type=cox_ph,outcome=trained,reason=}"], c.sums)
	require.Equal(t, 1.0, c.sums["everfold_fits{model_type=cox_ph,outcome=reused,reason=}"])
	require.Equal(t, 1.0, c.sums["everfold_fit{model_type=cox_ph}"])
	require.Equal(t, 1.0, c.sums["everfold_fits{model_type=,outcome=retried,reason=Unknown}"])
	require.Positive(t, c.sums["everfold_progress_timestamp_seconds{}"])

	_, err = l.env.ExecuteActivity(PublishMetricsName, PublishInput{Run: Ref(s), SpecDigest: s.Digest()})
	require.NoError(t, err)
	_, err = l.env.ExecuteActivity(FitFinalName, FitFinalInput{Run: Ref(s), SpecDigest: s.Digest(), Model: "mine"})
	require.NoError(t, err)
	require.Equal(t, 2.0, c.sums["everfold_fit{model_type=cox_ph}"])
	close(l.stops)
	l.root = &slow{Store: l.root} // until the stop is seen
	_, err = l.fit(s, "km", 0, "")
	require.Error(t, err)
	require.Equal(t, 1.0, c.sums["everfold_fits{model_type=km,outcome=interrupted,reason=Interrupted}"]+
		c.sums["everfold_fits{model_type=,outcome=interrupted,reason=Interrupted}"])
}

// Claim: calls of the tracker are counted by what was asked and how it ended, alerts by event
// and what became of them.
func TestTrackerAndAlertsAreCounted(t *testing.T) {
	l := newLab(t)
	c := l.counting()
	s := l.spec("notify=['${EVERFOLD_NOTIFY_A}', '${EVERFOLD_NOTIFY_B}']")
	l.a.Getenv = func(name string) string { return map[string]string{"EVERFOLD_NOTIFY_A": "logger://"}[name] }
	l.a.Send = func(context.Context, string, notify.Message) error { return nil }
	_, err := l.env.ExecuteActivity(NotifyName, NotifyInput{Run: Ref(s), Event: EventCompleted, Start: "1", Endpoints: s.Notify})
	require.NoError(t, err)
	require.Equal(t, 1.0, c.sums["everfold_alerts{event=completed,outcome=sent}"], c.sums)
	require.Equal(t, 1.0, c.sums["everfold_alerts{event=completed,outcome=refused}"])

	probe := SyncTrackerInput{Run: Ref(s), SpecDigest: s.Digest(), Tracker: s.Tracker, Probe: true}
	_, err = l.env.ExecuteActivity(SyncTrackerName, probe)
	require.NoError(t, err)
	require.Equal(t, 1.0, c.sums["everfold_tracker_calls{call=probe,outcome=off,reason=}"], c.sums)
	for _, failure := range []error{&tracker.Error{Kind: tracker.Refused}, errors.New("any")} {
		l.a.OpenTracker = func(config.Tracker) (tracker.Tracker, error) { return nil, failure }
		_, err = l.env.ExecuteActivity(SyncTrackerName, SyncTrackerInput{Run: Ref(s), Tracker: s.Tracker})
		require.Error(t, err)
	}
	require.Equal(t, 1.0, c.sums["everfold_tracker_calls{call=sync,outcome=failed,reason=refused}"])
	require.Equal(t, 1.0, c.sums["everfold_tracker_calls{call=sync,outcome=failed,reason=}"])
}

// Claim: outcomes tell apart what is tried again, what is not, what goes on elsewhere and what
// somebody cancelled.
func TestOutcomes(t *testing.T) {
	for want, err := range map[string]error{
		"retried Unknown":         fmt.Errorf("wrapped: %w", temporal.NewApplicationError("", errUnknown)),
		"failed DataInvalid":      temporal.NewNonRetryableApplicationError("", ErrDataInvalid, nil),
		"interrupted Interrupted": temporal.NewApplicationError("", ErrInterrupted),
		"cancelled ":              errors.New("the context's"),
	} {
		outcome, reason := outcomeOf(err)
		require.Equal(t, want, outcome+" "+reason)
	}
}
