package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"everfold/store"
)

// Memory returns an empty store that keeps its objects in memory and passes Run.
func Memory() store.Store { return &memory{objects: map[string]object{}} }

type memory struct {
	mu      sync.Mutex
	version int
	objects map[string]object
}

type object struct {
	info    store.Info
	content []byte
}

func (m *memory) URI() string { return "memory:///" }

func (m *memory) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if err := begin(ctx, key); err != nil {
		return nil, store.Info{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, store.Info{}, fmt.Errorf("read %s: %w", key, store.ErrNotFound)
	}
	return io.NopCloser(&ctxReader{ctx: ctx, r: bytes.NewReader(o.content)}), o.info, nil
}

func (m *memory) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	cond.Check()
	if err := begin(ctx, key); err != nil {
		return store.Info{}, err
	}
	content, err := io.ReadAll(&ctxReader{ctx: ctx, r: body})
	if err != nil {
		return store.Info{}, fmt.Errorf("write %s: %w", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	former, exists := m.objects[key]
	if cond.Absent && exists || cond.ETag != "" && former.info.ETag != cond.ETag {
		return store.Info{}, fmt.Errorf("write %s: %w", key, store.ErrConflict)
	}
	m.version++
	info := store.Info{Key: key, Size: int64(len(content)), ETag: fmt.Sprintf("v%d", m.version), Modified: time.Now()}
	m.objects[key] = object{info, content}
	return info, nil
}

func (m *memory) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var infos []store.Info
	for key, o := range m.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, o.info)
		}
	}
	slices.SortFunc(infos, func(a, b store.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos, nil
}

func (m *memory) Delete(ctx context.Context, key string) error {
	if err := begin(ctx, key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func begin(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return store.CheckKey(key)
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
