package s3_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/s3"
)

// keys are credentials that the fake, which checks none, accepts.
var keys = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "testsecret"}, nil
})

// fake is an S3 server in this process with one bucket, "bucket".
type fake struct {
	url    string
	memory *s3mem.Backend
	fault  atomic.Pointer[fault]
}

// fault stands before the server: it may answer in its place, or call serve.
type fault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{memory: s3mem.New()}
	require.NoError(t, f.memory.CreateBucket("bucket"))
	serve := gofakes3.New(f.memory).Server().ServeHTTP
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if disturb := f.fault.Load(); disturb != nil && *disturb != nil {
			(*disturb)(w, r, serve)
			return
		}
		serve(w, r)
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) // broken connections are meant
	server.Start()
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// set has disturb stand before the server; nil: nothing.
func (f *fake) set(disturb fault) { f.fault.Store(&disturb) }

func (f *fake) options() s3.Options {
	return s3.Options{Endpoint: f.url, Region: "us-east-1", PathStyle: true, Credentials: keys}
}

// open returns the store of a prefix under the limits; s3.Limits{} are the usual ones.
func (f *fake) open(t *testing.T, l s3.Limits) store.Store {
	t.Helper()
	if l == (s3.Limits{}) {
		s, err := s3.Open(t.Context(), "s3://bucket/some/prefix", f.options())
		require.NoError(t, err)
		return s
	}
	s, err := s3.OpenWith(t.Context(), "s3://bucket/some/prefix", f.options(), l)
	require.NoError(t, err)
	return s
}

func put(t *testing.T, s store.Store, key, content string) store.Info {
	t.Helper()
	info, err := store.PutBytes(t.Context(), s, key, []byte(content), store.Condition{})
	require.NoError(t, err)
	return info
}

func read(t *testing.T, s store.Store, key string) string {
	t.Helper()
	content, _, err := store.ReadAll(t.Context(), s, key, 1<<30)
	require.NoError(t, err)
	return string(content)
}

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "4442587FB7D0A2F9")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<Error><Code>" + code + "</Code><Message>as told</Message></Error>")) // the client may be gone
}

// first lets f have the first n requests of a method, and none of the others.
func first(n int32, method string, f fault) fault {
	var seen atomic.Int32
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if r.Method == method && seen.Add(1) <= n {
			f(w, r, serve)
			return
		}
		serve(w, r)
	}
}

// lost carries a request out and breaks the connection instead of answering.
func lost(_ http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	serve(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}
