package dataset

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
)

// elsewhere is a Parquet file that can only be read from its beginning, as one on S3.
// A size of 0 is the true one.
func elsewhere(t *testing.T, size int64, read func()) Opener {
	type row struct {
		Time  float64 `parquet:"time"`
		Event bool    `parquet:"event"`
	}
	var b bytes.Buffer
	require.NoError(t, parquet.Write(&b, []row{{1, true}, {2, false}, {3, true}}))
	if size == 0 {
		size = int64(b.Len())
	}
	return func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(readFunc{bytes.NewReader(b.Bytes()), read}), size, nil
	}
}

type readFunc struct {
	io.Reader
	before func()
}

func (r readFunc) Read(b []byte) (int, error) {
	r.before()
	return r.Reader.Read(b)
}

var outcome = Schema{Time: "time", Event: "event"}

// Claim: the copy of a Parquet file has no name while it is read: a process that is killed leaves
// no rows behind.
func TestCopyHasNoName(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	looked := 0
	open := elsewhere(t, -1, func() {
		looked++
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, entries)
	})
	table, _, err := Read(t.Context(), Source{Name: "t.parquet", Open: open}, outcome)
	require.NoError(t, err)
	require.Equal(t, 3, table.Rows())
	require.Positive(t, looked)
}

// disk is a scratch with that much space; create opens a file that is full.
type disk struct {
	tempFolder
	free, total int64
	full        bool
}

func (d disk) space() (free, total int64, ok bool) { return d.free, d.total, d.total > 0 }

func (d disk) create() (*os.File, error) {
	if d.full {
		return os.OpenFile("/dev/full", os.O_RDWR, 0)
	}
	return d.tempFolder.create()
}

// Claim: a copy that is too large for the limit or for the temporary folder's file system is
// refused as data, with both figures; one for which there is no room at the moment is ErrTemporary,
// as is a folder that fills meanwhile, is missing or cannot be written.
func TestCopyNeedsRoom(t *testing.T) {
	const mib = 1 << 20
	read := func(size, limit int64, d disk) error {
		open := elsewhere(t, size, func() {})
		_, _, err := Read(t.Context(), Source{Name: "t.parquet", Open: open, Limits: Limits{CopyBytes: limit}, scratch: d}, outcome)
		return err
	}
	var refused *InvalidError
	require.ErrorAs(t, read(2*mib, mib, disk{}), &refused)
	require.ErrorContains(t, refused, "t.parquet: is too large to be copied to be read; allowed: Parquet files of at most 1 MiB")
	require.ErrorAs(t, read(-1, 100, disk{}), &refused, "also where the size is not told beforehand")
	require.ErrorAs(t, read(65<<30, 0, disk{}), &refused)
	require.ErrorContains(t, refused, "65536 MiB", "by default")

	require.ErrorAs(t, read(3*mib+mib/2, 0, disk{free: mib, total: 3 * mib}), &refused)
	require.ErrorContains(t, refused, "its 3.5 MiB are more than the 3.0 MiB of the temporary folder's file system; allowed: a larger one for TMPDIR")
	err := read(3*mib, 0, disk{free: 2 * mib, total: 3 * mib})
	require.ErrorIs(t, err, ErrTemporary)
	require.ErrorContains(t, err, "it has 3.0 MiB and 2.0 MiB are free: make room, or set TMPDIR")
	require.False(t, errors.As(err, new(*InvalidError)))
	require.NoError(t, read(0, 0, disk{free: mib, total: mib}))

	err = read(0, 0, disk{full: true})
	require.ErrorIs(t, err, ErrTemporary)
	require.ErrorContains(t, err, "no space left on device")
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	err = read(0, 0, disk{})
	require.ErrorIs(t, err, ErrTemporary)
	require.ErrorContains(t, err, "no such file or directory")
	require.NotErrorIs(t, err, fs.ErrNotExist, "that is the data's")
	_, _, ok := tempFolder{}.space()
	require.False(t, ok)
	t.Setenv("TMPDIR", t.TempDir())
	free, total, ok := tempFolder{}.space()
	require.True(t, ok)
	require.LessOrEqual(t, free, total)
}
