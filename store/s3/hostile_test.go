package s3_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/s3"
)

// tera is what a hostile server says that its objects have.
const tera = 1 << 40

// allocated is what f allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A size that a server claims costs no memory: what is asked for follows what comes, and what does
// not come is an error.
func TestClaimedSizes(t *testing.T) {
	f := newFake(t)
	s := f.open(t, s3.Small)
	f.set(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Length", fmt.Sprint(tera))
		w.Header().Set("ETag", `"e"`)
		_, _ = io.WriteString(w, "not much")
	})
	for name, read := range map[string]func() error{
		"verified": func() error {
			_, err := store.ReadVerified(t.Context(), s, "key", tera, strings.Repeat("0", 64))
			return err
		},
		"verified, of another size": func() error {
			_, err := store.ReadVerified(t.Context(), s, "key", 8, strings.Repeat("0", 64))
			return err
		},
		"whole": func() error { _, _, err := store.ReadAll(t.Context(), s, "key", 2*tera); return err },
		"whole, of a bounded size": func() error {
			_, _, err := store.ReadAll(t.Context(), s, "key", 1<<20)
			return err
		},
		"streamed": func() error { return store.Verify(t.Context(), s, "key", tera, strings.Repeat("0", 64)) },
	} {
		var err error
		got := allocated(func() { err = read() })
		require.Error(t, err, name)
		require.Less(t, got, uint64(16<<20), name)
	}
}

// An answer that is no object and does not end is cut off, an error's as well as a listing's; so is
// a listing of endless pages.
func TestEndlessAnswers(t *testing.T) {
	f := newFake(t)
	limits := s3.Small
	limits.Answer, limits.Keys = 64<<10, 10
	s := f.open(t, limits)
	endless := func(status int, begin string) fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			_, err := io.WriteString(w, begin)
			for err == nil { // until the client has enough
				_, err = io.WriteString(w, strings.Repeat(" ", 4096))
			}
		}
	}
	f.set(endless(http.StatusInternalServerError, "<Error><Code>Internal"))
	_, _, err := s.Get(t.Context(), "key")
	require.ErrorIs(t, err, store.ErrUnavailable)
	f.set(endless(http.StatusOK, "<ListBucketResult>"))
	_, err = s.List(t.Context(), "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	f.set(endless(http.StatusOK, ""))
	_, err = store.PutBytes(t.Context(), s, "key", []byte("x"), store.Condition{})
	if err != nil { // nobody has to read what follows a success
		require.ErrorIs(t, err, store.ErrUnavailable)
	}

	var page atomic.Int32
	f.set(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		n := page.Add(1)
		w.Header().Set("Content-Type", "application/xml")
		_, _ = fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", n)
	})
	_, err = s.List(t.Context(), "")
	require.ErrorIs(t, err, store.ErrTooLarge)
	require.EqualValues(t, 10, page.Load())
}
