package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 11, 5, 23, 4, 9, 0, time.FixedZone("east", 3600))

// emit writes one record with a fixed time through h.
func emit(t *testing.T, h slog.Handler, level slog.Level, msg string, attrs ...slog.Attr) {
	t.Helper()
	r := slog.NewRecord(start, level, msg, 0)
	r.AddAttrs(attrs...)
	if h.Enabled(t.Context(), level) {
		require.NoError(t, h.Handle(t.Context(), r))
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// records parses every line of a log file and fails on one that is not a JSON object.
func records(t *testing.T, path string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(read(t, path)) {
		require.True(t, strings.HasSuffix(line, "\n"), "%s ends in half a line", path)
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		all = append(all, r)
	}
	return all
}

// Claim: the three files exist, empty, as soon as OpenRun returns, under the contract's
// names with the stamp in UTC and a worker's name made safe for file names.
func TestFilesExistBeforeAnyRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "production", "churn", "logs")
	r := OpenRun(dir, "host-1/2 é", start)
	defer r.Close()
	for i, kind := range []string{"main", "performance", "warnings"} {
		path := filepath.Join(dir, kind+"_20261105_220409_host-1-2--.log")
		require.Equal(t, path, r.Paths()[i])
		require.Empty(t, read(t, path))
	}
	require.Equal(t, "20261105_220409_worker", Stamp("", start))
}

// Claim: every record from Info up is in main; those of category performance are in
// performance; those from Warn up are in warnings, with the default category where they
// name none; the bytes are these.
func TestRoutingGolden(t *testing.T) {
	r := OpenRun(t.TempDir(), "w1", start)
	h := r.Handler().WithAttrs([]slog.Attr{slog.String(KeyRun, "production/churn"), slog.String(KeyModel, "cox_ph"), slog.Int(KeyFold, 2)})
	emit(t, h, slog.LevelDebug, "hidden")
	emit(t, h, slog.LevelInfo, "fold started", slog.Int(KeyAttempt, 1))
	emit(t, h, slog.LevelInfo, "fold done", CategoryPerformance.Attr(), slog.Int("n_folds", 1))
	emit(t, h, slog.LevelWarn, "row 7: level unseen", CategoryData.Attr())
	emit(t, h.WithAttrs([]slog.Attr{CategoryStorage.Attr()}), slog.LevelWarn, "write repeated")
	emit(t, h, slog.LevelWarn, "poll failed")
	emit(t, h.WithGroup("sdk"), slog.LevelError, "heartbeat failed", slog.String("queue", "train"))
	r.Close()

	const at = `{"time":"2026-11-05T23:04:09+01:00","level":`
	const names = `"run":"production/churn","model":"cox_ph","fold":2`
	performance := at + `"INFO","msg":"fold done",` + names + `,"category":"performance","n_folds":1}` + "\n"
	warnings := at + `"WARN","msg":"row 7: level unseen",` + names + `,"category":"data"}` + "\n" +
		at + `"WARN","msg":"write repeated",` + names + `,"category":"storage"}` + "\n" +
		at + `"WARN","msg":"poll failed","category":"retry",` + names + `}` + "\n" +
		at + `"ERROR","msg":"heartbeat failed","category":"retry",` + names + `,"sdk":{"queue":"train"}}` + "\n"
	main := at + `"INFO","msg":"fold started",` + names + `,"attempt":1}` + "\n" + performance + warnings

	require.Equal(t, main, read(t, r.Paths()[0]))
	require.Equal(t, performance, read(t, r.Paths()[1]))
	require.Equal(t, warnings, read(t, r.Paths()[2]))
}

// Claim: inside a group a key named category belongs to the group and names no category.
func TestCategoryIsTopLevelOnly(t *testing.T) {
	r := OpenRun(t.TempDir(), "w1", start)
	defer r.Close()
	h := r.Handler().WithGroup("").WithGroup("customer")
	emit(t, h, slog.LevelWarn, "in a group", slog.String(KeyCategory, "gold"))
	emit(t, h.WithAttrs([]slog.Attr{slog.String(KeyCategory, "gold")}), slog.LevelWarn, "in the logger's group")
	for _, got := range records(t, r.Paths()[2]) {
		require.Equal(t, "retry", got["category"])
		require.Equal(t, map[string]any{"category": "gold"}, got["customer"])
	}
}

// Claim: two sinks on the same files and many goroutines leave whole lines only, none lost.
func TestConcurrentWritersKeepLinesWhole(t *testing.T) {
	dir := t.TempDir()
	sinks := []*RunFiles{OpenRun(dir, "same", start), OpenRun(dir, "same", start)}
	const writers, each = 8, 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			log := slog.New(sinks[w%2].Handler()).With(slog.Int("writer", w))
			for i := range each {
				log.Warn(strings.Repeat("x", 10*i), slog.Int("i", i), CategoryResource.Attr())
			}
		})
	}
	wg.Wait()
	sinks[0].Close()
	sinks[1].Close()
	require.Len(t, records(t, sinks[0].Paths()[0]), writers*each)
	require.Len(t, records(t, sinks[0].Paths()[2]), writers*each)
	require.Empty(t, records(t, sinks[0].Paths()[1]))
}

// Claim: a full file is renamed to .1.log, an older one replaced; lines stay whole, newest
// last, and no file exceeds the cap.
func TestSizeCapRotates(t *testing.T) {
	const limit = 1000
	r := openRun(t.TempDir(), "s", fileOptions{max: limit, now: time.Now, stderr: failOnWrite{t}})
	for i := range 50 {
		emit(t, r.Handler(), slog.LevelInfo, "line", slog.Int("i", i))
	}
	r.Close()
	path := r.Paths()[0]
	older := strings.TrimSuffix(path, ".log") + ".1.log"
	all := append(records(t, older), records(t, path)...)
	require.NotEmpty(t, all)
	for k, rec := range all {
		require.EqualValues(t, 50-len(all)+k, rec["i"])
	}
	require.LessOrEqual(t, len(read(t, path)), limit)
	require.LessOrEqual(t, len(read(t, older)), limit)
}

// Claim: Close twice, and records after Close, do nothing.
func TestCloseIsFinal(t *testing.T) {
	r := openRun(t.TempDir(), "s", fileOptions{max: maxFile, now: time.Now, stderr: failOnWrite{t}})
	h := r.Handler()
	emit(t, h, slog.LevelInfo, "before")
	r.Close()
	r.Close()
	emit(t, h, slog.LevelInfo, "after")
	require.Len(t, records(t, r.Paths()[0]), 1)
}

// failOnWrite is a standard error on which nothing may appear.
type failOnWrite struct{ t *testing.T }

func (f failOnWrite) Write(p []byte) (int, error) {
	f.t.Errorf("unexpected on standard error: %s", p)
	return len(p), nil
}

// clock is a settable time source.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func options(c *clock, b *bytes.Buffer) fileOptions {
	return fileOptions{max: maxFile, now: c.now, stderr: b}
}
