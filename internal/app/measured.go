package app

import (
	"context"
	"errors"
	"io"

	"go.temporal.io/sdk/client"

	"everfold/store"
)

// Operations of a store, and what may be wrong with one, as metrics name them. An object that
// is absent and a condition that does not hold are answers, not errors.
var (
	storeOperations = []string{"get", "put", "list", "delete"}
	storeErrors     = []string{"unavailable", "corrupt", "other"}
)

// measured counts what goes through a store.
type measured struct {
	store.Store
	metrics client.MetricsHandler
}

// measure shows every series of errors from the start: a counter that begins with its first
// error would hide it from rules that look for a rise.
func measure(s store.Store, h client.MetricsHandler) store.Store {
	for _, operation := range storeOperations {
		for _, kind := range storeErrors {
			h.WithTags(map[string]string{"operation": operation, "error": kind}).Counter("everfold_store_errors").Inc(0)
		}
	}
	return &measured{Store: s, metrics: h}
}

func (m *measured) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	body, info, err := m.Store.Get(ctx, key)
	m.count(ctx, "get", err)
	if err != nil {
		return body, info, err
	}
	return &measuredBody{body, m, ctx}, info, nil
}

func (m *measured) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	info, err := m.Store.Put(ctx, key, body, cond)
	m.count(ctx, "put", err)
	if err == nil {
		m.metrics.Counter("everfold_store_written_bytes").Inc(info.Size)
	}
	return info, err
}

func (m *measured) List(ctx context.Context, prefix string) ([]store.Info, error) {
	list, err := m.Store.List(ctx, prefix)
	m.count(ctx, "list", err)
	return list, err
}

func (m *measured) Delete(ctx context.Context, key string) error {
	err := m.Store.Delete(ctx, key)
	m.count(ctx, "delete", err)
	return err
}

// count counts an operation and what was wrong with it.
func (m *measured) count(ctx context.Context, operation string, err error) {
	m.metrics.WithTags(map[string]string{"operation": operation}).Counter("everfold_store_operations").Inc(1)
	m.failed(ctx, operation, err)
}

// failed counts an error; that a context has ended is none of the store's.
func (m *measured) failed(ctx context.Context, operation string, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return
	}
	kind := "other"
	switch {
	case errors.Is(err, store.ErrUnavailable):
		kind = "unavailable"
	case errors.Is(err, store.ErrCorrupt):
		kind = "corrupt"
	}
	m.metrics.WithTags(map[string]string{"operation": operation, "error": kind}).Counter("everfold_store_errors").Inc(1)
}

// measuredBody counts the bytes that are read of an object.
type measuredBody struct {
	io.ReadCloser
	of  *measured
	ctx context.Context
}

func (b *measuredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.of.metrics.Counter("everfold_store_read_bytes").Inc(int64(n))
	if err != nil && err != io.EOF {
		b.of.failed(b.ctx, "get", err)
	}
	return n, err
}
