package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/s3"
	"everfold/store/storetest"
)

// A prefix in a bucket keeps the contract, also with pages of two keys. (The fake checks no
// condition when a multipart upload completes; testsuite/s3 has a server that does.)
func TestConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return newFake(t).open(t, s3.Limits{}) })
	paged := s3.Small
	paged.Part = 8 << 20
	storetest.Run(t, func(t *testing.T) store.Store { return newFake(t).open(t, paged) })
}

// A URI names a bucket and a prefix that is a key; anything else says what is wrong.
func TestOpenURIs(t *testing.T) {
	f := newFake(t)
	for uri, want := range map[string]string{
		"s3://bucket": "s3://bucket", "s3://bucket/": "s3://bucket", "s3://bucket/a/b": "s3://bucket/a/b", "s3://bucket/a/": "s3://bucket/a",
	} {
		s, err := s3.Open(t.Context(), uri, f.options())
		require.NoError(t, err)
		require.Equal(t, want, s.URI())
		put(t, s, "key", uri)
		require.Equal(t, uri, read(t, s, "key"))
	}
	for _, uri := range []string{"", "dir", "file:///dir", "s3://", "s3:///key", "s3://b", "s3://user:word@bucket", "s3://bucket/a b", "s3://bucket/.hidden"} {
		_, err := s3.Open(t.Context(), uri, f.options())
		require.ErrorIs(t, err, s3.ErrURI, uri)
	}
	o := f.options()
	o.Endpoint = "minio:9000"
	_, err := s3.Open(t.Context(), "s3://bucket", o)
	require.ErrorIs(t, err, s3.ErrURI)
}

// A key may be as long as S3 allows it to be with the store's prefix, and no longer.
func TestKeysWithPrefix(t *testing.T) {
	s, err := s3.Open(t.Context(), "s3://bucket/"+strings.Repeat("p", 40), newFake(t).options())
	require.NoError(t, err)
	long := strings.Repeat("abcdefgh/", 109) + "ab" // 983, 1024 with the prefix
	put(t, s, long, "x")
	require.Equal(t, "x", read(t, s, long))
	_, err = store.PutBytes(t.Context(), s, long+"c", nil, store.Condition{})
	require.ErrorIs(t, err, store.ErrBadKey)
}

// Objects of other programs beside ours, whose names are no keys, are not listed.
func TestListLeavesOthersOut(t *testing.T) {
	f := newFake(t)
	s := f.open(t, s3.Small)
	put(t, s, "a/b", "x")
	for _, name := range []string{"some/prefix/a/", "some/prefix/a/with space", "some/prefix2/a", "other"} {
		_, err := f.memory.PutObject("bucket", name, nil, strings.NewReader(""), 0, nil)
		require.NoError(t, err)
	}
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	require.Equal(t, "a/b", infos[0].Key)
}

// A file of data may have any key, to read and to write; a missing one is ErrNotFound.
func TestOpenObject(t *testing.T) {
	f := newFake(t)
	_, err := f.memory.PutObject("bucket", "data/a b+ü.csv", nil, strings.NewReader("id\n1\n"), 5, nil)
	require.NoError(t, err)
	body, size, err := s3.OpenObject(t.Context(), "s3://bucket/data/a b+ü.csv", f.options())
	require.NoError(t, err)
	defer body.Close()
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "id\n1\n", string(content))
	require.EqualValues(t, 5, size)
	_, _, err = s3.OpenObject(t.Context(), "s3://bucket/none.csv", f.options())
	require.ErrorIs(t, err, store.ErrNotFound)
	written, err := s3.PutObject(t.Context(), "s3://bucket/out/scored (1).csv", strings.NewReader("id\n2\n"), f.options())
	require.NoError(t, err)
	require.EqualValues(t, 5, written)
	out, _, err := s3.OpenObject(t.Context(), "s3://bucket/out/scored (1).csv", f.options())
	require.NoError(t, err)
	defer out.Close()
	content, err = io.ReadAll(out)
	require.NoError(t, err)
	require.Equal(t, "id\n2\n", string(content))
	for _, uri := range []string{"s3://bucket", "s3://bucket/", "data.csv"} {
		_, _, err = s3.OpenObject(t.Context(), uri, f.options())
		require.ErrorIs(t, err, s3.ErrURI, uri)
		_, err = s3.PutObject(t.Context(), uri, strings.NewReader(""), f.options())
		require.ErrorIs(t, err, s3.ErrURI, uri)
	}
}

