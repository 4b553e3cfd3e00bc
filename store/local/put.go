package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"everfold/store"
)

const (
	lockName    = ".lock"
	tempPrefix  = ".tmp-"
	staleAfter  = time.Hour // no writer is idle that long; if one is, its Put fails and is retried
	prunedTries = 10
	lockRetry   = 2 * time.Millisecond // the lock is held for two metadata operations
	newFile     = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	fileMode    = 0o666 // before umask
	folderMode  = 0o777
	copyBufSize = 256 << 10
)

// Put implements store.Store: the body goes to a temporary file in the same folder, which
// is synced and then gets its name by link (create-once) or, under the store's lock, by
// rename; the folder is synced last.
func (s *Store) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	cond.Check()
	if err := begin(ctx, key); err != nil {
		return store.Info{}, err
	}
	written, err := s.put(ctx, key, body, cond)
	if err != nil {
		return store.Info{}, classify("write", key, err)
	}
	return written, nil
}

func (s *Store) put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	folder := path.Dir(key)
	root, file, err := s.newTemp(ctx, folder)
	if err != nil {
		return store.Info{}, err
	}
	defer root.Close()
	temp, err := writeTemp(ctx, root, file, body)
	if err != nil {
		return store.Info{}, err
	}
	defer root.Remove(temp) // gone already after a rename; else a second name or a failure's rest
	var written store.Info
	if cond.Absent {
		written, err = s.create(ctx, root, temp, key)
	} else {
		written, err = s.replace(ctx, root, temp, key, cond)
	}
	// Synced after a conflict too: the caller may take the object in place for its own.
	if err == nil || errors.Is(err, store.ErrConflict) {
		if syncErr := syncFolder(ctx, root, folder); syncErr != nil {
			return store.Info{}, syncErr
		}
	}
	return written, err
}

// newTemp makes an empty file in the folder. A Delete elsewhere may prune the folder, or one
// above it, before the file is there; once it is, the folders stay.
func (s *Store) newTemp(ctx context.Context, folder string) (root *os.Root, file *os.File, err error) {
	for range prunedTries {
		root, err = s.makeFolder(ctx, folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		file, err = root.OpenFile(path.Join(folder, tempPrefix+rand.Text()), newFile, fileMode)
		if err == nil {
			return root, file, nil
		}
		if err = errors.Join(err, root.Close()); !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	return nil, nil, err
}

// create names temp key where nothing has that name.
func (s *Store) create(ctx context.Context, root *os.Root, temp, key string) (store.Info, error) {
	stat, err := root.Stat(temp)
	if err != nil {
		return store.Info{}, err
	}
	err = root.Link(temp, key)
	if linksUnsupported(err) {
		err = s.renameOnce(ctx, root, temp, key)
	}
	if errors.Is(err, fs.ErrExist) {
		return store.Info{}, taken(root, key)
	}
	return info(key, stat), err
}

// renameOnce does what link(2) does, for file systems without it, under the lock.
func (s *Store) renameOnce(ctx context.Context, root *os.Root, temp, key string) error {
	return s.locked(ctx, root, func() error {
		_, err := root.Lstat(key)
		if err == nil {
			return fs.ErrExist
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return root.Rename(temp, key)
	})
}

// taken says what is in place of key: an object is a conflict, anything else a bad key.
func taken(root *os.Root, key string) error {
	if stat, err := root.Lstat(key); err == nil && !stat.Mode().IsRegular() {
		return irregular(stat)
	}
	return fmt.Errorf("%w: the object exists", store.ErrConflict)
}

// replace renames temp to key under the store's lock, where cond holds.
func (s *Store) replace(ctx context.Context, root *os.Root, temp, key string, cond store.Condition) (store.Info, error) {
	var written store.Info
	err := s.locked(ctx, root, func() error {
		former, err := root.Lstat(key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if cond.ETag != "" {
				return fmt.Errorf("%w: the object is gone", store.ErrConflict)
			}
		case err != nil:
			return err
		case !former.Mode().IsRegular():
			return irregular(former)
		case cond.ETag != "" && cond.ETag != etag(former):
			return fmt.Errorf("%w: the object was replaced", store.ErrConflict)
		default:
			if err := later(root, temp, former.ModTime()); err != nil {
				return err
			}
		}
		stat, err := root.Stat(temp)
		if err != nil {
			return err
		}
		written = info(key, stat)
		return root.Rename(temp, key)
	})
	return written, err
}

// later moves the file's modification time behind former, see etag.
func later(root *os.Root, name string, former time.Time) error {
	stat, err := root.Stat(name)
	if err != nil || stat.ModTime().After(former) {
		return err
	}
	next := former.Add(time.Nanosecond)
	return root.Chtimes(name, next, next)
}

// locked runs do under the store's lock: one file at the root, so that folders hold
// objects alone. The lock file is never removed: who waits for a removed one would hold
// nothing.
func (s *Store) locked(ctx context.Context, root *os.Root, do func() error) (err error) {
	file, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, fileMode) // refuses to leave the root, as flock would not
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(s.dir, lockName), flock.SetFlag(os.O_RDWR))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return do()
}

// writeTemp writes body to the new file, syncs and closes it, and returns its name under
// the root.
func writeTemp(ctx context.Context, root *os.Root, file *os.File, body io.Reader) (name string, err error) {
	if name, err = filepath.Rel(root.Name(), file.Name()); err != nil {
		return "", errors.Join(err, file.Close())
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			_ = root.Remove(name) // else a later Put removes it
		}
	}()
	source := &bodyReader{ctx: ctx, r: body}
	// The wrapper hides WriteTo and ReadFrom, which would not look at ctx.
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, source, make([]byte, copyBufSize))
	if source.err != nil {
		return "", source.err
	}
	if err != nil {
		return "", err
	}
	now := time.Now() // finer than the kernel's clock tick, see etag
	if err := root.Chtimes(name, now, now); err != nil {
		return "", err
	}
	if store.IsFleeting(ctx) {
		return name, nil
	}
	return name, file.Sync()
}

