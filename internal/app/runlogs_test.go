package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/activities"
	"everfold/config"
	"everfold/logging"
)

// newTestLogs returns a registry on a fresh folder, and what its terminal has shown.
func newTestLogs(t *testing.T) (*RunLogs, string, *bytes.Buffer) {
	t.Helper()
	var terminal bytes.Buffer
	logs := NewRunLogs(&Stores{}, "host-1", logging.Terminal(&terminal, slog.LevelInfo, false))
	start := time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC)
	logs.now = func() time.Time { start = start.Add(time.Second); return start }
	t.Cleanup(func() { logs.Close(time.Minute) })
	return logs, t.TempDir(), &terminal
}

func runRef(root, run string) activities.RunRef {
	return activities.RunRef{Type: config.Production, Run: run, Store: config.Store{URI: root}}
}

// logged returns a run's file of one kind; there must be exactly want such files.
func logged(t *testing.T, root, run, kind string, want int) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "production", run, "logs", kind+"_*.log"))
	require.NoError(t, err)
	require.Len(t, files, want)
	text, err := os.ReadFile(files[len(files)-1])
	require.NoError(t, err)
	return string(text)
}

// Claim: the three files exist before anything is logged; records reach them and the
// terminal, with the run's name, attributes and groups of the logger.
func TestRunLogs(t *testing.T) {
	logs, root, terminal := newTestLogs(t)
	log := logs.Logger(runRef(root, "churn"))
	for _, kind := range []string{"main", "performance", "warnings"} {
		require.Empty(t, logged(t, root, "churn", kind, 1))
	}
	log.With("model", "rsf").WithGroup("data").Warn("rows dropped", "rows", 3)
	line := logged(t, root, "churn", "main", 1)
	require.Contains(t, line, `"run":"production/churn"`)
	require.Contains(t, line, `"model":"rsf","data":{"rows":3}`)
	require.Equal(t, 1, strings.Count(logged(t, root, "churn", "warnings", 1), "rows dropped"))
	require.Contains(t, terminal.String(), "rows dropped")

	logs.Logger(runRef(root, "churn")).Info("again") // a second activity of the run
	require.Contains(t, logged(t, root, "churn", "main", 1), "again")
}

// Claim: no more than runsOpen runs have open files; a logger whose files were closed
// goes on in the same files.
func TestRunLogsBounded(t *testing.T) {
	logs, root, _ := newTestLogs(t)
	first := logs.Logger(runRef(root, "run-0"))
	first.Info("before")
	for i := range runsOpen {
		logs.Logger(runRef(root, fmt.Sprintf("run-%d", i+1)))
	}
	open := 0
	for _, run := range logs.runs {
		if run.files != nil {
			open++
		}
	}
	require.Equal(t, runsOpen, open)
	require.Nil(t, logs.runs[runRef(root, "run-0")].files)
	first.Info("after")
	text := logged(t, root, "run-0", "main", 1)
	require.Contains(t, text, "before")
	require.Contains(t, text, "after")

	logs.Close(time.Minute)
	first.Info("even later")
	require.Contains(t, logged(t, root, "run-0", "main", 1), "even later")
}

// Claim: a run whose folder was deleted gets new files with its next activity.
func TestRunLogsOfDeletedRun(t *testing.T) {
	logs, root, _ := newTestLogs(t)
	logs.Logger(runRef(root, "churn")).Info("gone")
	require.NoError(t, os.RemoveAll(filepath.Join(root, "production")))
	logs.Logger(runRef(root, "churn")).Info("anew")
	text := logged(t, root, "churn", "main", 1)
	require.Contains(t, text, "anew")
	require.NotContains(t, text, "gone")
}

// Claim: where there can be no files, records reach the terminal and nothing fails.
func TestRunLogsWithoutFiles(t *testing.T) {
	logs, root, terminal := newTestLogs(t)
	blocked := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	logs.Logger(runRef(blocked, "churn")).Info("folder is a file")
	logs.Logger(runRef("s3://no bucket", "churn")).Info("no such store")
	require.Contains(t, terminal.String(), "folder is a file")
	require.Contains(t, terminal.String(), "no such store")
}
