package app

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/logging"
	"everfold/store"
	"everfold/store/storetest"
)

// killed is what a worker leaves of a run's logs in the temporary folder that is killed when its store takes
// nothing any more: the store has what was written before. The lock is the worker's.
func killed(t *testing.T, run string) (s store.Store, logs *RunLogs, spool string) {
	t.Helper()
	var down atomic.Bool
	s = storetest.Memory()
	logs, temporary, _ := newRemoteLogs(t, &storetest.Faulty{Store: s, Before: func(op storetest.Op, _ string) error {
		if down.Load() {
			return errors.New("down")
		}
		return nil
	}})
	log := logs.Logger(runRef(t.TempDir(), run))
	t.Cleanup(logs.copies.end)
	down.Store(true)
	log.Warn("last words")
	folders, err := filepath.Glob(filepath.Join(temporary, spoolPrefix+"*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	return s, logs, folders[0]
}

// next is the worker that starts after it, of the same machine, and its terminal.
func next(t *testing.T, s store.Store) (*RunLogs, *bytes.Buffer) {
	t.Helper()
	terminal := &bytes.Buffer{}
	logs := NewRunLogs(&Stores{Wrap: func(store.Store) store.Store { return s }}, "host-2", logging.Terminal(terminal, slog.LevelInfo, false))
	t.Cleanup(func() { logs.Close(time.Minute) })
	return logs, terminal
}

// Claim: the last words of a worker that was killed reach the store when another one starts, and nothing of
// them is left here; those of one that lives are left alone.
func TestKilledWorkersLogsAreDelivered(t *testing.T) {
	s, logs, spool := killed(t, "churn")
	other, terminal := next(t, s)
	other.deliver(t.Context(), spool)
	require.DirExists(t, spool, "its worker lives")
	require.NotContains(t, stored(t, s, "churn", "main"), "last words")

	require.NoError(t, logs.lock.Close()) // as the end of its process does
	other.DeliverLeft()
	require.Eventually(t, func() bool { _, err := os.Stat(spool); return os.IsNotExist(err) }, time.Minute, time.Millisecond)
	require.Contains(t, stored(t, s, "churn", "main"), "last words")
	require.Contains(t, stored(t, s, "churn", "warnings"), "last words")
	other.Close(time.Minute)
	require.Contains(t, terminal.String(), "log files of a worker that was killed are in their stores")
}

// Claim: logs stay where they are, and the terminal says so, if their store does not take them, has nothing of
// the run any more, or nothing says whose they are.
func TestKilledWorkersLogsStay(t *testing.T) {
	for name, damage := range map[string]func(s store.Store, spool string) store.Store{
		"store down": func(s store.Store, _ string) store.Store {
			return &storetest.Faulty{Store: s, Before: func(storetest.Op, string) error { return errors.New("down") }}
		},
		"put refused": func(s store.Store, _ string) store.Store {
			return &storetest.Faulty{Store: s, Before: func(op storetest.Op, _ string) error {
				if op == storetest.Put {
					return errors.New("refused")
				}
				return nil
			}}
		},
		"run removed": func(store.Store, string) store.Store { return storetest.Memory() },
		"no mark": func(s store.Store, spool string) store.Store {
			require.NoError(t, os.Remove(filepath.Join(spool, "0"+refSuffix)))
			return s
		},
		"no mark that is one": func(s store.Store, spool string) store.Store {
			require.NoError(t, os.WriteFile(filepath.Join(spool, "0"+refSuffix), []byte("{"), 0o600))
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, logs, spool := killed(t, "churn")
			require.NoError(t, logs.lock.Close())
			other, terminal := next(t, damage(s, spool))
			other.deliver(t.Context(), spool)
			files, err := filepath.Glob(filepath.Join(spool, "0", "*.log"))
			require.NoError(t, err)
			require.NotEmpty(t, files)
			require.Contains(t, terminal.String(), "stay here")
			require.Contains(t, terminal.String(), spool)
		})
	}
}

// Claim: of the runs that one worker had, those whose logs are delivered leave nothing here; one without a mark
// stays, and the terminal says so.
func TestDeliveredRunsLeaveNothing(t *testing.T) {
	s, logs, spool := killed(t, "churn")
	require.NoError(t, logs.lock.Close())
	unmarked := filepath.Join(spool, "1", "main.log")
	require.NoError(t, os.Mkdir(filepath.Dir(unmarked), 0o700))
	require.NoError(t, os.WriteFile(unmarked, []byte("whose?"), 0o600))
	other, terminal := next(t, s)
	other.deliver(t.Context(), spool)
	require.Contains(t, stored(t, s, "churn", "main"), "last words")
	require.NoDirExists(t, filepath.Join(spool, "0"))
	require.NoFileExists(t, filepath.Join(spool, "0"+refSuffix))
	require.FileExists(t, unmarked)
	require.Contains(t, terminal.String(), "stay here")
}

// Claim: a folder that the system says nothing about is not taken.
func TestUnknownFolderIsNoSpool(t *testing.T) {
	f, err := os.Open(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.False(t, takes(f, syscall.LOCK_EX|syscall.LOCK_NB))
}

// Claim: what is no folder of a worker's is left alone: links, files, and a folder that somebody has locked.
func TestLinksAreNoSpools(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	logs, _ := next(t, storetest.Memory())
	precious := t.TempDir()
	link := filepath.Join(os.TempDir(), spoolPrefix+"link")
	require.NoError(t, os.Symlink(precious, link))
	file := filepath.Join(os.TempDir(), spoolPrefix+"file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	held, lock, err := newSpool()
	require.NoError(t, err)
	defer lock.Close()
	for _, path := range []string{link, file, held} {
		logs.deliver(t.Context(), path)
		_, err := os.Lstat(path)
		require.NoError(t, err)
	}
	require.DirExists(t, precious)

	t.Setenv("TMPDIR", filepath.Join(precious, "missing"))
	_, _, err = newSpool()
	require.ErrorIs(t, err, os.ErrNotExist)
}
