package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// ErrDataRefused: this program may not, or cannot, read that data URI. Trying again does
// not help.
var ErrDataRefused = errors.New("data source refused")

// Data opens data files. The zero value opens any local file.
type Data struct {
	// Allow, where not empty, lists the only folders that may be read. Links that lead out
	// of them are refused.
	Allow []string
}

// Open opens the file at uri: an absolute path or file://PATH. Relative paths, other
// schemes and files outside the allowed folders are ErrDataRefused; a missing file is
// fs.ErrNotExist, one without permission fs.ErrPermission. The caller closes the file.
func (d Data) Open(_ context.Context, uri string) (*os.File, error) {
	path, err := dataPath(uri)
	if err != nil {
		return nil, err
	}
	if len(d.Allow) == 0 {
		return os.Open(path)
	}
	for _, folder := range d.Allow {
		rel, err := filepath.Rel(folder, path)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		return openUnder(folder, rel)
	}
	return nil, fmt.Errorf("%w: %s is outside the folders that this worker may read (--allow-data %s)",
		ErrDataRefused, path, strings.Join(d.Allow, ", "))
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
	return nil, fmt.Errorf("%w: %s in %s: %w", ErrDataRefused, rel, folder, err) // a link that leads out
}

func dataPath(uri string) (string, error) {
	scheme, _, ok := strings.Cut(uri, "://")
	path := uri
	switch {
	case !ok:
	case scheme == "file":
		u, err := url.Parse(uri)
		if err != nil || (u.Host != "" && u.Host != "localhost") {
			return "", fmt.Errorf("%w: %q: want file:///PATH", ErrDataRefused, uri)
		}
		path = u.Path
	default:
		return "", fmt.Errorf("%w: %s:// data is not available yet; use a path or file://PATH", ErrDataRefused, scheme)
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%w: %q is a relative path: a worker has no folder to take it from; "+
			"write it absolute, as `starter run` and `starter plan --print-input` do", ErrDataRefused, path)
	}
	return filepath.Clean(path), nil
}
