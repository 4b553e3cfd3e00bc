package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/store"
	"everfold/store/storetest"
)

// A key is good exactly if it has the documented form; a prefix exactly if it can be
// continued to a good key.
func TestCheckKey(t *testing.T) {
	for _, good := range []string{"a", "run.json", "a/b-c/D_e=1.npy", strings.Repeat("a", 200)} {
		require.NoError(t, store.CheckKey(good))
		require.NoError(t, store.CheckPrefix(good))
		require.NoError(t, store.CheckPrefix(good+"/"))
	}
	require.NoError(t, store.CheckPrefix(""))
	for bad, says := range map[string]string{
		"": "empty", "/a": "empty", "a//b": "empty", "a/": "empty", ".a": `"."`, "a/..": `"."`,
		"a b": "allowed", "ä": "allowed", strings.Repeat("a", 201): "at most 200", strings.Repeat("a/", 501): "at most 1000",
	} {
		err := store.CheckKey(bad)
		require.ErrorIs(t, err, store.ErrBadKey, bad)
		require.ErrorContains(t, err, says, bad)
	}
	require.ErrorIs(t, store.CheckPrefix("a//"), store.ErrBadKey)
}

// Every good prefix of a good key is accepted, so List can be asked for any of them.
func TestEveryPrefixOfAKeyIsAPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,8}(/[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,8}){0,4}`).Draw(t, "key")
		require.NoError(t, store.CheckKey(key))
		require.NoError(t, store.CheckPrefix(key[:rapid.IntRange(0, len(key)).Draw(t, "n")]))
	})
}

// A verifying reader passes good bytes unchanged, whatever the read sizes, and no damage
// reaches io.EOF.
func TestVerifyReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "content")
		damaged := bytes.Clone(content)
		switch damage := rapid.SampledFrom([]string{"none", "cut", "more", "flip"}).Draw(t, "damage"); {
		case damage == "more":
			damaged = append(damaged, 'x')
		case damage == "cut" && len(content) > 0:
			damaged = damaged[:rapid.IntRange(0, len(content)-1).Draw(t, "at")]
		case damage == "flip" && len(content) > 0:
			damaged[rapid.IntRange(0, len(content)-1).Draw(t, "at")] ^= 1
		}
		r := store.VerifyReader(iotest.HalfReader(bytes.NewReader(damaged)), int64(len(content)), store.SHA256(content))
		got, err := io.ReadAll(r)
		if bytes.Equal(content, damaged) {
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, got))
		} else {
			require.ErrorIs(t, err, store.ErrCorrupt)
		}
	})
}

// Hashing describes what its writer took, and nothing more.
func TestHashing(t *testing.T) {
	var out bytes.Buffer
	h := &store.Hashing{W: &out}
	require.Equal(t, store.SHA256(nil), h.SHA256())
	_, err := io.WriteString(h, "ab")
	require.NoError(t, err)
	_, err = io.WriteString(h, "c")
	require.NoError(t, err)
	require.Equal(t, "abc", out.String())
	require.EqualValues(t, 3, h.Size())
	// FIPS 180-2, appendix B.1.
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", h.SHA256())

	failing := &store.Hashing{W: shortWriter{}}
	n, err := failing.Write([]byte("abc"))
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.Equal(t, 1, n)
	require.Equal(t, store.SHA256([]byte("a")), failing.SHA256())
}

type shortWriter struct{}

func (shortWriter) Write([]byte) (int, error) { return 1, io.ErrShortWrite }

// ReadAll holds no more than it is allowed; ReadVerified and Verify return no damage.
func TestBoundedAndVerifiedReads(t *testing.T) {
	ctx, s := t.Context(), storetest.Memory()
	_, err := store.PutBytes(ctx, s, "key", []byte("abc"), store.Condition{})
	require.NoError(t, err)
	_, _, err = store.ReadAll(ctx, s, "key", 2)
	require.ErrorIs(t, err, store.ErrTooLarge)
	got, err := store.ReadVerified(ctx, s, "key", 3, store.SHA256([]byte("abc")))
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
	require.NoError(t, store.Verify(ctx, s, "key", 3, store.SHA256([]byte("abc"))))
	for _, c := range []struct {
		key  string
		size int64
		sha  string
		kind error
	}{
		{"key", 4, store.SHA256([]byte("abc")), store.ErrCorrupt},
		{"key", 3, store.SHA256([]byte("abd")), store.ErrCorrupt},
		{"other", 3, store.SHA256([]byte("abc")), store.ErrNotFound},
	} {
		_, err := store.ReadVerified(ctx, s, c.key, c.size, c.sha)
		require.ErrorIs(t, err, c.kind)
		require.ErrorIs(t, store.Verify(ctx, s, c.key, c.size, c.sha), c.kind)
	}
}

// A store that understates an object's size cannot make ReadAll hold more.
func TestReadAllDoesNotTrustTheSize(t *testing.T) {
	s := &lying{Store: storetest.Memory()}
	_, err := store.PutBytes(t.Context(), s, "key", make([]byte, 100), store.Condition{})
	require.NoError(t, err)
	_, _, err = store.ReadAll(t.Context(), s, "key", 10)
	require.ErrorIs(t, err, store.ErrTooLarge)
}

type lying struct{ store.Store }

func (l *lying) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	body, info, err := l.Store.Get(ctx, key)
	info.Size = 0
	return body, info, err
}

// A conflict with equal content is success, with other content or none a conflict; a
// failure to read back is reported.
func TestPutReconciled(t *testing.T) {
	ctx, s := t.Context(), storetest.Memory()
	once := store.Condition{Absent: true}
	first, err := store.PutReconciled(ctx, s, "key", []byte("abc"), once)
	require.NoError(t, err)
	again, err := store.PutReconciled(ctx, s, "key", []byte("abc"), once)
	require.NoError(t, err)
	require.Equal(t, first.ETag, again.ETag)
	for _, other := range []string{"abd", "ab", "abcd"} {
		_, err = store.PutReconciled(ctx, s, "key", []byte(other), once)
		require.ErrorIs(t, err, store.ErrConflict)
	}
	_, err = store.PutReconciled(ctx, s, "gone", []byte("x"), store.Condition{ETag: "old"})
	require.ErrorIs(t, err, store.ErrConflict)

	lost := errors.New("lost")
	faulty := &storetest.Faulty{Store: s, Before: func(op storetest.Op, _ string) error {
		if op == storetest.Get {
			return lost
		}
		return nil
	}}
	_, err = store.PutReconciled(ctx, faulty, "key", []byte("abc"), once)
	require.ErrorIs(t, err, lost)
}

// A condition that nothing can satisfy is a programming error.
func TestImpossibleConditionPanics(t *testing.T) {
	require.Panics(t, func() { store.Condition{Absent: true, ETag: "x"}.Check() })
	require.NotPanics(t, func() { store.Condition{ETag: "x"}.Check() })
}

func ExamplePrefixed() {
	ctx, s := context.Background(), storetest.Memory()
	run := store.Prefixed(s, "production/churn")
	_, _ = store.PutBytes(ctx, run, "run.json", []byte("{}"), store.Condition{Absent: true})
	infos, _ := s.List(ctx, "production/")
	fmt.Println(infos[0].Key)
	// Output: production/churn/run.json
}

func ExampleReadVerified() {
	ctx, s := context.Background(), storetest.Memory()
	_, _ = store.PutBytes(ctx, s, "a/risk.npy", []byte("payload"), store.Condition{Absent: true})
	_, err := store.ReadVerified(ctx, s, "a/risk.npy", 7, store.SHA256([]byte("Payload")))
	fmt.Println(errors.Is(err, store.ErrCorrupt))
	// Output: true
}
