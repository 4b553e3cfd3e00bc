// Package storetest is the conformance suite of package store and fakes for the tests of
// packages that use a store. It is imported by tests only.
//
// Non-goals: durability after power loss, which no test in one process can see.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"everfold/store"
)

// Run checks everything that the contract in package store promises. open returns a store
// that is empty and not shared with another test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, check := range []struct {
		claim string
		run   func(*testing.T, store.Store)
	}{
		{"what was put is read back, with its size and ETag", roundTrip},
		{"an empty object is an object", emptyObject},
		{"a missing key is ErrNotFound", missingKey},
		{"a key of another form is ErrBadKey in every method", badKeys},
		{"put replaces without condition and the ETag changes", overwrite},
		{"create-once leaves an existing object alone", createOnce},
		{"compare-and-swap needs the ETag in place", compareAndSwap},
		{"of racing create-once writers exactly one wins", createRace},
		{"racing compare-and-swap writers lose no update", swapRace},
		{"an ETag is never that of an earlier version", etagChain},
		{"a reader keeps its version while it is replaced", wholeVersion},
		{"readers during replacement see whole versions only", noTornReads},
		{"a body that fails leaves nothing or the former object", failingBody},
		{"a cancelled context stops every method and leaves nothing", cancelled},
		{"a context cancelled amid a body leaves nothing", cancelledAmid},
		{"list is by prefix, in byte order, whole, and describes as put does", listing},
		{"delete removes and may be repeated", deletion},
		{"a large body is streamed", largeBody},
		{"a folder of a store is a store", prefixedView},
	} {
		t.Run(strings.ReplaceAll(check.claim, " ", "_"), func(t *testing.T) { check.run(t, open(t)) })
	}
}

var errBody = errors.New("storetest: the body fails here")

func put(t *testing.T, s store.Store, key, content string) store.Info {
	t.Helper()
	info, err := store.PutBytes(t.Context(), s, key, []byte(content), store.Condition{})
	require.NoError(t, err)
	return info
}

func read(t *testing.T, s store.Store, key string) (string, store.Info) {
	t.Helper()
	content, info, err := store.ReadAll(t.Context(), s, key, 1<<30)
	require.NoError(t, err)
	return string(content), info
}

func roundTrip(t *testing.T, s store.Store) {
	require.NotEmpty(t, s.URI())
	for _, key := range []string{"a", "b/c", "A-b_c=d.e/0/x.json"} {
		written := put(t, s, key, "content of "+key)
		content, info := read(t, s, key)
		require.Equal(t, "content of "+key, content)
		require.Equal(t, key, written.Key)
		require.Equal(t, key, info.Key)
		require.EqualValues(t, len(content), written.Size)
		require.EqualValues(t, len(content), info.Size)
		require.NotEmpty(t, written.ETag)
		require.Equal(t, written.ETag, info.ETag)
		require.False(t, info.Modified.IsZero())
	}
}

func emptyObject(t *testing.T, s store.Store) {
	written := put(t, s, "empty", "")
	content, info := read(t, s, "empty")
	require.Empty(t, content)
	require.Zero(t, info.Size)
	require.NotEmpty(t, written.ETag)
	_, err := store.PutBytes(t.Context(), s, "empty", nil, store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
}

func missingKey(t *testing.T, s store.Store) {
	put(t, s, "a/b", "x")
	for _, key := range []string{"c", "a", "a/c", "a/b/c", "z/y/x"} {
		_, _, err := s.Get(t.Context(), key)
		require.ErrorIs(t, err, store.ErrNotFound, key)
		require.Contains(t, err.Error(), key)
	}
	_, err := store.PutBytes(t.Context(), s, "c", nil, store.Condition{ETag: "any"})
	require.ErrorIs(t, err, store.ErrConflict)
}

func badKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b",
		".hidden", "a/.tmp-x", "a b", "a\\b", "ä", "a\x00", "a:b", strings.Repeat("a", 300), strings.Repeat("a/", 600) + "a"} {
		_, _, err := s.Get(ctx, key)
		require.ErrorIs(t, err, store.ErrBadKey, "get %q", key)
		_, err = store.PutBytes(ctx, s, key, nil, store.Condition{})
		require.ErrorIs(t, err, store.ErrBadKey, "put %q", key)
		require.ErrorIs(t, s.Delete(ctx, key), store.ErrBadKey, "delete %q", key)
	}
	for _, prefix := range []string{"/", "..", "a/../", "a//", ".x"} {
		_, err := s.List(ctx, prefix)
		require.ErrorIs(t, err, store.ErrBadKey, "list %q", prefix)
	}
	infos, err := s.List(ctx, "")
	require.NoError(t, err)
	require.Empty(t, infos)
}

func overwrite(t *testing.T, s store.Store) {
	seen := map[string]bool{}
	for _, content := range []string{"one", "two", "three", "one", ""} {
		info := put(t, s, "key", content)
		got, _ := read(t, s, "key")
		require.Equal(t, content, got)
		seen[info.ETag] = true
	}
	require.GreaterOrEqual(t, len(seen), 4, "every change of content changes the ETag")
}

