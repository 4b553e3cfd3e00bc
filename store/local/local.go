// Package local keeps a store in a directory: every object is a file at its key.
//
// Preconditions: a Unix file system. Create-once relies on link(2) (where links are not
// supported, on the lock below), whole versions on rename(2), compare-and-swap on an
// advisory lock at the root, which holds among processes of one host only. Objects are
// replaced, never changed in place, so an open reader keeps the version it opened.
//
// Names that begin with "." are not keys; the store keeps ".lock" and ".tmp-…" there.
// A temporary file that a killed writer left behind is removed by a later Put into the
// same folder once it is an hour old.
//
// Symbolic links inside the directory are refused as objects and never lead out of it; the
// directory itself may be one.
//
// Non-goals: encryption, retention, sharing a directory between hosts under
// compare-and-swap.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"everfold/store"
)

// Store is a directory. Make one with Open.
type Store struct {
	dir    string   // absolute
	within string   // a folder above dir out of which no link may lead; "": dir itself
	synced sync.Map // folder → struct{}: its entry in the parent is durable, stale files are gone
}

var _ store.Store = (*Store)(nil)

// Open returns the store at uri: DIR or file://DIR (no host but localhost; percent
// escapes are decoded). The directory need not exist: the first Put creates it, and until
// then the store is empty. A relative DIR is taken from the current folder.
func Open(uri string) (*Store, error) {
	dir, err := directory(uri)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", uri, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", uri, err)
	}
	return &Store{dir: abs}, nil
}

// OpenUnder returns the store in a folder below root, which must exist. Symbolic links on the
// way from root to the folder are followed as long as they stay below root.
func OpenUnder(root, folder string) *Store {
	if !filepath.IsAbs(root) || !filepath.IsLocal(folder) {
		panic("local: OpenUnder: root is not absolute, or the folder not below it")
	}
	return &Store{dir: filepath.Join(root, folder), within: filepath.Clean(root)}
}

// openRoot opens the store's directory; fs.ErrNotExist before the first Put.
func (s *Store) openRoot() (*os.Root, error) {
	if s.within == "" {
		return os.OpenRoot(s.dir)
	}
	above, below, err := s.above()
	if err != nil {
		return nil, err
	}
	defer above.Close()
	return above.OpenRoot(below)
}

// above opens within, and gives dir as seen from there.
func (s *Store) above() (above *os.Root, below string, err error) {
	if below, err = filepath.Rel(s.within, s.dir); err != nil {
		return nil, "", err
	}
	above, err = os.OpenRoot(s.within)
	return above, below, err
}

func directory(uri string) (string, error) {
	if uri == "" {
		return "", errors.New("empty; give DIR or file://DIR")
	}
	if !strings.Contains(uri, "://") {
		return uri, nil
	}
	u, err := url.Parse(uri)
	if err != nil {
		return "", errors.New("not a URI; give DIR or file://DIR")
	}
	if u.Scheme != "file" {
		return "", fmt.Errorf("scheme %q is not a local directory; give DIR or file://DIR", u.Scheme)
	}
	if u.Host != "" && u.Host != "localhost" {
		return "", fmt.Errorf("host %q; a file URI has three slashes, such as file:///data/outputs", u.Host)
	}
	if u.Path == "" {
		return "", errors.New("no path; give file:///DIR")
	}
	return filepath.FromSlash(u.Path), nil
}

// URI is file://DIR with DIR absolute.
func (s *Store) URI() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(s.dir)}).String()
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if err := begin(ctx, key); err != nil {
		return nil, store.Info{}, err
	}
	file, info, err := s.open(key)
	if err != nil {
		return nil, store.Info{}, classify("read", key, err)
	}
	return &ctxReader{ctx: ctx, key: key, file: file}, info, nil
}

func (s *Store) open(key string) (*os.File, store.Info, error) {
	root, err := s.openRoot()
	if err != nil {
		return nil, store.Info{}, err
	}
	defer root.Close()
	// Looked at before opening: opening a device or a pipe could block.
	stat, err := root.Lstat(key)
	if err != nil {
		return nil, store.Info{}, err
	}
	if stat.IsDir() {
		return nil, store.Info{}, fs.ErrNotExist // a folder is not an object
	}
	if !stat.Mode().IsRegular() {
		return nil, store.Info{}, errNotRegular
	}
	file, err := root.Open(key)
	if err != nil {
		return nil, store.Info{}, err
	}
	stat, err = file.Stat() // of the version opened, whatever happened in between
	if err != nil {
		return nil, store.Info{}, errors.Join(err, file.Close())
	}
	return file, info(key, stat), nil
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, err)
	}
	if err := store.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	root, err := s.openRoot()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, classify("list", prefix, err)
	}
	defer root.Close()
	var infos []store.Info
	walk := func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return visit(&infos, prefix, name, entry, err)
	}
	if err := fs.WalkDir(root.FS(), path.Dir(prefix+"x"), walk); err != nil {
		return nil, classify("list", prefix, err)
	}
	// The walk is in element order, where "a/b" comes before "a-b"; keys order otherwise.
	slices.SortFunc(infos, func(a, b store.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos, nil
}

// visit takes one entry of a walk. What vanishes during the walk was not there. Symbolic
// links are neither objects nor folders, so a walk ends.
func visit(infos *[]store.Info, prefix, name string, entry fs.DirEntry, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	if entry.IsDir() {
		hidden := name != "." && path.Base(name)[0] == '.'
		within := name == "." || strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/")
		if hidden || !within {
			return fs.SkipDir
		}
		return nil
	}
	if !strings.HasPrefix(name, prefix) || store.CheckKey(name) != nil || !entry.Type().IsRegular() {
		return nil
	}
	stat, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	*infos = append(*infos, info(name, stat))
	return nil
}

// Delete implements store.Store. A folder that is left empty goes too, up to the root.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	root, err := s.openRoot()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return classify("delete", key, err)
	}
	defer root.Close()
	stat, err := root.Lstat(key)
	if errors.Is(err, fs.ErrNotExist) || err == nil && stat.IsDir() {
		return nil
	}
	if err != nil {
		return classify("delete", key, err)
	}
	// Under the lock: a compare-and-swap that has just seen the object must not bring a
	// deleted one back.
	var left string
	err = s.locked(ctx, root, func() error {
		if err := root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		left = s.prune(root, path.Dir(key))
		return nil
	})
	if err == nil {
		err = syncFolder(ctx, root, left)
	}
	if errors.Is(err, fs.ErrNotExist) { // another Delete has pruned it meanwhile
		err = nil
	}
	return classify("delete", key, err)
}

// prune removes folder and those above it as long as they are empty, and returns the
// first that stays.
func (s *Store) prune(root *os.Root, folder string) string {
	for folder != "." && root.Remove(folder) == nil {
		s.synced.Delete(folder)
		s.synced.Delete(folder + "/")
		folder = path.Dir(folder)
	}
	return folder
}

// begin checks what every method with a key checks first.
func begin(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return store.CheckKey(key)
}
