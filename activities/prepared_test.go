package activities

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/local"
	"everfold/store/storetest"
)

// preparedFile puts content of n bytes, that tell k, into a store and describes it.
func preparedFile(t *testing.T, s store.Store, k byte, n int) (artifact.File, []byte) {
	t.Helper()
	content := bytes.Repeat([]byte{k}, n)
	key := artifact.PreparedKey
	_, err := store.PutBytes(t.Context(), s, key, content, store.Condition{})
	require.NoError(t, err)
	return artifact.File{Key: key, Bytes: int64(n), SHA256: store.SHA256(content)}, content
}

// A prepared table is fetched once, also after it is gone from the store; a damaged copy is
// fetched again and mended.
func TestPreparedFilesAreFetchedOnce(t *testing.T) {
	s, p := storetest.Memory(), &PreparedFiles{Dir: filepath.Join(t.TempDir(), "not", "yet"), Most: 1000}
	file, content := preparedFile(t, s, 'a', 300)
	for range 2 {
		got, err := p.read(t.Context(), s, file)
		require.NoError(t, err)
		require.Equal(t, content, got)
		require.NoError(t, s.Delete(t.Context(), file.Key))
	}
	preparedFile(t, s, 'a', 300)
	require.NoError(t, os.WriteFile(filepath.Join(p.Dir, file.SHA256), content[1:], 0o600))
	for range 2 {
		got, err := p.read(t.Context(), s, file)
		require.NoError(t, err)
		require.Equal(t, content, got)
		require.NoError(t, s.Delete(t.Context(), file.Key))
	}
}

// The copies never take more than their bound; those used longest ago go first, and what is
// larger than the bound is not kept.
func TestPreparedFilesAreBounded(t *testing.T) {
	s, p := storetest.Memory(), &PreparedFiles{Dir: t.TempDir(), Most: 1000}
	var files []artifact.File
	for k := range byte(4) {
		file, _ := preparedFile(t, s, 'a'+k, 300)
		files = append(files, file)
		_, err := p.read(t.Context(), s, file)
		require.NoError(t, err)
		past := time.Unix(int64(k), 0)
		require.NoError(t, os.Chtimes(filepath.Join(p.Dir, file.SHA256), past, past))
		if k == 2 { // the first is used once more
			_, err := p.read(t.Context(), s, files[0])
			require.NoError(t, err)
		}
	}
	large, _ := preparedFile(t, s, 'x', 1001)
	_, err := p.read(t.Context(), s, large)
	require.NoError(t, err)
	for file, kept := range map[string]bool{
		files[0].SHA256: true, files[1].SHA256: false, files[2].SHA256: true, files[3].SHA256: true, large.SHA256: false,
	} {
		_, err := os.Stat(filepath.Join(p.Dir, file))
		require.Equal(t, kept, err == nil)
	}
}

// Files of a local store are not copied; a folder that cannot be written harms nothing.
func TestPreparedFilesAreOptional(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	p := &PreparedFiles{Dir: filepath.Join(blocked, "folder"), Most: 1000}
	onDisk, err := local.Open(t.TempDir())
	require.NoError(t, err)
	for _, s := range []store.Store{onDisk, storetest.Memory()} {
		file, content := preparedFile(t, s, 'a', 300)
		got, err := p.read(t.Context(), s, file)
		require.NoError(t, err)
		require.Equal(t, content, got)
	}
	var none *PreparedFiles
	file, _ := preparedFile(t, onDisk, 'b', 10)
	_, err = none.read(t.Context(), onDisk, file)
	require.NoError(t, err)
	missing := file
	missing.SHA256 = store.SHA256(nil)
	_, err = (&PreparedFiles{Dir: t.TempDir(), Most: 1000}).read(t.Context(), storetest.Memory(), missing)
	require.ErrorIs(t, err, store.ErrNotFound)
}
