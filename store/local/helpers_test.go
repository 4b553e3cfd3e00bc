package local_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"everfold/store"
)

// alternating sends each call to the next of its stores.
type alternating struct {
	stores []store.Store
	calls  atomic.Int64
}

func (a *alternating) next() store.Store {
	return a.stores[a.calls.Add(1)%int64(len(a.stores))]
}

func (a *alternating) URI() string { return a.stores[0].URI() }

func (a *alternating) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	return a.next().Get(ctx, key)
}

func (a *alternating) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	return a.next().Put(ctx, key, body, cond)
}

func (a *alternating) List(ctx context.Context, prefix string) ([]store.Info, error) {
	return a.next().List(ctx, prefix)
}

func (a *alternating) Delete(ctx context.Context, key string) error { return a.next().Delete(ctx, key) }

func holdLock(t *testing.T, path string) (release func()) {
	t.Helper()
	lock := flock.New(path)
	require.NoError(t, lock.Lock())
	return func() { require.NoError(t, lock.Unlock()) }
}
