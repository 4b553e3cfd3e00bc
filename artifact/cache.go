package artifact

import (
	"sync"

	"everfold/store"
)

// Cache keeps what a worker decodes again and again: run.json by the digest of its bytes,
// manifests of one run by listed ETag. So a fold does not pay for the other folds of its
// run, and publishing reads only what is new. The zero value is ready, a nil one keeps
// nothing; it is safe for concurrent use.
type Cache struct {
	mu     sync.Mutex
	uri    string // of the run's folder that the manifests are of
	held   map[string]cached
	runSum string
	run    *Run
}

type cached struct {
	etag     string
	manifest *Manifest
}

// decodeRun decodes run.json, unless it is the one decoded last: every reader still reads
// its bytes, so a superseded one is never taken for the present one.
func (c *Cache) decodeRun(content []byte) (*Run, error) {
	if c == nil {
		return decodeRun(content)
	}
	sum := store.SHA256(content)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runSum == sum {
		return c.run, nil
	}
	r, err := decodeRun(content)
	if err != nil {
		return nil, err
	}
	c.runSum, c.run = sum, r
	return r, nil
}

func (c *Cache) get(s store.Store, key, etag string) *Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.held[key]; ok && c.uri == s.URI() && entry.etag == etag {
		return entry.manifest
	}
	return nil
}

func (c *Cache) put(s store.Store, key, etag string, m *Manifest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uri != s.URI() || c.held == nil {
		c.uri, c.held = s.URI(), map[string]cached{}
	}
	c.held[key] = cached{etag, m}
}
