package activities

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"everfold/store/storetest"
)

// smallDisk is a folder on a disk of 64 KB: a tmpfs where this process may mount one, elsewhere
// a limit on the size of its files.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") == nil {
		t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
		return dir
	}
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &old))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: old.Max}))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &old)) })
	return dir
}

// On a disk that is full a table is read without being kept, nothing half-written stays, and a
// table that was kept before is still used.
func TestPreparedFilesOnAFullDisk(t *testing.T) {
	dir := smallDisk(t)
	s, p := storetest.Memory(), &PreparedFiles{Dir: dir, Most: 1 << 30}
	small, _ := preparedFile(t, s, 's', 1000)
	_, err := p.read(t.Context(), s, small)
	require.NoError(t, err)
	large, content := preparedFile(t, s, 'l', 4<<20)
	got, err := p.read(t.Context(), s, large)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, s.Delete(t.Context(), small.Key))
	_, err = p.read(t.Context(), s, small)
	require.NoError(t, err)
}
