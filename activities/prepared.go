package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
)

// PreparedFiles keep the files of prepared tables on this machine's disk, so that workers of
// a store elsewhere fetch each once. A file is named by its SHA-256 and verified whenever it
// is read, so workers may share a folder, and what is in it need not be trusted. Nothing
// depends on it: what cannot be kept is fetched again.
type PreparedFiles struct {
	Dir  string // created with the first file
	Most int64  // bytes; files used longest ago go first
}

// preparedTemp begins the names of files that are being written.
const preparedTemp = ".tmp-"

// read returns the content of a prepared table from the disk, else from the store. Files of
// a local store are on a disk already.
func (p *PreparedFiles) read(ctx context.Context, s store.Store, file artifact.File) ([]byte, error) {
	if p == nil || strings.HasPrefix(s.URI(), "file://") {
		return store.ReadVerified(ctx, s, file.Key, file.Bytes, file.SHA256)
	}
	path := filepath.Join(p.Dir, file.SHA256)
	if data, err := os.ReadFile(path); err == nil && store.SHA256(data) == file.SHA256 {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // the order of eviction is all that depends on it
		return data, nil
	}
	data, err := store.ReadVerified(ctx, s, file.Key, file.Bytes, file.SHA256)
	if err != nil {
		return nil, err
	}
	if err := p.keep(path, data); err != nil {
		logging.From(ctx).Warn("the prepared table is not kept on disk", logging.CategoryStorage.Attr(), "error", err)
	}
	return data, nil
}

// keep writes a file whole, replacing a damaged one, and makes room for it.
func (p *PreparedFiles) keep(path string, data []byte) (err error) {
	if int64(len(data)) > p.Most {
		return nil
	}
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return fmt.Errorf("create the folder of prepared tables: %w", err)
	}
	if err := p.evict(p.Most - int64(len(data))); err != nil {
		return err
	}
	temp, err := os.CreateTemp(p.Dir, preparedTemp)
	if err != nil {
		return fmt.Errorf("keep a prepared table: %w", err)
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keep a prepared table: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}

// evict removes files, those used longest ago first, until at most so many bytes are left.
func (p *PreparedFiles) evict(most int64) error {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return fmt.Errorf("look at the prepared tables: %w", err)
	}
	var files []os.FileInfo
	var total int64
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() { // else another worker has just removed it
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, info := range files {
		if total <= most {
			break
		}
		if err := os.Remove(filepath.Join(p.Dir, info.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("make room for a prepared table: %w", err)
		}
		total -= info.Size()
	}
	return nil
}