// makeFolder opens the root and creates the folder where absent, durably: the first time
// this Store writes into a folder, every folder above it is synced, whoever created it.
func (s *Store) makeFolder(ctx context.Context, folder string) (*os.Root, error) {
	if err := s.make(); err != nil {
		return nil, err
	}
	root, err := s.openRoot()
	if err != nil {
		return nil, err
	}
	at := "."
	for element := range strings.SplitSeq(folder, "/") {
		if element == "." {
			break // the root itself
		}
		parent := at
		at = path.Join(at, element)
		if err := root.Mkdir(at, folderMode); err == nil {
			s.synced.Delete(at)
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, errors.Join(err, root.Close())
		}
		if _, done := s.synced.Load(at); done {
			continue
		}
		if store.IsFleeting(ctx) {
			continue // a durable Put after this one syncs the folder
		}
		if err := syncFolder(ctx, root, parent); err != nil {
			return nil, errors.Join(err, root.Close())
		}
		s.synced.Store(at, struct{}{})
	}
	if _, swept := s.synced.LoadOrStore(folder+"/", struct{}{}); !swept {
		sweep(root, folder)
	}
	return root, nil
}

// make creates the store's directory, durably.
func (s *Store) make() error {
	if s.within == "" {
		return makeRoot(s.dir)
	}
	above, below, err := s.above()
	if err != nil {
		return err
	}
	defer above.Close()
	at := "."
	for element := range strings.SplitSeq(filepath.ToSlash(below), "/") {
		parent := at
		at = path.Join(at, element)
		stat, err := above.Stat(at)
		if err == nil && !stat.IsDir() {
			return fmt.Errorf("%w: %s is a file, not a directory: name another store", store.ErrUnavailable, at)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		if err := above.Mkdir(at, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := syncFolder(context.Background(), above, parent); err != nil {
			return err
		}
	}
	return nil
}

// makeRoot creates the store's directory and those above it, syncing each parent.
func makeRoot(dir string) error {
	stat, err := os.Stat(dir)
	if err == nil && !stat.IsDir() {
		return fmt.Errorf("%w: %s is a file, not a directory: name another store", store.ErrUnavailable, dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeRoot(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// sweep removes temporary files that killed writers left in the folder. It fails nobody:
// what it cannot remove costs space only.
func sweep(root *os.Root, folder string) {
	entries, err := fs.ReadDir(root.FS(), folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), tempPrefix) {
			continue
		}
		if stat, err := entry.Info(); err == nil && time.Since(stat.ModTime()) > staleAfter {
			_ = root.Remove(path.Join(folder, entry.Name()))
		}
	}
}

// syncFolder makes the folder's entries durable, where ctx does not say that they are
// fleeting.
func syncFolder(ctx context.Context, root *os.Root, folder string) error {
	if store.IsFleeting(ctx) {
		return nil
	}
	dir, err := root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
