package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
)

// Deleting the last object of a folder removes the folder and those above it, but never
// one that still holds something.
func TestDeletePrunesEmptyFolders(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "a/b/c/x", "1")
	put(t, s, "a/y", "2")
	require.NoError(t, s.Delete(t.Context(), "a/b/c/x"))
	_, err := os.Stat(filepath.Join(dir, "a", "b"))
	require.ErrorIs(t, err, os.ErrNotExist)
	content, _, err := store.ReadAll(t.Context(), s, "a/y", 10)
	require.NoError(t, err)
	require.Equal(t, "2", string(content))
	put(t, s, "a/b/c/x", "3")
}

// Writers and deleters of one folder, through two stores as of two processes, never fail
// one another: a folder that is pruned under a writer is made again.
func TestPutAndDeleteRaceForAFolder(t *testing.T) {
	dir := t.TempDir()
	var work sync.WaitGroup
	for w := range 4 {
		s := open(t, dir)
		work.Go(func() {
			for i := range 40 {
				key := fmt.Sprintf("f/g/h/i/%d-%d", w, i)
				_, err := store.PutBytes(t.Context(), s, key, []byte(key), store.Condition{})
				if err == nil {
					err = s.Delete(t.Context(), key)
				}
				if err != nil {
					t.Errorf("%s: %v", key, err)
				}
			}
		})
	}
	work.Wait()
}
