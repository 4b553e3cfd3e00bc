package s3_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/s3"
)

// once is the condition of a create-once write.
var once = store.Condition{Absent: true}

// A passing refusal costs another attempt, which is a sign of life, and no error; one that stays is ErrUnavailable and
// says what the server said.
func TestPassingRefusals(t *testing.T) {
	for code, status := range map[string]int{
		"SlowDown": 503, "InternalError": 500, "ConditionalRequestConflict": 409, "TooManyRequests": 429, "BadDigest": 400,
		"ExistingObjectIsDirectory": 409, "ObjectParentIsFile": 409,
	} {
		f := newFake(t)
		s := f.open(t, s3.Small)
		refusal := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(w, status, code) }
		f.set(first(2, http.MethodPut, refusal))
		signs := 0
		_, err := s.Put(store.WithProgress(t.Context(), func() { signs++ }), "key", strings.NewReader(""), once)
		require.NoError(t, err, code)
		require.GreaterOrEqual(t, signs, 2, code)
		f.set(refusal)
		_, err = store.PutBytes(t.Context(), s, "key", []byte("x"), once)
		require.ErrorIs(t, err, store.ErrUnavailable, code)
		require.ErrorContains(t, err, code)
		require.ErrorContains(t, err, "4442587FB7D0A2F9")
	}
}

// A write whose answer was lost is acknowledged when its own content is in place, and is a
// conflict when another's is.
func TestLostAnswers(t *testing.T) {
	for _, size := range []int{1, 5 << 10} { // one request, and several parts
		f := newFake(t)
		s := f.open(t, s3.Small)
		content := bytes.Repeat([]byte("x"), size)
		method := http.MethodPut
		if size > 1<<10 {
			method = http.MethodPost
		}
		f.set(afterwards(lostOnce(method), method))
		info, err := store.PutBytes(t.Context(), s, "key", content, once)
		require.NoError(t, err)
		require.Equal(t, string(content), read(t, s, "key"))
		_, current, err := store.ReadAll(t.Context(), s, "key", 1<<20)
		require.NoError(t, err)
		require.Equal(t, current.ETag, info.ETag)
	}
	f := newFake(t)
	s := f.open(t, s3.Small)
	put(t, s, "key", "another's")
	f.set(lostOnce(http.MethodPut))
	_, err := store.PutBytes(t.Context(), s, "key", []byte("mine"), once)
	require.ErrorIs(t, err, store.ErrConflict)
	f.set(lostOnce(http.MethodPut))
	_, err = store.PutBytes(t.Context(), s, "none", []byte("mine"), store.Condition{ETag: `"0123"`})
	require.ErrorIs(t, err, store.ErrConflict)
	require.Equal(t, "another's", read(t, s, "key"))
}

// Reading back what is in place gives signs of life: a large object takes longer than a lost worker is waited for.
func TestReadBackMoves(t *testing.T) {
	f := newFake(t)
	s := f.open(t, s3.Small)
	var signs, before atomic.Int64
	loses := afterwards(lostOnce(http.MethodPost), http.MethodPost)
	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.Method == http.MethodGet {
			before.Store(signs.Load())
		}
		loses(w, r, serve)
	})
	ctx := store.WithProgress(t.Context(), func() { signs.Add(1) })
	_, err := store.PutBytes(ctx, s, "key", bytes.Repeat([]byte("x"), 5<<10), once)
	require.NoError(t, err)
	require.Positive(t, before.Load())
	require.Greater(t, signs.Load(), before.Load())
}

// lostOnce loses the answer to the first request that writes an object.
func lostOnce(method string) fault {
	var seen atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		completes := r.Method == method && !r.URL.Query().Has("uploads") && !r.URL.Query().Has("partNumber")
		if completes && seen.CompareAndSwap(false, true) {
			lost(w, r, serve)
		}
		serve(w, r)
	}
}

// afterwards refuses, as S3 does and the fake does not, the repeated completion of an upload
// whose object is there.
func afterwards(f fault, method string) fault {
	var completed atomic.Int32
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if method == http.MethodPost && r.Method == method && r.URL.Query().Has("uploadId") && completed.Add(1) > 1 {
			refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		f(w, r, serve)
	}
}

