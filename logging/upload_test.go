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

// Claim: a copy brings what changed only, rotated files too, before and after Close.
func TestCopies(t *testing.T) {
	b := &bucket{content: map[string]string{}}
	r := openRun(t.TempDir(), "s", fileOptions{max: 300, now: time.Now, stderr: failOnWrite{t}})
	require.False(t, r.Copied())
	require.True(t, r.CopyTo(t.Context(), b.put))
	require.Equal(t, map[string]string{"main_s.log": "", "performance_s.log": "", "warnings_s.log": ""}, b.content)
	require.True(t, r.Copied())
	for range 5 {
		emit(t, r.Handler(), slog.LevelInfo, strings.Repeat("v", 100))
	}
	require.False(t, r.Copied())
	r.Close()
	require.True(t, r.CopyTo(t.Context(), b.put))
	require.Equal(t, 3+2, b.puts, "two unchanged files are not sent again")
	require.True(t, r.Copied())
	for _, path := range []string{r.Paths()[0], r.files[0].previous()} {
		require.Equal(t, read(t, path), b.content[filepath.Base(path)])
	}
}

// Claim: released files are opened again by the next record, under the same names and behind what
// they hold.
func TestReleasedFilesGoOn(t *testing.T) {
	b := &bucket{content: map[string]string{}}
	r := openRun(t.TempDir(), "s", fileOptions{max: maxFile, now: time.Now, stderr: failOnWrite{t}})
	emit(t, r.Handler(), slog.LevelInfo, "before")
	require.True(t, r.CopyTo(t.Context(), b.put))
	r.Release()
	for _, f := range r.files {
		require.Nil(t, f.f)
	}
	require.True(t, r.Copied())
	emit(t, r.Handler(), slog.LevelInfo, "after")
	require.False(t, r.Copied())
	require.True(t, r.CopyTo(t.Context(), b.put))
	r.Close()
	require.Equal(t, read(t, r.Paths()[0]), b.content["main_s.log"])
	require.Contains(t, b.content["main_s.log"], "before")
	require.Contains(t, b.content["main_s.log"], "after")
}

// Claim: a store that takes nothing is asked for one file a copy, fails nothing and is named once;
// the files are then known to be the only ones, until a copy brings them over.
func TestFailingCopiesAreHarmless(t *testing.T) {
	b := &bucket{content: map[string]string{}, fail: errors.New("bucket is gone")}
	stderr := &bytes.Buffer{}
	r := openRun(t.TempDir(), "s", options(&clock{t: start}, stderr))
	emit(t, r.Handler(), slog.LevelInfo, "kept")
	for puts := range 2 {
		require.False(t, r.CopyTo(t.Context(), b.put))
		require.Equal(t, 1+puts, b.puts)
		require.False(t, r.Copied())
	}
	r.Close()
	b.fail = nil
	require.True(t, r.CopyTo(t.Context(), b.put))
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	require.Contains(t, stderr.String(), "bucket is gone")
	require.Contains(t, b.content["main_s.log"], "kept")
}

// Claim: a copy that is called off is no failure to tell of, and what it was to bring is brought by
// the next.
func TestCopyCalledOff(t *testing.T) {
	b := &bucket{content: map[string]string{}}
	r := openRun(t.TempDir(), "s", fileOptions{max: maxFile, now: time.Now, stderr: failOnWrite{t}})
	defer r.Close()
	emit(t, r.Handler(), slog.LevelInfo, "kept")
	ctx, callOff := context.WithCancel(t.Context())
	require.False(t, r.CopyTo(ctx, func(ctx context.Context, _ string, _ io.Reader) error {
		emit(t, r.Handler(), slog.LevelInfo, "while an upload hangs")
		callOff()
		<-ctx.Done()
		return ctx.Err()
	}))
	require.True(t, r.CopyTo(t.Context(), b.put))
	require.Contains(t, b.content["main_s.log"], "while an upload hangs")
}
