package local_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/local"
	"everfold/store/storetest"
)

func open(t *testing.T, dir string) *local.Store {
	t.Helper()
	s, err := local.Open(dir)
	require.NoError(t, err)
	return s
}

func put(t *testing.T, s store.Store, key, content string) store.Info {
	t.Helper()
	info, err := store.PutBytes(t.Context(), s, key, []byte(content), store.Condition{})
	require.NoError(t, err)
	return info
}

// A directory that does not exist yet keeps the contract.
func TestConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "not", "yet")) })
}

// DIR, file://DIR and file://localhost/DIR name the same store; other URIs say what is allowed.
func TestOpenURIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "with space")
	put(t, open(t, dir), "key", "x")
	for _, uri := range []string{dir, open(t, dir).URI(), "file://localhost" + dir} {
		_, _, err := open(t, uri).Get(t.Context(), "key")
		require.NoError(t, err, uri)
	}
	for _, uri := range []string{"", "s3://bucket", "file://host/dir", "file://", "file://%zz"} {
		_, err := local.Open(uri)
		require.ErrorContains(t, err, "file://", uri)
	}
	t.Chdir(t.TempDir())
	require.True(t, filepath.IsAbs(open(t, "outputs").URI()[len("file://"):]))
}

// A store that is not there yet is empty, and reading it creates nothing.
func TestAbsentDirectoryIsEmpty(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outputs")
	s := open(t, dir)
	infos, err := s.List(t.Context(), "production/run/")
	require.NoError(t, err)
	require.Empty(t, infos)
	_, _, err = s.Get(t.Context(), "a")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, s.Delete(t.Context(), "a"))
	require.NoDirExists(t, dir)
}

// Neither a link nor a key leads out of the directory, and links are no objects.
func TestLinksDoNotEscape(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "folder")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")))
	s := open(t, dir)
	for _, key := range []string{"folder/secret", "file"} {
		_, _, err := s.Get(t.Context(), key)
		require.ErrorIs(t, err, store.ErrBadKey, "get %s", key)
		for _, cond := range []store.Condition{{}, {Absent: true}} {
			_, err = store.PutBytes(t.Context(), s, key, []byte("x"), cond)
			require.ErrorIs(t, err, store.ErrBadKey, "put %s", key)
		}
	}
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, infos)
	require.Error(t, s.Delete(t.Context(), "folder/secret"))
	require.FileExists(t, filepath.Join(outside, "secret"))
}

// An object cannot be a folder of another.
func TestObjectsAreNotFolders(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, "a/b", "x")
	for _, key := range []string{"a", "a/b/c"} {
		for _, cond := range []store.Condition{{}, {Absent: true}} {
			_, err := store.PutBytes(t.Context(), s, key, nil, cond)
			require.ErrorIs(t, err, store.ErrBadKey, key)
		}
	}
	require.NoError(t, s.Delete(t.Context(), "a"), "no object a")
	infos, err := s.List(t.Context(), "a/b/")
	require.NoError(t, err)
	require.Empty(t, infos)
}

// Stale temporary files of killed writers go with the next put into the folder; those of
// writers at work stay; neither is listed.
func TestStaleTemporaryFilesGo(t *testing.T) {
	dir := t.TempDir()
	put(t, open(t, dir), "d/a", "x")
	stale, fresh := filepath.Join(dir, "d", ".tmp-STALE"), filepath.Join(dir, "d", ".tmp-FRESH")
	for _, name := range []string{stale, fresh} {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	old := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(stale, old, old))
	s := open(t, dir)
	put(t, s, "d/b", "y")
	require.NoFileExists(t, stale)
	require.FileExists(t, fresh)
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, infos, 2)
}

// A put leaves no temporary file, whether it succeeds, conflicts or fails.
func TestPutLeavesNoRest(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "a", "x")
	_, err := store.PutBytes(t.Context(), s, "a", nil, store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
	_, err = store.PutBytes(t.Context(), s, "a", nil, store.Condition{ETag: "other"})
	require.ErrorIs(t, err, store.ErrConflict)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.Equal(t, []string{".lock", "a"}, names)
}

// The ETag of a version stays the same while other names of its inode come and go, and
// grows with a clock that goes back.
func TestETagFollowsContentOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	info := put(t, s, "a", "x")
	require.NoError(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, ".tmp-other")))
	require.NoError(t, os.Remove(filepath.Join(dir, ".tmp-other")))
	_, again, err := store.ReadAll(t.Context(), s, "a", 10)
	require.NoError(t, err)
	require.Equal(t, info.ETag, again.ETag)

	future := time.Now().Add(24 * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "a"), future, future))
	require.True(t, put(t, s, "a", "y").Modified.After(future))
}

// Two stores on one directory, as of two processes, exclude each other.
func TestTwoStoresShareTheLock(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) store.Store {
		sub := filepath.Join(dir, filepath.Base(t.Name()))
		return &alternating{stores: []store.Store{open(t, sub), open(t, sub)}}
	})
}

// A lock that is held by somebody else ends the wait with the context.
func TestLockWaitHonoursContext(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "a", "x")
	release := holdLock(t, filepath.Join(dir, ".lock"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := store.PutBytes(ctx, s, "a", []byte("y"), store.Condition{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	release()
	put(t, s, "a", "z")
}

// A directory that may not be written is ErrUnavailable with advice; so is a store whose
// place is a file.
func TestRefusedWritesAreUnavailable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := store.PutBytes(t.Context(), open(t, file), "a", nil, store.Condition{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "not a directory")
	for _, dir := range []string{"/proc/everfold", "/sys/everfold"} {
		if _, err := os.Stat(filepath.Dir(dir)); err != nil {
			continue // another Unix without it
		}
		_, err := store.PutBytes(t.Context(), open(t, dir), "a", nil, store.Condition{})
		require.ErrorIs(t, err, store.ErrUnavailable, dir)
		require.NotErrorIs(t, err, fs.ErrExist)
	}
}
