package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
)

func wholeVersion(t *testing.T, s store.Store) {
	old := strings.Repeat("old", 1<<18)
	first := put(t, s, "key", old)
	body, info, err := s.Get(t.Context(), "key")
	require.NoError(t, err)
	defer body.Close()
	require.Equal(t, first.ETag, info.ETag)
	start := make([]byte, 10)
	_, err = io.ReadFull(body, start)
	require.NoError(t, err)
	put(t, s, "key", "new")
	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, old, string(start)+string(rest))
}

func noTornReads(t *testing.T, s store.Store) {
	const versions = 30
	version := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 1000*(1+i%7)) }
	put(t, s, "key", string(version(0)))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	problems := make(chan string, 4)
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				content, info, err := store.ReadAll(t.Context(), s, "key", 1<<20)
				if err != nil || int64(len(content)) != info.Size || len(bytes.Trim(content, string(content[:1]))) != 0 {
					problems <- fmt.Sprintf("read %d bytes of a version of %d: %v", len(content), info.Size, err)
					return
				}
			}
		})
	}
	for i := range versions {
		put(t, s, "key", string(version(i)))
	}
	close(stop)
	readers.Wait()
	close(problems)
	for problem := range problems {
		t.Error(problem)
	}
}

func failingBody(t *testing.T, s store.Store) {
	for _, cond := range []store.Condition{{}, {Absent: true}} {
		_, err := s.Put(t.Context(), "d/new", failAfter(1<<20), cond)
		require.ErrorIs(t, err, errBody)
		require.NotErrorIs(t, err, store.ErrUnavailable, "the body's fault is not the store's")
		_, _, err = s.Get(t.Context(), "d/new")
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	former := put(t, s, "d/old", "former")
	for _, cond := range []store.Condition{{}, {ETag: former.ETag}} {
		_, err := s.Put(t.Context(), "d/old", failAfter(1<<20), cond)
		require.ErrorIs(t, err, errBody)
		content, info := read(t, s, "d/old")
		require.Equal(t, "former", content)
		require.Equal(t, former.ETag, info.ETag)
	}
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, infos, 1, "no rest of a failed put is listed")
}

func cancelled(t *testing.T, s store.Store) {
	put(t, s, "key", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := s.Get(ctx, "key")
	require.ErrorIs(t, err, context.Canceled)
	_, err = store.PutBytes(ctx, s, "new", []byte("y"), store.Condition{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.List(ctx, "")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, "key"), context.Canceled)
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, infos, 1)
}

func cancelledAmid(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Put(ctx, "key", &cancelling{after: 10, cancel: cancel}, store.Condition{})
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = s.Get(t.Context(), "key")
	require.ErrorIs(t, err, store.ErrNotFound)

	put(t, s, "large", strings.Repeat("x", 2<<20))
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	body, _, err := s.Get(ctx, "large")
	require.NoError(t, err)
	defer body.Close()
	cancel()
	_, err = io.Copy(io.Discard, body)
	require.ErrorIs(t, err, context.Canceled)
}

// cancelling is a body that cancels its own put after some reads and ends a bounded while
// later, so that a store that ignores ctx fails the test instead of hanging it.
type cancelling struct {
	after  int
	cancel context.CancelFunc
}

func (c *cancelling) Read(p []byte) (int, error) {
	c.after--
	if c.after == 0 {
		c.cancel()
	}
	if c.after < -1000 {
		return 0, io.EOF
	}
	return min(len(p), 1024), nil
}

func listing(t *testing.T, s store.Store) {
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, infos)
	// "-" and "." sort before "/", "0" after it: element order is not key order.
	order := []string{"a", "b-c/x", "b.json", "b/a", "b/a-1", "b/c/d/e", "b/c0", "b0", "ba/x", "c=1/y"}
	written := map[string]store.Info{}
	for i := range order {
		key := order[len(order)-1-i]
		written[key] = put(t, s, key, strings.Repeat("x", i))
	}
	for _, prefix := range []string{"", "b", "b/", "b/c", "b/c/", "b/a-1", "b/a-1x", "b/c/d/e", "a/", "zz", "c=1/"} {
		want := []string{}
		for _, key := range order {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		infos, err := s.List(t.Context(), prefix)
		require.NoError(t, err)
		got := []string{}
		for _, info := range infos {
			got = append(got, info.Key)
			require.Equal(t, written[info.Key].ETag, info.ETag, info.Key)
			require.Equal(t, written[info.Key].Size, info.Size, info.Key)
		}
		require.Equal(t, want, got, "prefix %q", prefix)
	}
}

func prefixedView(t *testing.T, s store.Store) {
	put(t, s, "production/run-1/a", "one")
	put(t, s, "production/run-10/a", "ten")
	view := store.Prefixed(s, "production/run-1")
	require.True(t, strings.HasSuffix(view.URI(), "/production/run-1"), view.URI())
	info := put(t, view, "b/c", "two")
	require.Equal(t, "b/c", info.Key)
	content, info := read(t, view, "a")
	require.Equal(t, "one", content)
	require.Equal(t, "a", info.Key)
	infos, err := view.List(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, infos, 2)
	require.Equal(t, "b/c", infos[1].Key)
	require.NoError(t, view.Delete(t.Context(), "a"))
	_, _, err = s.Get(t.Context(), "production/run-1/a")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = view.Get(t.Context(), "../run-10/a")
	require.ErrorIs(t, err, store.ErrBadKey)
	require.Panics(t, func() { store.Prefixed(s, "../up") })
}
