package activities

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/storetest"
	"everfold/survival"
)

// Every operation and every piece read is a sign of life, and none is begun once the
// attempt has ended: its cause is the error.
func TestAlive(t *testing.T) {
	beats := 0
	ctx := survival.WithProgress(t.Context(), func(float64, float64) { beats++ })
	s := alive{storetest.Memory()}
	more := func(what string, f func() error) {
		before := beats
		require.NoError(t, f(), what)
		require.Greater(t, beats, before, what)
	}
	more("put", func() error { _, err := store.PutBytes(ctx, s, "a", []byte("abc"), store.Condition{}); return err })
	more("list", func() error { _, err := s.List(ctx, ""); return err })
	more("get", func() error {
		body, _, err := s.Get(ctx, "a")
		require.NoError(t, err)
		opened := beats
		_, err = body.Read(make([]byte, 3))
		require.Greater(t, beats, opened, "read")
		return errors.Join(err, body.Close())
	})
	more("delete", func() error { return s.Delete(ctx, "a") })
	_, _, err := s.Get(ctx, "a")
	require.ErrorIs(t, err, store.ErrNotFound)

	ended, cancel := context.WithCancelCause(ctx)
	cancel(errInterrupted)
	_, err = store.PutBytes(ended, s, "a", nil, store.Condition{})
	require.ErrorIs(t, err, errInterrupted)
	_, err = s.List(ended, "")
	require.ErrorIs(t, err, errInterrupted)
	_, _, err = s.Get(ended, "a")
	require.ErrorIs(t, err, errInterrupted)
	require.ErrorIs(t, s.Delete(ended, "a"), errInterrupted)
}

// What a store tells by itself is a sign of life in every operation.
func TestAliveHearsTheStore(t *testing.T) {
	beats := 0
	ctx := survival.WithProgress(t.Context(), func(float64, float64) { beats++ })
	for op, call := range map[string]func(s store.Store) error{
		"put": func(s store.Store) error {
			_, err := s.Put(ctx, "b", strings.NewReader(""), store.Condition{})
			return err
		},
		"get":    func(s store.Store) error { _, _, err := s.Get(ctx, "a"); return err },
		"list":   func(s store.Store) error { _, err := s.List(ctx, ""); return err },
		"delete": func(s store.Store) error { return s.Delete(ctx, "a") },
	} {
		silent := storetest.Memory()
		_, err := store.PutBytes(t.Context(), silent, "a", nil, store.Condition{})
		require.NoError(t, err)
		before := beats
		require.NoError(t, call(alive{telling{silent}}), op)
		require.Greater(t, beats-before, telling{}.signs(), op)
	}
}

// telling is a store whose operations take a while.
type telling struct{ store.Store }

func (telling) signs() int { return 10 }

func (s telling) tell(ctx context.Context) {
	for range s.signs() {
		store.Moved(ctx)
	}
}

func (s telling) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	s.tell(ctx)
	return s.Store.Get(ctx, key)
}

func (s telling) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	s.tell(ctx)
	return s.Store.Put(ctx, key, body, cond)
}

func (s telling) List(ctx context.Context, prefix string) ([]store.Info, error) {
	s.tell(ctx)
	return s.Store.List(ctx, prefix)
}

func (s telling) Delete(ctx context.Context, key string) error {
	s.tell(ctx)
	return s.Store.Delete(ctx, key)
}

// A stream that was opened before the attempt ended stops with it.
func TestAliveStream(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := alive{storetest.Memory()}
	_, err := store.PutBytes(ctx, s, "a", []byte("abc"), store.Condition{})
	require.NoError(t, err)
	body, _, err := s.Get(ctx, "a")
	require.NoError(t, err)
	defer body.Close()
	cancel(errInterrupted)
	_, err = body.Read(make([]byte, 3))
	require.ErrorIs(t, err, errInterrupted)
}