func createOnce(t *testing.T, s store.Store) {
	first, err := store.PutBytes(t.Context(), s, "d/key", []byte("first"), store.Condition{Absent: true})
	require.NoError(t, err)
	_, err = store.PutBytes(t.Context(), s, "d/key", []byte("second"), store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
	content, info := read(t, s, "d/key")
	require.Equal(t, "first", content)
	require.Equal(t, first.ETag, info.ETag)
	require.NoError(t, s.Delete(t.Context(), "d/key"))
	_, err = store.PutBytes(t.Context(), s, "d/key", []byte("third"), store.Condition{Absent: true})
	require.NoError(t, err, "after a delete the key is free again")
}

func compareAndSwap(t *testing.T, s store.Store) {
	first := put(t, s, "key", "first")
	second, err := store.PutBytes(t.Context(), s, "key", []byte("second"), store.Condition{ETag: first.ETag})
	require.NoError(t, err)
	require.NotEqual(t, first.ETag, second.ETag)
	_, err = store.PutBytes(t.Context(), s, "key", []byte("third"), store.Condition{ETag: first.ETag})
	require.ErrorIs(t, err, store.ErrConflict)
	content, _ := read(t, s, "key")
	require.Equal(t, "second", content)
	require.NoError(t, s.Delete(t.Context(), "key"))
	_, err = store.PutBytes(t.Context(), s, "key", []byte("third"), store.Condition{ETag: second.ETag})
	require.ErrorIs(t, err, store.ErrConflict, "a deleted object does not come back")
	require.Panics(t, func() {
		_, _ = store.PutBytes(t.Context(), s, "key", nil, store.Condition{Absent: true, ETag: "x"})
	})
}

func createRace(t *testing.T, s store.Store) {
	const writers, rounds = 16, 5
	for round := range rounds {
		key := fmt.Sprintf("race/%d", round)
		errs := make([]error, writers)
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				_, errs[w] = store.PutBytes(t.Context(), s, key, fmt.Append(nil, w), store.Condition{Absent: true})
			})
		}
		group.Wait()
		content, _ := read(t, s, key)
		for w, err := range errs {
			if content == fmt.Sprint(w) {
				require.NoError(t, err, "the winner")
			} else {
				require.ErrorIs(t, err, store.ErrConflict)
			}
		}
	}
}

// swapRace: every writer appends its lines by reading, then putting If-Match. Lost
// updates would be missing lines.
func swapRace(t *testing.T, s store.Store) {
	const writers, appends = 6, 8
	put(t, s, "log", "")
	var group sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		group.Go(func() {
			for i := range appends {
				if errs[w] = appendLine(t.Context(), s, fmt.Sprintf("%d:%d\n", w, i)); errs[w] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	content, _ := read(t, s, "log")
	for w := range writers {
		for i := range appends {
			require.Equal(t, 1, strings.Count("\n"+content, fmt.Sprintf("\n%d:%d\n", w, i)))
		}
	}
}

func appendLine(ctx context.Context, s store.Store, line string) error {
	for {
		content, info, err := store.ReadAll(ctx, s, "log", 1<<20)
		if err != nil {
			return err
		}
		_, err = store.PutBytes(ctx, s, "log", append(content, line...), store.Condition{ETag: info.ETag})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// etagChain: equal sizes written at once, so that inode reuse and coarse clocks would show.
func etagChain(t *testing.T, s store.Store) {
	seen := map[string]int{}
	for i := range 60 {
		info := put(t, s, "chain", fmt.Sprintf("%04d", i))
		require.NotContains(t, seen, info.ETag, "version %d", i)
		seen[info.ETag] = i
	}
}

func deletion(t *testing.T, s store.Store) {
	put(t, s, "a/b", "x")
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	require.NoError(t, s.Delete(t.Context(), "never/was"))
	_, _, err := s.Get(t.Context(), "a/b")
	require.ErrorIs(t, err, store.ErrNotFound)
	infos, err := s.List(t.Context(), "a/")
	require.NoError(t, err)
	require.Empty(t, infos)
}

func largeBody(t *testing.T, s store.Store) {
	const size = 8 << 20
	sent := &store.Hashing{}
	body := io.TeeReader(io.LimitReader(&counterBytes{}, size), sent)
	info, err := s.Put(t.Context(), "large", body, store.Condition{})
	require.NoError(t, err)
	require.EqualValues(t, size, info.Size)
	require.NoError(t, store.Verify(t.Context(), s, "large", size, sent.SHA256()))
}

// counterBytes is an endless stream whose bytes tell where they are.
type counterBytes struct{ n uint64 }

func (c *counterBytes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c.n >> 8 * (c.n & 3))
		c.n++
	}
	return len(p), nil
}

// failAfter is a body of n good bytes, then an error.
func failAfter(n int) io.Reader {
	return io.MultiReader(bytes.NewReader(make([]byte, n)), iotest.ErrReader(errBody))
}
