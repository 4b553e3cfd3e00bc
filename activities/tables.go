package activities

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/store"
)

// tableCache keeps the prepared tables that fits of this worker share. Tables are keyed by
// the SHA-256 of their file, so a cached one can never be of other data.
type tableCache struct {
	disk *PreparedFiles // nil: none

	mu      sync.Mutex
	entries []*cachedTable // most recently used first
}

// maxTables is how many prepared tables a worker keeps: the runs that are likely to be
// interleaved on it. Memory is bounded by that many tables and those in use.
const maxTables = 2

type cachedTable struct {
	sha256 string
	once   sync.Once
	table  *dataset.Table
	err    error
}

// get returns the table, loading it once however many fits ask at the same time. A failed
// load is forgotten, so the next attempt tries again.
func (c *tableCache) get(ctx context.Context, s store.Store, file artifact.File) (*dataset.Table, error) {
	entry := c.entry(file.SHA256)
	entry.once.Do(func() { entry.table, entry.err = c.disk.load(ctx, s, file) })
	if entry.err != nil {
		c.drop(entry)
	}
	return entry.table, entry.err
}

func (c *tableCache) entry(sha256 string) *cachedTable {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.entries {
		if e.sha256 == sha256 {
			copy(c.entries[1:i+1], c.entries[:i])
			c.entries[0] = e
			return e
		}
	}
	e := &cachedTable{sha256: sha256}
	c.entries = append([]*cachedTable{e}, c.entries...)
	if len(c.entries) > maxTables {
		c.entries = c.entries[:maxTables]
	}
	return e
}

func (c *tableCache) drop(entry *cachedTable) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.entries {
		if e == entry {
			c.entries = append(c.entries[:i], c.entries[i+1:]...)
			return
		}
	}
}

// loadTable reads a prepared table from the store.
func loadTable(ctx context.Context, s store.Store, file artifact.File) (*dataset.Table, error) {
	return (*PreparedFiles)(nil).load(ctx, s, file)
}

// load reads a prepared table from the disk or the store.
func (p *PreparedFiles) load(ctx context.Context, s store.Store, file artifact.File) (*dataset.Table, error) {
	data, err := p.read(ctx, s, file)
	if err != nil {
		return nil, fmt.Errorf("read prepared table: %w", err)
	}
	table, err := dataset.ReadPrepared(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("decode prepared table: %w", err)
	}
	return table, nil
}
