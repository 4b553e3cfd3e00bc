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
	"strings"
	"syscall"

	"everfold/activities"
	"everfold/config"
	"everfold/store"
	"everfold/store/s3"
)

// Data opens data files. The zero value opens any file.
type Data struct {
	// Allow is what may be read, and which S3 servers may be asked. Links that lead out of
	// folders are refused, and so is what is no regular file, of which opening alone can hang.
	Allow Allowed
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
	if len(d.Allow.Data) == 0 {
		return os.Open(path)
	}
	if folder, rest, ok := holding(d.Allow.Data, path); ok {
		return openUnder(folder, rest)
	}
	return nil, d.outside(path)
}

func (d Data) outside(uri string) error {
	return fmt.Errorf("%w: %s", activities.ErrDataRefused, outside(uri, "read", "--allow-data", d.Allow.Data))
}

// openObject opens a file in a bucket.
func (d Data) openObject(ctx context.Context, uri string, c config.Store) (io.ReadCloser, int64, error) {
	if !d.Allow.reads(uri) {
		return nil, 0, d.outside(uri)
	}
	if found := (Allowed{Hosts: d.Allow.Hosts}).storeProblems(config.Store{Endpoint: d.Allow.s3Options(c).Endpoint}); found != nil {
		return nil, 0, fmt.Errorf("%w: %s", activities.ErrDataRefused, found[0])
	}
	body, size, err := s3.OpenObject(ctx, uri, d.Allow.s3Options(c))
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
		err := write(w)
		if err == io.EOF { // which a pipe takes for the end of what is whole
			err = io.ErrUnexpectedEOF
		}
		_ = w.CloseWithError(err) // never fails; nil is the end of the body
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

// openUnder opens a regular file below a folder. The kernel walks the path from the folder, so
// nothing that changes meanwhile leads out.
func openUnder(folder, rest string) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the allowed data folder: %w", err)
	}
	defer root.Close()
	f, err := root.OpenFile(rest, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not be waited for
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil, err
	}
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && (info.Mode().IsRegular() || info.IsDir()) { // the caller refuses folders
			return f, nil
		}
		if err = errors.Join(err, f.Close()); err == nil {
			err = errors.New("it is no regular file")
		}
	}
	return nil, fmt.Errorf("%w: %s in %s: %w", activities.ErrDataRefused, rest, folder, err) // such as a link that leads out
}

func dataPath(uri string) (string, error) {
	scheme, _, ok := strings.Cut(uri, "://")
	path := uri
	switch {
	case !ok:
	case strings.EqualFold(scheme, "file"):
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
