package logging

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bucket is a store that can be made to fail.
type bucket struct {
	mu      sync.Mutex
	fail    error
	content map[string]string
	puts    int
}

func (b *bucket) put(_ context.Context, name string, content io.Reader) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
	if b.fail != nil {
		return b.fail
	}
	all, err := io.ReadAll(content)
	b.content[name] = string(all)
	return err
}

// Claim: UploadEvery uploads at once and in Close, what changed only, rotated files too.
func TestUploadNowAndOnClose(t *testing.T) {
	b := &bucket{content: map[string]string{}}
	r := openRun(t.TempDir(), "s", fileOptions{max: 300, now: time.Now, stderr: failOnWrite{t}})
	r.UploadEvery(time.Hour, b.put)
	r.UploadEvery(time.Hour, func(context.Context, string, io.Reader) error { return errors.New("second call") })
	require.Equal(t, map[string]string{"main_s.log": "", "performance_s.log": "", "warnings_s.log": ""}, b.content)
	for range 5 {
		emit(t, r.Handler(), slog.LevelInfo, strings.Repeat("v", 100))
	}
	r.Close()
	require.Equal(t, 3+2, b.puts, "two unchanged files are not sent again")
	require.True(t, r.Uploaded())
	for _, path := range []string{r.Paths()[0], r.files[0].previous()} {
		require.Equal(t, read(t, path), b.content[filepath.Base(path)])
	}
}

// Claim: uploads repeat on their interval without anybody's doing.
func TestUploadRepeats(t *testing.T) {
	seen := make(chan string)
	r := OpenRun(t.TempDir(), "w", start)
	first := make(chan struct{})
	go func() {
		r.UploadEvery(time.Millisecond, func(_ context.Context, _ string, content io.Reader) error {
			all, err := io.ReadAll(content)
			seen <- string(all)
			return err
		})
		close(first)
	}()
	for range 3 {
		require.Empty(t, <-seen)
	}
	<-first
	emit(t, r.Handler(), slog.LevelInfo, "later")
	require.Contains(t, <-seen, "later")
	r.Close()
}

// Claim: a failing upload is named once, repeated, and fails nothing.
func TestUploadFailureIsHarmless(t *testing.T) {
	b := &bucket{content: map[string]string{}, fail: errors.New("bucket is gone")}
	stderr := &bytes.Buffer{}
	r := openRun(t.TempDir(), "s", options(&clock{t: start}, stderr))
	r.UploadEvery(time.Hour, b.put)
	emit(t, r.Handler(), slog.LevelInfo, "kept")
	b.fail = nil
	r.Close()
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	require.Contains(t, stderr.String(), "bucket is gone")
	require.Contains(t, b.content["main_s.log"], "kept")
	require.True(t, r.Uploaded())
}

// Claim: a store that takes nothing is asked for one file a round, and the files are then
// known to be the only copy.
func TestUploadGivesUpARound(t *testing.T) {
	b := &bucket{content: map[string]string{}, fail: errors.New("bucket is gone")}
	r := openRun(t.TempDir(), "s", options(&clock{t: start}, &bytes.Buffer{}))
	require.False(t, r.Uploaded())
	r.UploadEvery(time.Hour, b.put)
	require.Equal(t, 1, b.puts)
	r.Close()
	require.Equal(t, 2, b.puts)
	require.False(t, r.Uploaded())
}

// Claim: Close does not wait for an upload that hangs; what that one was to bring is brought
// by the last.
func TestCloseInterruptsAnUpload(t *testing.T) {
	b := &bucket{content: map[string]string{}}
	stderr := &bytes.Buffer{}
	r := openRun(t.TempDir(), "s", options(&clock{t: start}, stderr))
	hanging, rounds := make(chan struct{}), 0
	emit(t, r.Handler(), slog.LevelInfo, "kept")
	r.UploadEvery(time.Millisecond, func(ctx context.Context, name string, content io.Reader) error {
		if rounds++; rounds == 2 {
			emit(t, r.Handler(), slog.LevelInfo, "while an upload hangs")
			close(hanging)
			<-ctx.Done()
			return ctx.Err()
		}
		if rounds == 1 {
			return errors.New("not yet")
		}
		return b.put(ctx, name, content)
	})
	<-hanging
	r.Close()
	require.Contains(t, b.content["main_s.log"], "while an upload hangs")
	require.True(t, r.Uploaded())
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
}
