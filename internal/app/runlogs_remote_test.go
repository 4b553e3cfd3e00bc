package app

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	logs.Close()
	require.Contains(t, stored(t, s, "churn", "main"), "rows dropped")
	require.Contains(t, stored(t, s, "churn", "warnings"), "rows dropped")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left)
	log.Info("after the end") // goes to the terminal alone, and not over the stored file
	require.Contains(t, terminal.String(), "after the end")
	require.Contains(t, stored(t, s, "churn", "main"), "rows dropped")
}

// Claim: what a store elsewhere never took is kept on this machine, and the terminal says
// where.
func TestRunLogsOfADeadStore(t *testing.T) {
	dead := &storetest.Faulty{Store: storetest.Memory(), Before: func(storetest.Op, string) error { return errors.New("down") }}
	logs, temporary, terminal := newRemoteLogs(t, dead)
	logs.Logger(runRef(t.TempDir(), "churn")).Info("only copy")
	logs.Close()
	files, err := filepath.Glob(filepath.Join(temporary, "everfold-logs-*", "0", "main_*.log"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Contains(t, string(text), "only copy")
	require.Contains(t, terminal.String(), filepath.Dir(filepath.Dir(files[0])))
	require.Equal(t, 1, strings.Count(terminal.String(), "left behind"))
}