// A body of several parts is read back as it was, whatever its size is against the parts',
// and tells signs of life.
func TestPartsAreOneObject(t *testing.T) {
	s := newFake(t).open(t, s3.Small)
	var signs atomic.Int64
	ctx := store.WithProgress(t.Context(), func() { signs.Add(1) })
	for _, size := range []int{0, 1, 1 << 10, 1<<10 + 1, 5 << 10, 5<<10 + 7} {
		body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		before := signs.Load()
		key := fmt.Sprint(size) // the fake keeps the checksum of an object that is replaced
		info, err := s.Put(ctx, key, iotest.OneByteReader(strings.NewReader(body)), store.Condition{})
		require.NoError(t, err)
		require.EqualValues(t, size, info.Size)
		require.Greater(t, signs.Load(), before)
		require.Equal(t, body, read(t, s, key))
	}
}

// However large a body is, no more of it is held than the parts on their way and the one
// being read.
func TestUploadsAreBounded(t *testing.T) {
	f := newFake(t)
	var stored atomic.Int64
	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.URL.Query().Has("partNumber") {
			defer stored.Add(r.ContentLength)
		}
		serve(w, r)
	})
	var most int64
	body := &counted{size: 64 << 10, read: func(n int64) { most = max(most, n-stored.Load()) }}
	info, err := f.open(t, s3.Small).Put(t.Context(), "key", body, store.Condition{})
	require.NoError(t, err)
	require.EqualValues(t, body.size, info.Size)
	// Three parts on their way, one read, one byte of the next looked at through a 16 KiB buffer.
	require.LessOrEqual(t, most, int64(4<<10+16<<10))
}

type counted struct {
	size, n int64
	read    func(n int64)
}

func (c *counted) Read(p []byte) (int, error) {
	if c.n == c.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), c.size-c.n)
	c.n += n
	c.read(c.n)
	return int(n), nil
}

// An upload that fails or is cancelled between its parts leaves no object and no parts.
func TestFailedUploadIsRemoved(t *testing.T) {
	f := newFake(t)
	begun, aborted := atomic.Int32{}, atomic.Int32{}
	count := func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
			begun.Add(1)
		}
		if r.Method == http.MethodDelete && r.URL.Query().Has("uploadId") {
			aborted.Add(1)
		}
		serve(w, r)
	}
	f.set(count)
	s := f.open(t, s3.Small)
	lost := errors.New("the body fails here")
	_, err := s.Put(t.Context(), "key", io.MultiReader(strings.NewReader(strings.Repeat("x", 50<<10)), iotest.ErrReader(lost)), store.Condition{})
	require.ErrorIs(t, err, lost)
	require.NotErrorIs(t, err, store.ErrUnavailable)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Put(ctx, "key", &counted{size: 1 << 20, read: func(n int64) {
		if n > 40<<10 {
			cancel()
		}
	}}, store.Condition{})
	require.ErrorIs(t, err, context.Canceled)

	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.URL.Query().Get("partNumber") == "3" {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return
		}
		count(w, r, serve)
	})
	_, err = s.Put(t.Context(), "key", &counted{size: 1 << 20, read: func(int64) {}}, store.Condition{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "permission")
	require.EqualValues(t, 3, begun.Load())
	require.EqualValues(t, 3, aborted.Load())
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, infos)
}

// What is asked of the server with every write is asked of both kinds of upload.
func TestEncryptionIsAsked(t *testing.T) {
	f := newFake(t)
	asked := map[string]string{}
	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if kind := r.Header.Get("X-Amz-Server-Side-Encryption"); kind != "" {
			asked[r.Method+fmt.Sprint(r.URL.Query().Has("uploads"))] = kind + " " + r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
		}
		serve(w, r)
	})
	o := f.options()
	o.Encryption, o.KMSKey = "aws:kms", "alias/models"
	s, err := s3.OpenWith(t.Context(), "s3://bucket", o, s3.Small)
	require.NoError(t, err)
	put(t, s, "small", "x")
	put(t, s, "large", strings.Repeat("x", 3<<10))
	require.Equal(t, map[string]string{"PUTfalse": "aws:kms alias/models", "POSTtrue": "aws:kms alias/models"}, asked)
}

// Endpoint, region, credentials and style come from the environment where no option says
// otherwise, as for every other program with the SDK.
func TestEnvironment(t *testing.T) {
	var seen atomic.Pointer[http.Request]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r)
		refuse(w, http.StatusNotFound, "NoSuchKey")
	}))
	defer server.Close()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "AWS_REGION": "eu-central-1", "HOME": t.TempDir(),
		"AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
	s, err := s3.Open(t.Context(), "s3://bucket/prefix", s3.Options{})
	require.NoError(t, err)
	_, _, err = s.Get(t.Context(), "key")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Equal(t, "/bucket/prefix/key", seen.Load().URL.Path)
	require.Contains(t, seen.Load().Header.Get("Authorization"), "AKIDENVIRONMENT/")
	require.Contains(t, seen.Load().Header.Get("Authorization"), "/eu-central-1/s3/")
}
