package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
)

// Every error of the file system has its place in the contract and says what to do.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		operation string
		err       error
		kind      error
		says      string
	}{
		{"write", syscall.ENOSPC, store.ErrUnavailable, "disk is full"},
		{"write", syscall.EDQUOT, store.ErrUnavailable, "quota"},
		{"write", syscall.EACCES, store.ErrUnavailable, "permission"},
		{"write", syscall.EROFS, store.ErrUnavailable, "read-only"},
		{"read", syscall.EIO, store.ErrUnavailable, "check it"},
		{"read", syscall.EMFILE, store.ErrUnavailable, "ulimit"},
		{"write", syscall.ESTALE, store.ErrUnavailable, "write key"},
		{"read", syscall.ENOENT, store.ErrNotFound, "read key"},
		{"write", syscall.ENOENT, store.ErrUnavailable, "write key"},
		{"read", syscall.ENOTDIR, store.ErrNotFound, "read key"},
		{"write", syscall.EISDIR, store.ErrBadKey, "folder"},
		{"read", errNotRegular, store.ErrBadKey, "symbolic link"},
		{"read", &fs.PathError{Op: "open", Path: "key", Err: errors.New("path escapes")}, store.ErrBadKey, "escapes"},
		{"write", context.DeadlineExceeded, context.DeadlineExceeded, "write key"},
		{"write", store.ErrConflict, store.ErrConflict, "write key"},
	} {
		wrapped := c.err
		if _, isErrno := c.err.(syscall.Errno); isErrno {
			wrapped = &fs.PathError{Op: "open", Path: "key", Err: c.err}
		}
		err := classify(c.operation, "key", wrapped)
		require.ErrorIs(t, err, c.kind)
		require.ErrorContains(t, err, c.says)
	}
	require.NoError(t, classify("read", "key", nil))
}

// A body that fails with a disk's error number is still the body's fault.
func TestClassifyLeavesTheBodysErrorAlone(t *testing.T) {
	err := classify("write", "key", &bodyError{syscall.EIO})
	require.NotErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, err, syscall.EIO)
}

// Where links are not supported, create-once goes by the lock with the same outcome.
func TestLinksUnsupported(t *testing.T) {
	for _, errno := range []error{syscall.EPERM, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EMLINK} {
		require.True(t, linksUnsupported(&os.LinkError{Op: "link", Err: errno}))
	}
	require.False(t, linksUnsupported(&os.LinkError{Op: "link", Err: syscall.EEXIST}))
	require.False(t, linksUnsupported(nil))

	s, err := Open(t.TempDir())
	require.NoError(t, err)
	root, err := s.makeFolder(t.Context(), "d")
	require.NoError(t, err)
	defer root.Close()
	for i, want := range []error{nil, fs.ErrExist} {
		require.NoError(t, root.WriteFile("d/.tmp-x", []byte{byte(i)}, fileMode))
		err := s.renameOnce(t.Context(), root, "d/.tmp-x", "d/key")
		if want == nil {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, want)
		}
	}
	content, err := root.ReadFile("d/key")
	require.NoError(t, err)
	require.Equal(t, []byte{0}, content)
}
