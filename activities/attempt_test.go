package activities

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"everfold/config"
	"everfold/notify"
	"everfold/store"
	"everfold/store/storetest"
	"everfold/tracker"
	"everfold/tracker/trackertest"
)

// An activity may end so often by an error of no known class, and a report by any: what counts are
// these, which each attempt tells the next, not the attempts, of which a stop of the worker
// takes one, too. Other errors are tried again for ever.
func TestFailuresAreCounted(t *testing.T) {
	odd := errors.New("odd")
	for _, c := range []struct {
		err    error
		report bool
		typ    string
		most   int // 0: no limit
	}{
		{odd, false, errUnknown, unknownAttempts},
		{store.ErrUnavailable, false, ErrStoreUnavailable, 0},
		{store.ErrUnavailable, true, ErrStoreUnavailable, reportAttempts},
		{odd, true, errUnknown, unknownAttempts},
	} {
		l := newLab(t)
		s := l.spec()
		l.train(s, config.Request{})
		l.root = &storetest.Faulty{Store: l.root, Before: func(storetest.Op, string) error { return c.err }}
		var told FitProgress
		for n := 1; n <= 8; n++ {
			l.fresh()
			l.env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
				require.NoError(t, details.Get(&told))
			})
			told = FitProgress{Since: 17, Failures: map[string]int{"Another": 20, c.typ: n - 1}}
			l.env.SetHeartbeatDetails(told)
			var err error
			if c.report {
				_, err = l.env.ExecuteActivity(WriteReportName, WriteReportInput{Run: Ref(s), SpecDigest: s.Digest()})
			} else {
				_, err = l.fit(s, "cox_ph", 0, "")
			}
			requireType(t, err, c.typ, c.most == 0 || n < c.most)
			require.Equal(t, map[string]int{"Another": 20, c.typ: n}, told.Failures)
			require.EqualValues(t, 17, told.Since, "when the first attempt began")
			require.Greater(t, told.At, told.Since)
		}
	}
}

// A call of the tracker may fail tracker.attempts times, an alert five times: of these, too, what counts are
// failures, not the attempts that a stop of the worker interrupted.
func TestFailuresOfSmallCallsAreCounted(t *testing.T) {
	l, p := alertLab(t)
	s := l.spec("tracker.attempts=3")
	p.answers[url("A")] = notify.ErrNotSent
	down := &trackertest.Fake{Before: func(context.Context, string) error { return &tracker.Error{Kind: tracker.Unavailable} }}
	probe := func(in *SyncTrackerInput) { in.Probe = true }
	for n := 1; n <= 8; n++ {
		l.fresh()
		l.env.SetHeartbeatDetails(FitProgress{Failures: map[string]int{ErrTracker: n - 1}})
		_, err := l.track(s, down, probe)
		requireType(t, err, ErrTracker, n < 3)
		l.fresh()
		l.env.SetHeartbeatDetails(FitProgress{Failures: map[string]int{ErrAlertNotSent: n - 1}})
		_, err = l.notify(l.alert(EventFailed, "start-1", "A"))
		requireType(t, err, ErrAlertNotSent, n < alertAttempts)
	}
	l.fresh()
	l.env.SetHeartbeatDetails(FitProgress{Failures: map[string]int{ErrTracker: 1}})
	out, err := l.track(s, &trackertest.Fake{}, probe)
	require.NoError(t, err)
	require.Equal(t, 2, out.Attempt, "one failed before it")
}

// An attempt is told to end once its worker lets nothing go on and asks for no work any more,
// whichever comes last; a server that does not answer a stopping worker is waited for a
// moment. One that has ended by itself is told nothing.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask := func(work context.Context, interrupt, polling chan struct{}) chan bool {
			told := make(chan bool, 1)
			a := &Activities{}
			if interrupt != nil {
				a.Interrupt = interrupt
			}
			go func() { told <- a.stopped(work, polling) }()
			return told
		}
		for _, interruptFirst := range []bool{true, false} {
			first, last := make(chan struct{}), make(chan struct{})
			interrupt, polling := first, last
			if !interruptFirst {
				interrupt, polling = last, first
			}
			told := ask(t.Context(), interrupt, polling)
			close(first)
			synctest.Wait()
			require.Empty(t, told)
			close(last)
			require.True(t, <-told)
		}
		polling := make(chan struct{})
		told := ask(t.Context(), nil, polling)
		close(polling)
		require.True(t, <-told, "without a drain the end of polling is enough")

		interrupt := make(chan struct{})
		told = ask(t.Context(), interrupt, make(chan struct{}))
		close(interrupt)
		require.True(t, <-told, "the server does not answer")

		for _, interrupted := range []bool{false, true} {
			done, cancel := context.WithCancel(t.Context())
			interrupt := make(chan struct{})
			told = ask(done, interrupt, make(chan struct{}))
			if interrupted {
				close(interrupt)
				synctest.Wait()
			}
			cancel()
			require.False(t, <-told)
		}
	})
}
