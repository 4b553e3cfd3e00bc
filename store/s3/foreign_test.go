package s3_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/s3"
)

// page answers as what stands before an S3 server does while that is away, or as a server of
// another kind does.
func page(status int, kind, body string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may be gone
	}
}

// pages are answers of no S3 server.
var pages = map[string]fault{
	"a page to sign in":      page(200, "text/html", "<html><head><title>Sign in</title></head><body>Hello</body></html>"),
	"a word":                 page(200, "text/plain", "under maintenance"),
	"nothing":                page(200, "text/plain", ""),
	"no route":               page(404, "text/plain", "404 page not found\n"),
	"no route, in HTML":      page(404, "text/html", "<html><head><title>404 Not Found</title></head><body>nginx</body></html>"),
	"no route, broken HTML":  page(404, "text/html", "<html><head><title>404</title></head><body><hr>nginx</body></html>"),
	"no route, without body": page(404, "text/plain", ""),
}

// What answers and is no S3 server, such as a proxy whose server is away, is believed nothing: no
// object is missing, written, removed or replaced, and no folder empty, for its word. It is
// ErrUnavailable, so what was asked is asked again.
func TestAnswersOfOthers(t *testing.T) {
	for name, answer := range pages {
		f := newFake(t)
		s := f.open(t, s3.Small)
		put(t, s, "key", "x")
		_, info, err := store.ReadAll(t.Context(), s, "key", 10)
		require.NoError(t, err)
		f.set(answer)
		_, _, err = s.Get(t.Context(), "key")
		requireNotBelieved(t, err, name)
		_, err = s.List(t.Context(), "")
		requireNotBelieved(t, err, name)
		requireNotBelieved(t, s.Delete(t.Context(), "key"), name)
		for _, size := range []int{1, 5 << 10} { // one request, and several parts
			for _, cond := range []store.Condition{{}, once, {ETag: info.ETag}} {
				_, err = store.PutBytes(t.Context(), s, "key", make([]byte, size), cond)
				require.ErrorIs(t, err, store.ErrUnavailable, name)
				require.NotErrorIs(t, err, store.ErrConflict, name)
			}
		}
		f.set(nil)
		require.Equal(t, "x", read(t, s, "key"))
	}
}

func requireNotBelieved(t *testing.T, err error, name string) {
	t.Helper()
	require.ErrorIs(t, err, store.ErrUnavailable, name)
	require.NotErrorIs(t, err, store.ErrNotFound, name)
	require.ErrorContains(t, err, "no S3 server", name)
}

// A write that is called done without the tag of an object, or by a page that has one, is read back: it is acknowledged
// where the object is in place, and nowhere else.
func TestWritesWithoutTag(t *testing.T) {
	answers := maps.Clone(pages)
	answers["a page with a tag"] = func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		w.Header().Set("ETag", `"5f-2a"`)
		pages["a page to sign in"](w, r, serve)
	}
	for name, answer := range answers {
		if strings.HasPrefix(name, "no route") {
			continue
		}
		for _, size := range []int{1, 5 << 10} {
			f := newFake(t)
			s := f.open(t, s3.Small)
			content := strings.Repeat("x", size)
			writes := func(r *http.Request) bool {
				q := r.URL.Query()
				return (r.Method == http.MethodPut || q.Has("uploadId")) && r.Method != http.MethodGet && !q.Has("partNumber")
			}
			f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				if writes(r) {
					answer(w, r, serve)
					return
				}
				serve(w, r)
			})
			_, err := store.PutBytes(t.Context(), s, "key", []byte(content), once)
			require.ErrorIs(t, err, store.ErrUnavailable, name)
			require.ErrorContains(t, err, "has not got it", name)
			f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
				if writes(r) {
					serve(discard{http.Header{}}, r)
					answer(w, r, serve)
					return
				}
				serve(w, r)
			})
			info, err := store.PutBytes(t.Context(), s, "key", []byte(content), once)
			require.NoError(t, err, name)
			f.set(nil)
			_, current, err := store.ReadAll(t.Context(), s, "key", 1<<20)
			require.NoError(t, err)
			require.Equal(t, current.ETag, info.ETag, name)
		}
	}
}

// discard takes an answer that nobody is to see.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// A listing that ends before its end, at whatever byte, is no listing: the keys that follow are not
// taken for absent.
func TestListingsCutShort(t *testing.T) {
	f := newFake(t)
	s := f.open(t, s3.Small)
	entry := func(key string) string {
		return "<Contents><Key>some/prefix/" + key + "</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>"
	}
	whole := "<?xml version=\"1.0\"?>\n<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>" + entry("a") + entry("b") + "</ListBucketResult>"
	var cut atomic.Int64
	cut.Store(int64(len(whole)))
	f.set(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		conn, out, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		// Neither a length nor chunks: where the connection ends, the answer does.
		_, _ = fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Amz-Request-Id: 1\r\n\r\n%s", whole[:cut.Load()])
		_ = out.Flush()
	})
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, infos, 2)
	for at := range whole {
		cut.Store(int64(at))
		_, err := s.List(t.Context(), "")
		require.ErrorIs(t, err, store.ErrUnavailable, whole[:at])
	}
	f.set(page(200, "application/xml", strings.Replace(whole, "false", "true", 1)))
	_, err = s.List(t.Context(), "")
	require.ErrorIs(t, err, store.ErrUnavailable, "more follows, and nobody says where")
}
