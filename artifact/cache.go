package artifact

import (
	"slices"
	"sync"

	"everfold/store"
)

// Cache keeps what a worker decodes again and again: each run.json by the digest of its bytes,
// manifests by listed ETag. So a fold does not pay for the other folds of its run, and
// publishing reads only what is new, also where many runs take turns on a worker. What was not
// used for longest goes first. The zero value is ready, a nil one keeps nothing; it is safe for
// concurrent use.
type Cache struct {
	mu      sync.Mutex
	folders []*heldFolder // most recently used first
	runs    []*heldRun    // likewise
}

const (
	// maxHeldManifests bounds the manifests of all runs, some kilobytes each; those of the run
	// used last are kept however many they are.
	maxHeldManifests = 10_000
	// maxHeldRuns bounds the bytes of the run.json files that are kept decoded.
	maxHeldRuns = 16 << 20
)

type heldFolder struct {
	uri  string
	held map[string]cached // by key
}

type cached struct {
	etag     string
	manifest *Manifest
	current  *Run // one whose fingerprints it is known to have; nil: none
}

type heldRun struct {
	sum   string
	bytes int
	run   *Run
}

// decodeRun decodes run.json, unless it is held: every reader still reads its bytes, so a
// superseded one is never taken for the present one.
func (c *Cache) decodeRun(content []byte) (*Run, error) {
	if c == nil {
		return decodeRun(content)
	}
	sum := store.SHA256(content)
	c.mu.Lock()
	defer c.mu.Unlock()
	if toFront(c.runs, func(h *heldRun) bool { return h.sum == sum }) {
		return c.runs[0].run, nil
	}
	r, err := decodeRun(content)
	if err != nil {
		return nil, err
	}
	c.runs = slices.Insert(c.runs, 0, &heldRun{sum, len(content), r})
	c.runs = bounded(c.runs, maxHeldRuns, func(h *heldRun) int { return h.bytes })
	return r, nil
}

func (c *Cache) get(s store.Store, key, etag string) *Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hasFolder(s) {
		return nil
	}
	if entry, ok := c.folders[0].held[key]; ok && entry.etag == etag {
		return entry.manifest
	}
	return nil
}

func (c *Cache) put(s store.Store, key, etag string, m *Manifest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hasFolder(s) {
		c.folders = slices.Insert(c.folders, 0, &heldFolder{s.URI(), map[string]cached{}})
	}
	c.folders[0].held[key] = cached{etag: etag, manifest: m}
	c.folders = bounded(c.folders, maxHeldManifests, func(h *heldFolder) int { return len(h.held) })
}

// isCurrent says whether a manifest that is held is known to have the fingerprints of run, which
// the cache has decoded.
func (c *Cache) isCurrent(s store.Store, key string, m *Manifest, run *Run) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hasFolder(s) {
		return false
	}
	entry := c.folders[0].held[key]
	return entry.manifest == m && entry.current == run
}

// setCurrent notes that a manifest that is held has the fingerprints of run.
func (c *Cache) setCurrent(s store.Store, key string, m *Manifest, run *Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hasFolder(s) {
		return
	}
	if entry := c.folders[0].held[key]; entry.manifest == m {
		entry.current = run
		c.folders[0].held[key] = entry
	}
}

// hasFolder makes the run's folder the first where there are manifests of it.
func (c *Cache) hasFolder(s store.Store) bool {
	return toFront(c.folders, func(h *heldFolder) bool { return h.uri == s.URI() })
}

// toFront moves the element that is wanted to the front, if it is there.
func toFront[T any](list []T, wanted func(T) bool) bool {
	i := slices.IndexFunc(list, wanted)
	if i < 0 {
		return false
	}
	one := list[i]
	copy(list[1:i+1], list[:i])
	list[0] = one
	return true
}

// bounded drops elements from the end until what is left weighs no more than most, or is one.
func bounded[T any](list []T, most int, weight func(T) int) []T {
	total := 0
	for i, one := range list {
		if total += weight(one); total > most && i > 0 {
			clear(list[i:])
			return list[:i]
		}
	}
	return list
}
