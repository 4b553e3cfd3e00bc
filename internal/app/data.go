package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"everfold/activities"
	"everfold/config"
	"everfold/store"
	"everfold/store/s3"
)

// Data opens data files. The zero value opens any file.
type Data struct {
	// Allow, where not empty, lists the only places that may be read: folders, and s3://bucket
	// or s3://bucket/folder. Links that lead out of folders are refused.
	Allow []string
}

// Open opens the file at uri, an absolute path, file://PATH or s3://bucket/key, and tells its
// size; −1 where that is unknown. Relative paths, other schemes, folders and files outside the
// allowed ones are activities.ErrDataRefused; a missing file is fs.ErrNotExist, one without
// permission fs.ErrPermission, a server that cannot be reached store.ErrUnavailable. It is an
// activities.OpenFile.
func (d Data) Open(ctx context.Context, uri string, c config.Store) (io.ReadCloser, int64, error) {
	if strings.HasPrefix(uri, s3.Scheme) {
		return d.openObject(ctx, uri, c)
	}
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
	return nil, d.outside(path)
}

func (d Data) outside(path string) error {
	return fmt.Errorf("%w: %s is outside the folders that this worker may read (--allow-data %s)",
		activities.ErrDataRefused, path, strings.Join(d.Allow, ", "))
}

// openObject opens a file in a bucket.
func (d Data) openObject(ctx context.Context, uri string, c config.Store) (io.ReadCloser, int64, error) {
	if len(d.Allow) > 0 && !slices.ContainsFunc(d.Allow, func(place string) bool {
		return strings.HasPrefix(uri, strings.TrimRight(place, "/")+"/")
	}) {
		return nil, 0, d.outside(uri)
	}
	body, size, err := s3.OpenObject(ctx, uri, s3Options(c))
	switch {
	case errors.Is(err, s3.ErrURI):
		err = fmt.Errorf("%w: %w", activities.ErrDataRefused, err)
	case errors.Is(err, store.ErrNotFound):
		err = fmt.Errorf("open %s: %w", uri, fs.ErrNotExist)
	}
	return body, size, err
}

// WriteData writes a file at s3://bucket/key with what write gives it, whole or not at all, and
// tells its size. The server is that of the environment. Errors of write are passed on, wrapped.
func WriteData(ctx context.Context, uri string, write func(io.Writer) error) (int64, error) {
	body, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = w.CloseWithError(write(w)) // never fails; nil is the end of the body
	}()
	size, err := s3.PutObject(ctx, uri, body, s3.Options{})
	_ = body.CloseWithError(io.ErrClosedPipe) // ends write where the upload failed
	<-written
	return size, err
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
		return "", fmt.Errorf("%w: %s:// is not supported; use a path, file://PATH or s3://bucket/key",
			activities.ErrDataRefused, scheme)
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%w: %q is a relative path: a worker has no folder to take it from; "+
			"write it absolute, as `starter run` and `starter plan --print-input` do", activities.ErrDataRefused, path)
	}
	return filepath.Clean(path), nil
}
