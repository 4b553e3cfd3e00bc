package activities

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

// boosting is a run whose only model takes a second or so.
func (l *lab) boosting() *config.Spec {
	return l.spec("models=[{type: gbsa, trees: 6000}]")
}

// payload is what a fold's fit has stored.
func (l *lab) payload(model string, fold int) []byte {
	l.t.Helper()
	var all []byte
	for _, key := range []string{artifact.RiskKey(model, fold), artifact.SurvKey(model, fold)} {
		content, _, err := store.ReadAll(l.t.Context(), l.run(), key, 1<<20)
		require.NoError(l.t, err)
		all = append(all, content...)
	}
	return all
}

// states lists the checkpoints in the store.
func (l *lab) states() []string {
	l.t.Helper()
	infos, err := l.run().List(l.t.Context(), artifact.CheckpointsPrefix)
	require.NoError(l.t, err)
	var keys []string
	for _, info := range infos {
		require.True(l.t, isState(info.Key), "%s is left", info.Key)
		keys = append(keys, info.Key)
	}
	return keys
}

func isState(key string) bool {
	return strings.Contains(key, artifact.CheckpointsPrefix) && strings.HasSuffix(key, ".bin")
}

// interrupted starts a fit and stops the worker at its first checkpoint. What it leaves is a
// checkpoint and nothing else.
func (l *lab) interrupted(s *config.Spec) {
	l.t.Helper()
	_, err := l.prepare(s, config.Request{})
	require.NoError(l.t, err)
	l.a.CheckpointEvery = time.Nanosecond
	quick := l.root
	var once sync.Once
	l.root = &storetest.Faulty{Store: quick, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && isState(key) {
			once.Do(func() { close(l.stops) })
		}
		return nil
	}}
	_, err = l.fit(s, "gbsa", 0, "")
	requireType(l.t, err, ErrInterrupted, true)
	l.root, l.stops = quick, make(chan struct{})
	l.fresh()
	require.Len(l.t, l.states(), 1)
}

// A fit that is stopped goes on from its checkpoint on the next attempt and stores the bytes
// of an undisturbed one. The checkpoint is gone when the manifest is there.
func TestFitGoesOnFromCheckpoint(t *testing.T) {
	plain := newLab(t)
	s := plain.boosting()
	_, err := plain.prepare(s, config.Request{})
	require.NoError(t, err)
	_, err = plain.fit(s, "gbsa", 0, "")
	require.NoError(t, err)

	l := newLab(t)
	s = l.boosting()
	l.interrupted(s)
	read := 0
	l.root = &storetest.Faulty{Store: l.root, Before: func(op storetest.Op, key string) error {
		if op == storetest.Get && isState(key) {
			read++
		}
		return nil
	}}
	out, err := l.fit(s, "gbsa", 0, "")
	require.NoError(t, err)
	require.Equal(t, Train, out.Action)
	require.Equal(t, 1, read)
	require.Equal(t, plain.payload("gbsa", 0), l.payload("gbsa", 0))
	require.Empty(t, l.states())

	damaged := newLab(t)
	s = damaged.boosting()
	damaged.interrupted(s)
	_, err = store.PutBytes(t.Context(), damaged.run(), damaged.states()[0], []byte("not a state"), store.Condition{})
	require.NoError(t, err)
	_, err = damaged.fit(s, "gbsa", 0, "")
	require.NoError(t, err)
	require.Equal(t, plain.payload("gbsa", 0), damaged.payload("gbsa", 0))
}

// A store that takes no checkpoint costs no fit.
func TestCheckpointsCannotFailAFit(t *testing.T) {
	l := newLab(t)
	s := l.boosting()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	l.a.CheckpointEvery = time.Nanosecond
	refused := make(chan string, 1<<16)
	l.root = &storetest.Faulty{Store: l.root, Before: func(op storetest.Op, key string) error {
		if isState(key) && (op == storetest.Put || op == storetest.Get) {
			refused <- key
			return store.ErrUnavailable
		}
		return nil
	}}
	_, err = l.fit(s, "gbsa", 0, "")
	require.NoError(t, err)
	require.Greater(t, len(refused), 1)
}

// A state is due after the time set, while none is on its way and saving has taken at most a
// hundredth of the time; a checkpoint clears the records of lost workers.
func TestCheckpointsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the machine may be slow
		l := newLab(t)
		task := artifact.Task{Model: "gbsa", Fold: 1}
		_, err := artifact.RecordStart(t.Context(), l.run(), artifact.Start{Task: task, Execution: "e", Attempt: 1})
		require.NoError(t, err)
		c := newCheckpoints(l.run(), task, "f", 0)
		require.False(t, c.Due(t.Context(), "a"))
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, c.Due(cancelled, "a"), "no work is lost yet")
		c.started = c.started.Add(-2 * time.Second)
		require.True(t, c.Due(cancelled, "a"))
		require.False(t, c.Due(t.Context(), "a"))
		c.started = c.started.Add(-10 * time.Second)
		require.True(t, c.Due(t.Context(), "a"))
		c.Save(t.Context(), "a", []byte("state"))
		c.wait()
		require.False(t, c.Due(t.Context(), "a"))
		require.True(t, c.Due(t.Context(), "b"), "another piece has not been saved")
		require.Len(t, l.states(), 1, "the record of the start is gone")
		c.Save(t.Context(), "trees/0", []byte("state"))
		c.wait()
		require.False(t, c.Due(t.Context(), "trees"), "one of the series has just been saved")
		require.True(t, c.Due(t.Context(), "trees/1"), "asked for by itself")
		c.spent = time.Second
		require.False(t, c.Due(t.Context(), "b"), "saving takes too long")
		c.spent, c.writing = 0, true
		require.False(t, c.Due(t.Context(), "b"), "a state is on its way")
		state, ok := c.Load(t.Context(), "a")
		require.True(t, ok)
		require.Equal(t, "state", string(state))
	})
}
