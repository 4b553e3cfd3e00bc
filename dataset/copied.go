package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ErrTemporary: the temporary folder (TMPDIR) does not take the copy of a file that cannot be
// read otherwise. That is the machine's trouble, and passes when there is room.
var ErrTemporary = errors.New("the temporary folder (TMPDIR) of this machine does not take the file's copy")

// scratch is where files are copied to.
type scratch interface {
	// create opens an empty file that is gone when it is closed, or its process has ended.
	create() (*os.File, error)
	// space is what the file system has left for this user, and has in all; ok is false where
	// that cannot be told.
	space() (free, total int64, ok bool)
}

// randomAccess gives the file as an io.ReaderAt, copied to a temporary file where it is
// none. Either way it is read once in full, for its digest.
func randomAccess(file *counted, src Source) (at io.ReaderAt, cleanup func(), err error) {
	cleanup = func() {}
	sink, most := io.Writer(io.Discard), int64(-1)
	at, ok := file.in.(io.ReaderAt)
	if !ok {
		most = src.Limits.CopyBytes
		spool, err := spoolFor(file.size, most, src.scratch)
		if err != nil {
			return nil, nil, err
		}
		cleanup = func() { spool.Close() } // it is read no more
		at, sink = spool, spool
	}
	buf := make([]byte, copyBytes(file.size))
	for err == nil {
		var n int
		if err = file.check(); err != nil {
			break
		}
		n, err = file.Read(buf)
		if most >= 0 && file.read > most {
			err = tooLong(most)
		} else if _, failed := sink.Write(buf[:n]); failed != nil {
			err = fmt.Errorf("%w: %v", ErrTemporary, failed)
		}
	}
	if err != io.EOF {
		cleanup()
		return nil, nil, err
	}
	return at, cleanup, nil
}

// copyBytes is how much of a file of that size is read at a time: one byte more than it has tells its end.
func copyBytes(size int64) int64 {
	const most = 1 << 20
	if size < 0 {
		return most
	}
	return min(size+1, most)
}

// spoolFor opens a temporary file for so many bytes, −1 where that is unknown, if they fit.
func spoolFor(size, most int64, in scratch) (*os.File, error) {
	if in == nil {
		in = tempFolder{}
	}
	if size > most {
		return nil, tooLong(most)
	}
	if free, total, ok := in.space(); ok && size > total {
		return nil, invalid("", fmt.Sprintf("is copied to be read, and its %.1f MiB are more than the %.1f MiB of the temporary folder's file system", mebi(size), mebi(total)),
			"a larger one for TMPDIR; or CSV, which is read as it comes")
	} else if ok && size > free {
		return nil, fmt.Errorf("%w: it has %.1f MiB and %.1f MiB are free: make room, or set TMPDIR to another folder", ErrTemporary, mebi(size), mebi(free))
	}
	spool, err := in.create()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrTemporary, err) // told, not wrapped: it is no data file that is missing
	}
	return spool, nil
}

func tooLong(most int64) error {
	return invalid("", "is too large to be copied to be read", fmt.Sprintf("Parquet files of at most %d MiB from there; or CSV, which is read as it comes", most>>20))
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// tempFolder is that of the process.
type tempFolder struct{}

// The file has a name for no longer than it takes to remove it: it holds rows, which a killed
// process must not leave behind.
func (tempFolder) create() (*os.File, error) {
	f, err := os.CreateTemp("", "everfold-*.parquet")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (tempFolder) space() (free, total int64, ok bool) {
	var stat unix.Statfs_t
	if unix.Statfs(os.TempDir(), &stat) != nil || stat.Blocks == 0 {
		return 0, 0, false
	}
	block := int64(stat.Bsize) // types differ between systems
	return int64(stat.Bavail) * block, int64(stat.Blocks) * block, true
}
