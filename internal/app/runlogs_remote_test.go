package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/logging"
	"everfold/store"
	"everfold/store/storetest"
)

// newRemoteLogs returns a registry whose stores are one elsewhere, and the folder that
// temporary files go to.
func newRemoteLogs(t *testing.T, s store.Store) (logs *RunLogs, temporary string, terminal *bytes.Buffer) {
	t.Helper()
	temporary, terminal = t.TempDir(), &bytes.Buffer{}
	t.Setenv("TMPDIR", temporary)
	stores := &Stores{Wrap: func(store.Store) store.Store { return s }}
	return NewRunLogs(stores, "host-1", logging.Terminal(terminal, slog.LevelInfo, false)), temporary, terminal
}

// stored returns the content of a run's file of one kind in the store.
func stored(t *testing.T, s store.Store, run, kind string) string {
	t.Helper()
	infos, err := s.List(t.Context(), "production/"+run+"/logs/"+kind+"_")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	content, _, err := store.ReadAll(t.Context(), s, infos[0].Key, 1<<20)
	require.NoError(t, err)
	return string(content)
}

// Claim: in a store elsewhere the three files exist before anything is logged, hold
// everything once the worker has ended, and nothing is left on this machine.
func TestRunLogsElsewhere(t *testing.T) {
	s := storetest.Memory()
	logs, temporary, terminal := newRemoteLogs(t, s)
	logs.Logger(runRef(t.TempDir(), "other"))
	log := logs.Logger(runRef(t.TempDir(), "churn"))
	for _, kind := range []string{"main", "performance", "warnings"} {
		require.Empty(t, stored(t, s, "churn", kind))
	}
	log.Warn("rows dropped")
	logs.Close(time.Minute)
	require.Contains(t, stored(t, s, "churn", "main"), "rows dropped")
	require.Contains(t, stored(t, s, "churn", "warnings"), "rows dropped")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
	log.Info("after the end") // goes to the terminal alone, and not over the stored file
	require.Contains(t, terminal.String(), "after the end")
	require.Contains(t, stored(t, s, "churn", "main"), "rows dropped")
}

// Claim: the files of a run whose place another one took are not kept on this machine once the
// store elsewhere has them; what is logged of that run later lies beside them, not over them.
func TestRunLogsElsewhereAreNotKept(t *testing.T) {
	s := storetest.Memory()
	logs, temporary, _ := newRemoteLogs(t, s)
	now := time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC)
	logs.now = func() time.Time { return now } // all in one second, which names cannot tell apart
	logs.copies.every = time.Millisecond
	root := t.TempDir()
	first := logs.Logger(runRef(root, "run-0"))
	for _, word := range []string{"once", "twice", "thrice"} {
		first.Info(word)
		crowd(logs, root, word)
		require.Eventually(t, func() bool { return len(spooled(t, temporary)) == runsOpen }, time.Minute, time.Millisecond)
	}
	logs.Close(time.Minute)
	infos, err := s.List(t.Context(), "production/run-0/logs/main_")
	require.NoError(t, err)
	require.Len(t, infos, 3)
	for i, word := range []string{"once", "twice", "thrice"} {
		content, _, err := store.ReadAll(t.Context(), s, infos[i].Key, 1<<20)
		require.NoError(t, err)
		require.Contains(t, string(content), word)
	}
	require.Empty(t, spooled(t, temporary))
}

// spooled are the folders of runs below the folder of temporary files.
func spooled(t *testing.T, temporary string) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(temporary, "everfold-spool-*", "*[0-9]"))
	require.NoError(t, err)
	return folders
}

// crowd logs of as many other runs as may be open.
func crowd(logs *RunLogs, root, part string) {
	for i := range runsOpen {
		logs.Logger(runRef(root, fmt.Sprintf("run-%s-%d", part, i)))
	}
}

// Claim: a run whose place another one takes is not waited for, though its store takes nothing, nor
// does it wait itself when it goes on; nothing of it is lost.
func TestEvictionDoesNotWait(t *testing.T) {
	hanging, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var made atomic.Bool // the first copy
	slow := &storetest.Faulty{Store: storetest.Memory(), Before: func(_ storetest.Op, key string) error {
		if made.Load() && strings.Contains(key, "/slow/") {
			once.Do(func() { close(hanging) })
			<-answer
		}
		return nil
	}}
	logs, _, _ := newRemoteLogs(t, slow)
	logs.copies.every = time.Millisecond
	root := t.TempDir()
	log := logs.Logger(runRef(root, "slow"))
	made.Store(true)
	log.Info("before")
	<-hanging
	crowd(logs, root, "one")
	log.Info("between")
	crowd(logs, root, "two")
	log.Info("after")
	close(answer)
	logs.Close(time.Minute)
	for _, word := range []string{"before", "between", "after"} {
		require.Contains(t, stored(t, slow, "slow", "main"), word)
	}
}

// Claim: what a store did not take of a run whose place another one took stays on this machine, and
// gets there once the store takes it.
func TestEvictedLogsAreCopiedLater(t *testing.T) {
	var down atomic.Bool
	s := &storetest.Faulty{Store: storetest.Memory(), Before: func(storetest.Op, string) error {
		if down.Load() {
			return errors.New("down")
		}
		return nil
	}}
	logs, temporary, _ := newRemoteLogs(t, s)
	logs.copies.every = time.Millisecond
	root := t.TempDir()
	log := logs.Logger(runRef(root, "churn"))
	down.Store(true)
	log.Info("only copy")
	crowd(logs, root, "other")
	require.Len(t, spooled(t, temporary), runsOpen+1)
	down.Store(false)
	require.Eventually(t, func() bool { return len(spooled(t, temporary)) == runsOpen }, time.Minute, time.Millisecond)
	require.Contains(t, stored(t, s, "churn", "main"), "only copy")
	logs.Close(time.Minute)
}

// Claim: while a store does not answer to the first files of a run, other runs' records do not
// wait.
func TestRunLogsDoNotWaitForOtherRuns(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := &storetest.Faulty{Store: storetest.Memory(), Before: func(_ storetest.Op, key string) error {
		if strings.Contains(key, "/slow/") {
			once.Do(func() { close(asked) })
			<-answer
		}
		return nil
	}}
	logs, _, terminal := newRemoteLogs(t, slow)
	root := t.TempDir()
	other := logs.Logger(runRef(root, "other"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		logs.Logger(runRef(root, "slow")).Info("late")
	}()
	<-asked
	other.Info("in time")
	logs.Logger(runRef(root, "third")).Info("in time, too")
	close(answer)
	<-done
	logs.Close(time.Minute)
	require.Contains(t, terminal.String(), "in time, too")
	require.Contains(t, stored(t, slow, "other", "main"), "in time")
	require.Contains(t, stored(t, slow, "slow", "main"), "late")
}

// Claim: what a store elsewhere never took is kept on this machine, and the terminal says
// where.
func TestRunLogsOfADeadStore(t *testing.T) {
	dead := &storetest.Faulty{Store: storetest.Memory(), Before: func(storetest.Op, string) error { return errors.New("down") }}
	logs, temporary, terminal := newRemoteLogs(t, dead)
	logs.Logger(runRef(t.TempDir(), "churn")).Info("only copy")
	logs.Close(time.Minute)
	files, err := filepath.Glob(filepath.Join(temporary, "everfold-spool-*", "0", "main_*.log"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(text), "only copy")
	require.Contains(t, terminal.String(), filepath.Dir(filepath.Dir(files[0])))
	require.Equal(t, 1, strings.Count(terminal.String(), "left behind"))
}
