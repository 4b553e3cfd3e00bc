package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	"everfold/config"
	"everfold/store"
	"everfold/store/local"
	"everfold/store/s3"
)

// Stores opens the stores that specs name, and keeps those used last. The zero value is ready; safe for
// concurrent use.
type Stores struct {
	// Allow is where stores may be, and which S3 servers may be asked.
	Allow Allowed
	// Wrap, where not nil, decorates every store on opening: fault injection in tests.
	Wrap func(store.Store) store.Store

	mu      sync.Mutex
	open    recent[config.Store, store.Store]
	clients recent[server, *s3.Client]
}

// server is what a client of S3 is for.
type server struct {
	endpoint, region string
	pathStyle        bool
}

// Open returns the store that c describes: DIR, file://DIR or s3://bucket/prefix. For a file,
// for names that no bucket has, and for what is not allowed, it returns a *config.Error.
// Opening touches nothing: a store that cannot be reached says so on its first use.
func (s *Stores) Open(ctx context.Context, c config.Store) (store.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open.get(c, func() (store.Store, error) { return s.openAllowed(ctx, c) })
}

func (s *Stores) openAllowed(ctx context.Context, c config.Store) (store.Store, error) {
	if found := s.Allow.storeProblems(c); found != nil {
		return nil, &config.Error{Problems: found}
	}
	st, err := s.openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if s.Wrap != nil {
		st = s.Wrap(st)
	}
	return st, nil
}

func (s *Stores) openStore(ctx context.Context, c config.Store) (store.Store, error) {
	if strings.HasPrefix(c.URI, s3.Scheme) {
		st, err := s.openBucket(ctx, c)
		if errors.Is(err, s3.ErrURI) {
			return nil, badStore("%v", err)
		}
		if err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
		return st, nil
	}
	if len(s.Allow.Store) > 0 {
		root, rest, held := s.Allow.storeFolder(c.URI)
		if !held {
			return nil, badStore("%s", outside(c.URI, "write", "--allow-store", s.Allow.Store))
		}
		return local.OpenUnder(root, rest), nil
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

// openBucket opens a store on S3, with the client of its server.
func (s *Stores) openBucket(ctx context.Context, c config.Store) (*s3.Store, error) {
	o := s.Allow.s3Options(c)
	client, err := s.clients.get(server{o.Endpoint, o.Region, o.PathStyle}, func() (*s3.Client, error) { return s3.NewClient(ctx, o) })
	if err != nil {
		return nil, err
	}
	o.Client = client
	return s3.Open(ctx, c.URI, o)
}

// s3Options is how a store on S3 is reached; for any other, as the environment says.
func (a Allowed) s3Options(c config.Store) s3.Options {
	if !strings.HasPrefix(c.URI, s3.Scheme) {
		return s3.Options{}
	}
	o := s3.Options{
		Endpoint: c.Endpoint, Region: c.Region, PathStyle: c.PathStyle, Encryption: c.Encryption, KMSKey: c.KMSKey,
	}
	if c.Endpoint != "" {
		o.Control = refuseReservedStore
		o.Proxy = guardedProxies(len(a.Hosts) > 0 || ownServer(c.Endpoint, os.Getenv, endpointVariables...)).chooseStore
	}
	return o
}

// root is the folder that files of a local store's folder must stay in.
func (s *Stores) root(dir string) string {
	if root, _, held := holding(s.Allow.Store, dir); held {
		return root
	}
	return dir
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
