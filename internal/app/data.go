package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"everfold/activities"
)

// Data opens data files. The zero value opens any local file.
type Data struct {
	// Allow, where not empty, lists the only folders that may be read. Links that lead out
	// of them are refused.
	Allow []string
}

// Open opens the file at uri, an absolute path or file://PATH, and tells its size; −1 where
// that is unknown. Relative paths, other schemes, folders and files outside the allowed
// ones are activities.ErrDataRefused; a missing file is fs.ErrNotExist, one without
// permission fs.ErrPermission. It is an activities.OpenFile.
func (d Data) Open(_ context.Context, uri string) (io.ReadCloser, int64, error) {
	f, err := d.open(uri)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%w: %s is a folder", activities.ErrDataRefused, f.Name())
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, 0, err
	}
	return f, size(info), nil
}

func (d Data) open(uri string) (*os.File, error) {
	path, err := dataPath(uri)
	if err != nil {
		return nil, err
	}
	if len(d.Allow) == 0 {
		return os.Open(path)
	}
	for _, folder := range d.Allow {
		if rel, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(rel) {
			return openUnder(folder, rel)
		}
	}
	return nil, fmt.Errorf("%w: %s is outside the folders that this worker may read (--allow-data %s)",
		activities.ErrDataRefused, path, strings.Join(d.Allow, ", "))
}

// size is what the reader may rely on; a pipe's is unknown.
func size(info os.FileInfo) int64 {
	if !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

func openUnder(folder, rel string) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the allowed data folder: %w", err)
	}
	defer root.Close()
	f, err := root.Open(rel)
	if err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return f, err
	}
	return nil, fmt.Errorf("%w: %s in %s: %w", activities.ErrDataRefused, rel, folder, err) // a link that leads out
}

func dataPath(uri string) (string, error) {
	scheme, _, ok := strings.Cut(uri, "://")
	path := uri
	switch {
	case !ok:
	case scheme == "file":
		u, err := url.Parse(uri)
		if err != nil || (u.Host != "" && u.Host != "localhost") {
			return "", fmt.Errorf("%w: %q: want file:///PATH", activities.ErrDataRefused, uri)
		}
		path = u.Path
	default:
		return "", fmt.Errorf("%w: %s:// data is not available yet; use a path or file://PATH",
			activities.ErrDataRefused, scheme)
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%w: %q is a relative path: a worker has no folder to take it from; "+
			"write it absolute, as `starter run` and `starter plan --print-input` do", activities.ErrDataRefused, path)
	}
	return filepath.Clean(path), nil
}
