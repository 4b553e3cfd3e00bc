package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
)

// What is put under a fleeting context is seen, replaced and deleted like anything else,
// and a durable object in the same new folder is no less durable for it.
func TestFleetingObjectsBehaveLikeOthers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx := store.Fleeting(t.Context())
	require.True(t, store.IsFleeting(ctx))
	require.False(t, store.IsFleeting(t.Context()))

	first, err := store.PutBytes(ctx, s, "a/b/record", []byte("1"), store.Condition{Absent: true})
	require.NoError(t, err)
	_, err = store.PutBytes(ctx, s, "a/b/record", []byte("2"), store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
	_, err = store.PutBytes(ctx, s, "a/b/record", []byte("2"), store.Condition{ETag: first.ETag})
	require.NoError(t, err)
	put(t, s, "a/b/durable", "x")
	require.NoError(t, s.Delete(ctx, "a/b/record"))
	require.NoError(t, s.Delete(ctx, "a/b/record"), "absent is no error")
	content, _, err := store.ReadAll(t.Context(), s, "a/b/durable", 10)
	require.NoError(t, err)
	require.Equal(t, "x", string(content))
	require.NoError(t, s.Delete(ctx, "a/b/durable"))
	_, err = os.Stat(filepath.Join(dir, "a"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