// A server may answer a repeated completion for an attempt that died: what it calls complete is
// read back, and is not taken for written where it is missing or another's.
func TestCompletionThatLies(t *testing.T) {
	f := newFake(t)
	s := f.open(t, s3.Small)
	content := bytes.Repeat([]byte("x"), 5<<10)
	for _, c := range []struct {
		inPlace string
		cond    store.Condition
		kind    error
	}{
		{"", once, store.ErrUnavailable},
		{"another's", once, store.ErrConflict},
		{"another's", store.Condition{}, store.ErrUnavailable}, // to be written again
	} {
		f.set(nil)
		require.NoError(t, s.Delete(t.Context(), "key"))
		if c.inPlace != "" {
			put(t, s, "key", c.inPlace)
		}
		f.set(liesOnce(nil))
		_, err := store.PutBytes(t.Context(), s, "key", content, c.cond)
		require.ErrorIs(t, err, c.kind)
	}
	f.set(liesOnce(func(w http.ResponseWriter) { refuse(w, 403, "AccessDenied") }))
	_, err := store.PutBytes(t.Context(), s, "unreadable", content, once)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "AccessDenied")

	f.set(liesOnce(nil))
	_, err = store.PutBytes(t.Context(), s, "whole", content, once)
	require.ErrorContains(t, err, "has not got it")
	_, err = store.PutBytes(t.Context(), s, "whole", content, once)
	require.NoError(t, err)
	require.Equal(t, string(content), read(t, s, "whole"))
}

// liesOnce breaks the connection at the first completion of an upload, which has no effect, and
// answers the second that all is done; get, if any, answers what is read.
func liesOnce(get func(w http.ResponseWriter)) fault {
	var completions atomic.Int32
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		completes := r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
		switch {
		case completes && completions.Add(1) == 1:
			panic(http.ErrAbortHandler)
		case completes && completions.Load() == 2:
			_, _ = w.Write([]byte(`<CompleteMultipartUploadResult><ETag>"0123-5"</ETag></CompleteMultipartUploadResult>`)) // the client may be gone
		case get != nil && r.Method == http.MethodGet:
			get(w)
		default:
			serve(w, r)
		}
	}
}

// A stream that breaks goes on where it was, as long as the object is the same one.
func TestBrokenStreams(t *testing.T) {
	f := newFake(t)
	s, writer := f.open(t, s3.Small), f.open(t, s3.Limits{})
	content := strings.Repeat("0123456789abcdef", 100_000)
	put(t, writer, "key", content)
	cut := func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&cutting{ResponseWriter: w, left: 300_000}, r)
	}
	f.set(cut)
	require.Equal(t, content, read(t, s, "key"), "five connections, each breaks after 300 kB")

	f.set(first(1, http.MethodGet, cut))
	body, _, err := s.Get(t.Context(), "key")
	require.NoError(t, err)
	defer body.Close()
	_, err = io.ReadFull(body, make([]byte, 10))
	require.NoError(t, err)
	put(t, writer, "key", strings.Repeat("another version ", 100_000))
	_, err = io.Copy(io.Discard, body)
	require.ErrorIs(t, err, store.ErrUnavailable)

	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&cutting{ResponseWriter: w}, r)
	})
	_, _, err = store.ReadAll(t.Context(), s, "key", 1<<30)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "EOF")
}

// cutting breaks the connection off after some bytes of the body.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) > c.left {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// Bytes that are not those of the checksum that comes with them are ErrCorrupt, not content.
func TestDamagedOnTheWay(t *testing.T) {
	f := newFake(t)
	s := f.open(t, s3.Small)
	put(t, s, "key", "content")
	f.set(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("ETag", `"0123"`)
		w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
		_, _ = w.Write([]byte("content")) // the client may be gone
	})
	_, _, err := store.ReadAll(t.Context(), s, "key", 100)
	require.ErrorIs(t, err, store.ErrCorrupt)
}

// A server that takes connections and says nothing is given up, in every method and in the
// middle of an object.
func TestSilentServer(t *testing.T) {
	f := newFake(t)
	put(t, f.open(t, s3.Limits{}), "key", strings.Repeat("x", 1<<20))
	impatient := s3.Small
	impatient.Idle, impatient.Attempts, impatient.Part = 50*time.Millisecond, 2, 2<<20
	s := f.open(t, impatient)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	hang := func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}
	f.set(hang)
	_, _, err := s.Get(t.Context(), "key")
	requireSilent(t, err)
	_, err = s.List(t.Context(), "")
	requireSilent(t, err)
	requireSilent(t, s.Delete(t.Context(), "key"))
	_, err = store.PutBytes(t.Context(), s, "key", make([]byte, 1<<20), store.Condition{})
	requireSilent(t, err)

	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("ETag", `"0123"`)
		_, _ = w.Write([]byte("begins")) // the client may be gone
		_ = http.NewResponseController(w).Flush()
		f.set(hang)
		hang(w, r, serve)
	})
	_, _, err = store.ReadAll(t.Context(), s, "key", 1<<20)
	requireSilent(t, err)
}

