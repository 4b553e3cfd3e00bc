package app

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"everfold/config"
	"everfold/store"
	"everfold/store/local"
)

// Stores opens the stores that specs name, each once. The zero value is ready; safe for
// concurrent use.
type Stores struct {
	// Wrap, where not nil, decorates every store on opening: fault injection in tests.
	Wrap func(store.Store) store.Store

	mu   sync.Mutex
	open map[config.Store]store.Store
}

// Open returns the store that c describes: DIR or file://DIR. For s3://, which is not
// available yet, and for a file it returns a *config.Error.
// Opening touches nothing: a store that cannot be reached says so on its first use.
func (s *Stores) Open(_ context.Context, c config.Store) (store.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.open[c]; ok {
		return st, nil
	}
	st, err := openStore(c)
	if err != nil {
		return nil, err
	}
	if s.Wrap != nil {
		st = s.Wrap(st)
	}
	if s.open == nil {
		s.open = map[config.Store]store.Store{}
	}
	s.open[c] = st
	return st, nil
}

func openStore(c config.Store) (store.Store, error) {
	if strings.HasPrefix(c.URI, "s3://") {
		return nil, badStore("s3:// stores are not available yet; want a directory or file://DIR")
	}
	st, err := local.Open(c.URI)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if dir, ok := directory(st); ok {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return nil, badStore("%s is a file; want a directory, which need not exist", dir)
		}
	}
	return st, nil
}

func badStore(format string, args ...any) error {
	return &config.Error{Problems: []config.Problem{{Path: "store.uri", Text: fmt.Sprintf(format, args...)}}}
}

// directory returns the folder of a local store; ok is false for any other.
func directory(st store.Store) (dir string, ok bool) {
	u, err := url.Parse(st.URI())
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return u.Path, true
}
