package activities

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
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

// cachedTable is a table that one fit loads and others wait for.
type cachedTable struct {
	sha256 string
	done   chan struct{} // closed when the load is over; what follows is written before
	table  *dataset.Table
	err    error
	alone  bool // the loading attempt ended: its error says nothing about the table

	mu    sync.Mutex
	moved chan struct{} // closed, and made anew, with every sign of life of the loading fit
}

// get returns the table, loading it once however many fits ask at the same time. Those that wait
// have the signs of life of the one that loads and no others, so a load that takes long is no lost
// worker, and one that hangs hides behind none; and each ends with its own attempt. A failed load is
// forgotten, so the next attempt tries again.
func (c *tableCache) get(ctx context.Context, s store.Store, file artifact.File) (*dataset.Table, error) {
	for {
		entry, found := c.entry(file.SHA256)
		if !found {
			return c.load(ctx, entry, s, file)
		}
		if err := entry.wait(ctx); err != nil {
			return nil, err
		}
		if !entry.alone {
			return entry.table, entry.err
		}
	}
}

// load loads the table of a new entry, for all who wait for it.
func (c *tableCache) load(ctx context.Context, e *cachedTable, s store.Store, file artifact.File) (*dataset.Table, error) {
	e.alone = true // so it is where the load panics
	defer func() {
		if e.table == nil {
			c.drop(e)
		}
		close(e.done)
	}()
	telling := survival.WithProgress(ctx, func(done, total float64) {
		_ = survival.Check(ctx, done, total) // whoever works sees telling end
		e.tell()
	})
	e.table, e.err = c.disk.load(telling, s, file)
	e.alone = e.err != nil && ctx.Err() != nil
	return e.table, e.err
}

// wait waits for the end of a load by another fit.
func (e *cachedTable) wait(ctx context.Context) error {
	for {
		moved := e.sign()
		if err := survival.Check(ctx, 0, 0); err != nil {
			return err
		}
		select {
		case <-e.done:
			return nil
		case <-moved:
		case <-ctx.Done():
		}
	}
}

// sign is closed with the next sign of life.
func (e *cachedTable) sign() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.moved
}

// tell gives those who wait a sign of life.
func (e *cachedTable) tell() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.moved)
	e.moved = make(chan struct{})
}

// entry finds the entry of a table, or makes one, which the caller has to load.
func (c *tableCache) entry(sha256 string) (e *cachedTable, found bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.entries {
		if e.sha256 == sha256 {
			copy(c.entries[1:i+1], c.entries[:i])
			c.entries[0] = e
			return e, true
		}
	}
	e = &cachedTable{sha256: sha256, done: make(chan struct{}), moved: make(chan struct{})}
	c.entries = append([]*cachedTable{e}, c.entries...)
	if len(c.entries) > maxTables {
		c.entries = c.entries[:maxTables]
	}
	return e, false
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
	if err := checkMemory("the prepared table", file.Bytes); err != nil { // of what a store claims
		return nil, err
	}
	data, err := p.read(ctx, s, file)
	if err != nil {
		return nil, fmt.Errorf("read prepared table: %w", err)
	}
	table, err := dataset.ReadPrepared(aliveReaderAt{ctx, bytes.NewReader(data)}, int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("decode prepared table: %w", err)
	}
	return table, nil
}