// A server that puts a large object together has a patience of its own, which ends, too.
func TestSilentAssembly(t *testing.T) {
	f := newFake(t)
	limits := s3.Small
	limits.Attempts, limits.Assembly = 2, 500*time.Millisecond
	s := f.open(t, limits)
	over, asked := make(chan struct{}), make(chan struct{}, 2)
	t.Cleanup(func() { close(over) })
	f.set(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
			serve(w, r)
			return
		}
		asked <- struct{}{}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	_, err := store.PutBytes(t.Context(), s, "key", make([]byte, 5<<10), once)
	requireSilent(t, err)
	<-asked // a busy server may see the request when it has been given up
}

func requireSilent(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "does not answer")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller has time left")
}

// A server that is not there is ErrUnavailable.
func TestNobodyListens(t *testing.T) {
	s, err := s3.OpenWith(t.Context(), "s3://bucket", s3.Options{Endpoint: "http://127.0.0.1:1", Credentials: keys}, s3.Small)
	require.NoError(t, err)
	_, err = s.List(t.Context(), "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "refused")
}

// Every refusal of S3 has its place in the contract and says what to do.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		kind   error
		says   string
	}{
		{404, "NoSuchKey", store.ErrNotFound, "read key"},
		{404, "", store.ErrUnavailable, "no S3 server"},
		{404, "NoSuchBucket", store.ErrUnavailable, "create it"},
		{400, "ObjectParentIsFile", store.ErrNotFound, "read key"},
		{403, "InvalidAccessKeyId", store.ErrUnavailable, "check the credentials"},
		{403, "SignatureDoesNotMatch", store.ErrUnavailable, "check the credentials"},
		{400, "ExpiredToken", store.ErrUnavailable, "have expired"},
		{403, "AccessDenied", store.ErrUnavailable, "OPERATIONS.md"},
		{403, "RequestTimeTooSkewed", store.ErrUnavailable, "clock"},
		{301, "PermanentRedirect", store.ErrUnavailable, "region"},
		{507, "QuotaExceeded", store.ErrUnavailable, "no room"},
		{418, "Teapot", store.ErrUnavailable, "HTTP 418 Teapot: as told"},
	} {
		f := newFake(t)
		f.set(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			if c.code == "" {
				w.WriteHeader(c.status)
				return
			}
			refuse(w, c.status, c.code)
		})
		_, _, err := f.open(t, s3.Small).Get(t.Context(), "key")
		require.ErrorIs(t, err, c.kind, c.code)
		require.ErrorContains(t, err, c.says)
	}
	f := newFake(t)
	f.set(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { refuse(w, 409, "ObjectParentIsFile") })
	_, err := store.PutBytes(t.Context(), f.open(t, s3.Small), "a/b", nil, store.Condition{})
	require.ErrorIs(t, err, store.ErrBadKey)
	require.ErrorIs(t, err, store.ErrUnavailable, "another attempt may find the folders otherwise")
}

// What a credential process prints is not told, also where the SDK cannot read it: it may hold
// the keys.
func TestCredentialProcess(t *testing.T) {
	withoutKeys(t)
	profile := filepath.Join(t.TempDir(), "config")
	script := "[default]\ncredential_process = /bin/echo hello {\"SecretAccessKey\": \"geheim\"}\n"
	require.NoError(t, os.WriteFile(profile, []byte(script), 0o600))
	t.Setenv("AWS_CONFIG_FILE", profile)
	f := newFake(t)
	o := f.options()
	o.Credentials = nil
	s, err := s3.Open(t.Context(), "s3://bucket", o)
	require.NoError(t, err)
	_, err = s.List(t.Context(), "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "credential_process")
	require.NotContains(t, err.Error(), "geheim")
}

// withoutKeys takes every source of credentials out of the environment.
func withoutKeys(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// Without credentials, and with a profile that is not there, the error says so.
func TestNoCredentials(t *testing.T) {
	withoutKeys(t)
	f := newFake(t)
	o := f.options()
	o.Credentials = nil
	s, err := s3.Open(t.Context(), "s3://bucket", o)
	require.NoError(t, err)
	_, err = s.List(t.Context(), "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "AWS_ACCESS_KEY_ID")
	t.Setenv("AWS_PROFILE", "not-there")
	_, err = s3.Open(t.Context(), "s3://bucket", o)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "not-there")
}
