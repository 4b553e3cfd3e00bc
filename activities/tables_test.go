package activities

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
)

// gated is a store that hands objects out when it is told to.
type gated struct {
	store.Store
	gate  chan struct{} // one Get for each value; closed: all
	ctx   context.Context
	gets  int
	panic bool
}

func (g *gated) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	g.gets++
	g.ctx = listening(ctx)
	select {
	case <-g.gate:
	case <-ctx.Done():
		return nil, store.Info{}, ctx.Err()
	}
	if g.panic {
		g.panic = false
		panic("a bug of the store")
	}
	return g.Store.Get(ctx, key)
}

// fetched is what one fit was given.
type fetched struct {
	table *dataset.Table
	err   error
}

// tableLab is a prepared table behind a gate.
type tableLab struct {
	gated
	cache tableCache
	file  artifact.File
}

func newTableLab(t *testing.T) *tableLab {
	t.Helper()
	l := newLab(t)
	_, err := l.prepare(l.spec(), config.Request{})
	require.NoError(t, err)
	run, _, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	return &tableLab{gated: gated{Store: l.run()}, file: run.Data.File}
}

// get is the load of one fit, beside others; beats counts its heartbeats.
func (l *tableLab) get(ctx context.Context, beats *int) <-chan fetched {
	out := make(chan fetched, 1)
	ctx = survival.WithProgress(ctx, func(float64, float64) { *beats++ })
	go func() {
		defer func() {
			if p := recover(); p != nil {
				close(out) // as the SDK ends an activity that panics
			}
		}()
		table, err := l.cache.get(ctx, &l.gated, l.file)
		out <- fetched{table, err}
	}()
	synctest.Wait()
	return out
}

// Fits that wait for a table live as long as the one that loads it gets on, however long that
// takes, and no longer; in the end all have the one table.
func TestWaitingForATableIsAlive(t *testing.T) {
	l := newTableLab(t)
	synctest.Test(t, func(t *testing.T) {
		l.gate = make(chan struct{})
		var loads, waits int
		loading := l.get(t.Context(), &loads)
		waiting := l.get(t.Context(), &waits)
		for range 3 {
			loaded, waited := loads, waits
			synctest.Wait()
			require.Equal(t, loaded, loads)
			require.Equal(t, waited, waits, "a load that hangs hides behind no heartbeat")
			store.Moved(l.ctx)
			synctest.Wait()
			require.Greater(t, loads, loaded)
			require.Greater(t, waits, waited)
		}
		close(l.gate)
		first, second := <-loading, <-waiting
		require.NoError(t, first.err)
		require.NoError(t, second.err)
		require.NotNil(t, first.table)
		require.Same(t, first.table, second.table)
		require.Equal(t, 1, l.gets)
	})
}

// A fit that waits for a table ends with its own attempt, and the load goes on.
func TestWaitingForATableEnds(t *testing.T) {
	l := newTableLab(t)
	synctest.Test(t, func(t *testing.T) {
		l.gate = make(chan struct{})
		var beats int
		loading := l.get(t.Context(), &beats)
		stopped, stop := context.WithCancelCause(t.Context())
		waiting := l.get(stopped, new(int))
		stop(errInterrupted)
		require.ErrorIs(t, (<-waiting).err, errInterrupted)
		require.Empty(t, loading)
		close(l.gate)
		require.NoError(t, (<-loading).err)
	})
}

// What ends the attempt that loads a table, its cancellation or a panic, concerns no other: one of
// those that wait loads it then, under its own attempt.
func TestEndedLoadConcernsNobodyElse(t *testing.T) {
	for name, end := range map[string]func(l *tableLab, cancel context.CancelCauseFunc){
		"interrupted": func(_ *tableLab, cancel context.CancelCauseFunc) { cancel(errInterrupted) },
		"cancelled":   func(_ *tableLab, cancel context.CancelCauseFunc) { cancel(nil) },
		"panicked": func(l *tableLab, _ context.CancelCauseFunc) {
			l.panic = true
			l.gate <- struct{}{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTableLab(t)
			synctest.Test(t, func(t *testing.T) {
				l.gate = make(chan struct{})
				ended, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				loading := l.get(ended, new(int))
				a, b := l.get(t.Context(), new(int)), l.get(t.Context(), new(int))
				end(l, cancel)
				if got, ok := <-loading; ok {
					require.Error(t, got.err)
				}
				synctest.Wait()
				require.Equal(t, 2, l.gets, "one of the two loads it")
				close(l.gate)
				first, second := <-a, <-b
				require.NoError(t, first.err)
				require.NoError(t, second.err)
				require.Same(t, first.table, second.table)
				require.Equal(t, 2, l.gets)
			})
		})
	}
}

// What is wrong with a table is wrong for all who wait for it, and is found out once.
func TestFailedLoadIsShared(t *testing.T) {
	l := newTableLab(t)
	synctest.Test(t, func(t *testing.T) {
		l.gate = make(chan struct{})
		l.file.Bytes++
		loading, waiting := l.get(t.Context(), new(int)), l.get(t.Context(), new(int))
		close(l.gate)
		require.ErrorIs(t, (<-loading).err, store.ErrCorrupt)
		require.ErrorIs(t, (<-waiting).err, store.ErrCorrupt)
		require.Equal(t, 1, l.gets)
	})
}
