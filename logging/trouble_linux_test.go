package logging

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fullDir returns a directory in which no byte more can be written, and a way to make room.
// It is a small tmpfs where this process may mount one; elsewhere its three log files are
// the device that is always full.
func fullDir(t *testing.T, stamp string) (dir string, makeRoom func()) {
	t.Helper()
	dir = t.TempDir()
	if unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") == nil {
		t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
		ballast := filepath.Join(dir, "ballast")
		err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600)
		require.ErrorIs(t, err, unix.ENOSPC)
		return dir, func() { require.NoError(t, os.Remove(ballast)) }
	}
	var links []string
	for _, kind := range []string{"main_", "performance_", "warnings_"} {
		link := filepath.Join(dir, kind+stamp+".log")
		require.NoError(t, os.Symlink("/dev/full", link))
		links = append(links, link)
	}
	return dir, func() {
		for _, link := range links {
			require.NoError(t, os.Remove(link))
		}
	}
}

// Claim: on a full disk no record returns an error, standard error says so once, and once
// there is room records are written again, whole; Close tells how many lines are missing.
func TestFullDiskWarnsOnceAndRecovers(t *testing.T) {
	dir, makeRoom := fullDir(t, "s")
	c, stderr := &clock{t: start}, &bytes.Buffer{}
	r := openRun(dir, "s", options(c, stderr))
	for range 20 {
		emit(t, r.Handler(), slog.LevelWarn, strings.Repeat("y", 9000), CategoryResource.Attr())
		c.t = c.t.Add(retryAfter)
	}
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	require.Contains(t, stderr.String(), "the run goes on")
	require.Contains(t, stderr.String(), "no space left on device")

	makeRoom()
	c.t = c.t.Add(retryAfter)
	emit(t, r.Handler(), slog.LevelWarn, "room again", CategoryResource.Attr())
	r.Close()
	for _, path := range []string{r.Paths()[0], r.Paths()[2]} {
		got := records(t, path)
		require.Len(t, got, 1)
		require.Equal(t, "room again", got[0]["msg"])
	}
	require.Contains(t, stderr.String(), "40 lines could not be written")
}

// Claim: half a line that a filling disk took is removed again.
func TestFillingDiskLeavesWholeLines(t *testing.T) {
	dir := t.TempDir()
	if unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") == nil {
		t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	} else { // a file size limit cuts writes just so, without privileges
		limitFileSize(t, 50_000)
	}
	stderr := &bytes.Buffer{}
	r := openRun(dir, "s", options(&clock{t: start}, stderr))
	for range 30 {
		emit(t, r.Handler(), slog.LevelInfo, strings.Repeat("z", 5000))
	}
	r.Close()
	got := records(t, r.Paths()[0])
	require.NotEmpty(t, got)
	require.Less(t, len(got), 30)
	require.Contains(t, stderr.String(), "records are lost")
}

// limitFileSize lowers this process's largest file for one test.
func limitFileSize(t *testing.T, bytes uint64) {
	t.Helper()
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &old))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: old.Max}))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &old)) })
}

// Claim: where the directory cannot be made or written, for whatever reason, nothing fails,
// one line says so, and files appear once the reason is gone.
func TestUnwritableDirectory(t *testing.T) {
	for _, c := range []struct {
		name     string
		dir      func(t *testing.T) (dir string, repair func())
		readable bool // after repair
	}{
		{"a file is in the way", func(t *testing.T) (string, func()) {
			parent := filepath.Join(t.TempDir(), "run")
			require.NoError(t, os.WriteFile(parent, nil, 0o600))
			return filepath.Join(parent, "logs"), func() { require.NoError(t, os.Remove(parent)) }
		}, true},
		{"read-only", readOnlyDir, true},
		{"a system directory", func(*testing.T) (string, func()) { return "/proc/everfold", func() {} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, repair := c.dir(t)
			now, stderr := &clock{t: start}, &bytes.Buffer{}
			r := openRun(dir, "s", options(now, stderr))
			emit(t, r.Handler(), slog.LevelError, "lost")
			require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
			repair()
			now.t = now.t.Add(retryAfter)
			emit(t, r.Handler(), slog.LevelError, "kept")
			r.Close()
			if c.readable {
				got := records(t, r.Paths()[0])
				require.Len(t, got, 1)
				require.Equal(t, "kept", got[0]["msg"])
			}
		})
	}
}

// readOnlyDir is a directory that even root cannot write where mounting is allowed, and
// one without the write permission elsewhere.
func readOnlyDir(t *testing.T) (string, func()) {
	dir := t.TempDir()
	if unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, "") == nil {
		t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
		return dir, func() { require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "")) }
	}
	if os.Geteuid() == 0 { // root ignores permissions: a file in the way instead
		require.NoError(t, os.WriteFile(filepath.Join(dir, "logs"), nil, 0o600))
		return filepath.Join(dir, "logs"), func() { require.NoError(t, os.Remove(filepath.Join(dir, "logs"))) }
	}
	require.NoError(t, os.Chmod(dir, 0o500))
	return dir, func() { require.NoError(t, os.Chmod(dir, 0o700)) }
}
