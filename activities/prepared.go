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
// is read, so workers may share a folder, be killed at any instant, and what is in it need not
// be trusted. Nothing depends on it: what cannot be kept is fetched again.
type PreparedFiles struct {
	Dir  string // created with the first file
	Most int64  // bytes; files used longest ago go first. Several workers exceed it by what each is writing
}

const (
	// preparedTemp begins the names of files that are being written.
	preparedTemp = ".tmp-"
	// tempAge: a temporary file as old is that of a worker that was killed.
	tempAge = time.Hour
	// preparedAge bounds how long rows of runs that are gone stay on a disk that has room.
	preparedAge = 30 * 24 * time.Hour
)

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
		logging.From(ctx).Info("prepared table read from this machine's disk", "bytes", len(data))
		return data, nil
	}
	data, err := store.ReadVerified(ctx, s, file.Key, file.Bytes, file.SHA256)
	if err != nil {
		return nil, err
	}
	logging.From(ctx).Info("prepared table fetched", "bytes", len(data))
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
	return p.evict(p.Most) // others may have kept theirs meanwhile
}

// Tidy removes what is too old and what exceeds the bound, which may be another than before.
func (p *PreparedFiles) Tidy() error {
	if p == nil {
		return nil
	}
	err := p.evict(p.Most)
	if errors.Is(err, os.ErrNotExist) {
		return nil // nothing has been kept yet
	}
	return err
}

// evict removes what is too old, then files used longest ago until at most so many bytes are
// left, those that are being written included.
func (p *PreparedFiles) evict(most int64) error {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return fmt.Errorf("look at the prepared tables: %w", err)
	}
	var files []os.FileInfo
	var total int64
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() { // another worker has just removed it, or it is not ours
			continue
		}
		writing := strings.HasPrefix(info.Name(), preparedTemp)
		switch age := time.Since(info.ModTime()); {
		case writing && age > tempAge, age > preparedAge:
			if err := p.remove(info); err != nil {
				return err
			}
			continue
		case !writing:
			files = append(files, info)
		}
		total += info.Size()
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, info := range files {
		if total <= most {
			break
		}
		if err := p.remove(info); err != nil {
			return err
		}
		total -= info.Size()
	}
	return nil
}

func (p *PreparedFiles) remove(info os.FileInfo) error {
	if err := os.Remove(filepath.Join(p.Dir, info.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("make room for a prepared table: %w", err)
	}
	return nil
}
