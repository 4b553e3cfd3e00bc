package activities

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"everfold/config"
)

// So many find a place as there are; another one waits for a moment, gets one that becomes free
// then, and otherwise is told that the worker is busy, or what ended its attempt.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := make(places, 2)
		var leave []func()
		for range 2 {
			free, err := p.enter(t.Context(), time.Second)
			require.NoError(t, err)
			leave = append(leave, free)
		}
		began := time.Now()
		_, err := p.enter(t.Context(), time.Second)
		require.ErrorIs(t, err, errBusy)
		require.Equal(t, time.Second, time.Since(began))

		ended, cancel := context.WithCancelCause(t.Context())
		cancel(errInterrupted)
		_, err = p.enter(ended, time.Hour)
		require.ErrorIs(t, err, errInterrupted)

		go func() {
			<-time.After(time.Second)
			leave[0]()
		}()
		free, err := p.enter(t.Context(), time.Hour)
		require.NoError(t, err)
		free()
		leave[1]()
		for range 20 {
			free, err := p.enter(t.Context(), 0)
			require.NoError(t, err, "one is free")
			free()
		}
		require.Empty(t, p)
	})
}

// Activities that take long give their slot back where a worker is at as many as it may: another
// attempt comes soon, it is no failure, and none of those that are limited.
func TestLongActivitiesGiveTheirSlotBack(t *testing.T) {
	long, prune := longPlaces, prunePlaces
	defer func() { longPlaces, prunePlaces = long, prune }()
	synctest.Test(t, func(t *testing.T) {
		longPlaces, prunePlaces = make(places, cap(long)), make(places, cap(prune)) // of this bubble
		l := newLab(t)
		s := l.spec()
		l.train(s, config.Request{})
		all := []places{longPlaces, prunePlaces}
		for _, p := range all {
			for range cap(p) {
				p <- struct{}{}
			}
		}
		for name, in := range map[string]any{
			SummarizeName: SummarizeInput{Run: Ref(s), SpecDigest: s.Digest()}, WriteReportName: WriteReportInput{Run: Ref(s), SpecDigest: s.Digest()},
			PruneRunsName: PruneRunsInput{Run: Ref(s)},
		} {
			var told FitProgress
			l.env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
				require.NoError(t, details.Get(&told))
			})
			_, err := l.env.ExecuteActivity(name, in)
			app := requireType(t, err, ErrWorkerBusy, true)
			require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category(), name)
			require.Equal(t, busyPause, app.NextRetryDelay(), name)
			require.Empty(t, told.Failures, name)
		}
		for _, p := range all {
			for range cap(p) {
				<-p
			}
		}
		l.summarize(s)
		require.Empty(t, longPlaces)
	})
}
