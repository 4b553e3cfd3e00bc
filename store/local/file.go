package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"everfold/store"
)

func info(key string, stat fs.FileInfo) store.Info {
	return store.Info{Key: key, Size: stat.Size(), ETag: etag(stat), Modified: stat.ModTime()}
}

// etag names a version by (inode, size, modification time in ns).
//
// A replacement is a new file beside the old one, so its inode differs from that of the
// version it replaces. But file systems reuse inodes: the version after next may have the
// inode of this one. Therefore Put sets the modification time itself, to the full
// resolution of the clock instead of the kernel's tick of some milliseconds, and later()
// makes it strictly greater than the replaced version's even when the clock goes back.
// So no version of a chain of replacements has the tag of an earlier one. (Where the file
// system keeps whole seconds only, the inode alone tells apart versions within a second.)
//
// The change time is left out: linking and unlinking, as a create-once does with its
// temporary name, alter it while the content stays.
func etag(stat fs.FileInfo) string {
	inode := stat.Sys().(*syscall.Stat_t).Ino
	return fmt.Sprintf("%x-%x-%x", inode, stat.Size(), stat.ModTime().UnixNano())
}

// bodyReader reads a Put's body, stops with ctx, and remembers the body's own error, so
// that it is not taken for one of the disk.
type bodyReader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		b.err = err
		return 0, err
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.err = &bodyError{err}
	}
	return n, err
}

// bodyError marks an error of the caller's reader: classify leaves it alone.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// ctxReader is an open object that ends with ctx.
type ctxReader struct {
	ctx  context.Context
	key  string
	file *os.File
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fmt.Errorf("read %s: %w", r.key, err)
	}
	n, err := r.file.Read(p)
	if err != nil && err != io.EOF {
		err = classify("read", r.key, err)
	}
	return n, err
}

func (r *ctxReader) Close() error { return r.file.Close() }

func linksUnsupported(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EOPNOTSUPP) ||
		errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EMLINK)
}

// errNotRegular is what a name is refused with that holds neither a file nor a folder.
var errNotRegular = errors.New("a symbolic link or device is in its place")

func irregular(stat fs.FileInfo) error {
	if stat.IsDir() {
		return syscall.EISDIR
	}
	return errNotRegular
}

// advice is what to do about an error number, for the reader of the message.
var advice = map[syscall.Errno]string{
	syscall.ENOSPC: "the disk is full: free space there or use another store",
	syscall.EDQUOT: "the disk quota is used up: free space there or use another store",
	syscall.EACCES: "permission denied: let this user read and write the store's directory",
	syscall.EPERM:  "permission denied: let this user read and write the store's directory",
	syscall.EROFS:  "the file system is read-only: remount it or use another store",
	syscall.EIO:    "the disk reports an input/output error: check it",
	syscall.EMFILE: "too many open files: raise the limit (ulimit -n)",
	syscall.ENFILE: "too many open files on this host",
}

// classify gives a file system's error its place in the contract of package store. It
// adds the operation and the key; nil, and errors of ctx or the body, keep their kind.
func classify(operation, key string, err error) error {
	var body *bodyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &body),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%s %s: %w", operation, key, err)
	case operation == "read" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)):
		return fmt.Errorf("read %s: %w", key, store.ErrNotFound)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s %s: %w: a folder is where an object should be, or the other way round", operation, key, store.ErrBadKey)
	case errors.Is(err, errNotRegular):
		return fmt.Errorf("%s %s: %w: %w", operation, key, store.ErrBadKey, err)
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		// os.Root refuses a path that leaves it with an error that has no number.
		return fmt.Errorf("%s %s: %w: %w", operation, key, store.ErrBadKey, err)
	}
	if hint, ok := advice[errno]; ok {
		return fmt.Errorf("%s %s: %w: %s (%w)", operation, key, store.ErrUnavailable, hint, err)
	}
	return fmt.Errorf("%s %s: %w: %w", operation, key, store.ErrUnavailable, err)
}
