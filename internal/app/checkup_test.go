package app

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/store"
	"everfold/store/local"
	"everfold/store/storetest"
)

// A good store is left without an object; a bad one is told by what it does.
func TestTryStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, TryStore(t.Context(), config.Store{URI: dir}))
	s, err := local.Open(dir)
	require.NoError(t, err)
	left, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, left)

	var bad *config.Error
	require.ErrorAs(t, TryStore(t.Context(), config.Store{URI: "s3://no bucket"}), &bad)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, TryStore(t.Context(), config.Store{URI: filepath.Join(file, "below")}))
}

// lying is a store that breaks one promise.
type lying struct {
	store.Store
	overwrites, forgets, keeps bool
}

func (l lying) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	if l.overwrites {
		cond = store.Condition{}
	}
	if l.forgets && cond.ETag != "" {
		return store.Info{}, nil
	}
	return l.Store.Put(ctx, key, body, cond)
}

func (l lying) Delete(ctx context.Context, key string) error {
	if l.keeps {
		return store.ErrUnavailable
	}
	return l.Store.Delete(ctx, key)
}

// A store that overwrites, forgets or keeps what it should not is noticed.
func TestLyingStore(t *testing.T) {
	require.NoError(t, tryStore(t.Context(), lying{Store: storetest.Memory()}, "doctor"))
	require.ErrorIs(t, tryStore(t.Context(), lying{Store: storetest.Memory(), overwrites: true}, "doctor"), ErrStoreUnfit)
	require.ErrorIs(t, tryStore(t.Context(), lying{Store: storetest.Memory(), forgets: true}, "doctor"), ErrStoreUnfit)
	require.ErrorIs(t, tryStore(t.Context(), lying{Store: storetest.Memory(), keeps: true}, "doctor"), store.ErrUnavailable)
}

// Space is that of the nearest folder that exists.
func TestFreeSpace(t *testing.T) {
	dir := t.TempDir()
	free, err := FreeSpace(filepath.Join(dir, "not", "there"))
	require.NoError(t, err)
	require.Greater(t, free, uint64(0))
	require.Less(t, free, uint64(math.MaxInt64))
	_, err = FreeSpace("\x00")
	require.Error(t, err)
}

// The spec's way to name a variable is taken off.
func TestAlertName(t *testing.T) {
	require.Equal(t, "EVERFOLD_NOTIFY_TEAM", AlertName("${EVERFOLD_NOTIFY_TEAM}"))
}
