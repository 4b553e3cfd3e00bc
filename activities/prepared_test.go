package activities

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
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
	hoursAgo := time.Now().Add(-3 * time.Hour)
	var files []artifact.File
	for k := range byte(4) {
		file, _ := preparedFile(t, s, 'a'+k, 300)
		files = append(files, file)
		_, err := p.read(t.Context(), s, file)
		require.NoError(t, err)
		past := hoursAgo.Add(time.Duration(k) * time.Minute)
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

// What a killed worker was writing, and what nobody has used for a month, is removed, also
// where there is room; what another worker is writing stays, and counts. A smaller bound holds
// from the start on.
func TestPreparedFilesAreTidied(t *testing.T) {
	p := &PreparedFiles{Dir: filepath.Join(t.TempDir(), "prepared"), Most: 1000}
	require.NoError(t, p.Tidy(), "nothing is there yet")
	require.NoError(t, (*PreparedFiles)(nil).Tidy())
	require.NoError(t, os.MkdirAll(filepath.Join(p.Dir, "folder"), 0o700))
	put := func(name string, bytes int, age time.Duration) {
		path := filepath.Join(p.Dir, name)
		require.NoError(t, os.WriteFile(path, make([]byte, bytes), 0o600))
		then := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, then, then))
	}
	put(preparedTemp+"killed", 100, 2*time.Hour)
	put(preparedTemp+"writing", 100, time.Minute)
	put("unused", 100, 31*24*time.Hour)
	put("older", 400, 29*24*time.Hour)
	put("newer", 400, time.Hour)
	left := func() (names []string) {
		entries, err := os.ReadDir(p.Dir)
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	require.NoError(t, p.Tidy())
	require.Equal(t, []string{preparedTemp + "writing", "folder", "newer", "older"}, left())
	p.Most = 899
	require.NoError(t, p.Tidy())
	require.Equal(t, []string{preparedTemp + "writing", "folder", "newer"}, left())
}

// Workers that share a folder and read, keep and evict at once all get their tables, and leave
// no more than the bound allows.
func TestPreparedFilesAreShared(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		p := &PreparedFiles{Dir: dir, Most: 1000}
		group.Go(func() {
			for k := range byte(40) {
				s := storetest.Memory()
				file, content := preparedFile(t, s, 'a'+k%5, 300)
				got, err := p.read(t.Context(), s, file)
				if err != nil || !bytes.Equal(content, got) {
					t.Errorf("table %d: %d bytes, %v", k, len(got), err)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, (&PreparedFiles{Dir: dir, Most: 1000}).Tidy())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.LessOrEqual(t, len(entries), 3, "neither a fourth table nor a temporary file")
}
