package s3

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// fault disturbs the n-th request, from 1: it answers itself, calls serve, or both.
type fault func(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler)

// newProxy stands between everfold and an S3 server, and is where things go wrong. It returns
// its address, and how many requests it has met.
func newProxy(t *testing.T, server *harness.S3Server, f fault) (string, *atomic.Int64) {
	t.Helper()
	target, err := url.Parse(server.URL)
	require.NoError(t, err)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	var n atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f(n.Add(1), w, r, forward)
	}))
	s.Config.ErrorLog = forward.ErrorLog
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, &n
}

// down refuses a stretch of requests by closing their connections.
func down(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n > 20 && n <= 28 {
		panic(http.ErrAbortHandler)
	}
	serve.ServeHTTP(w, r)
}

// late answers every fourth request late.
func late(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n%4 == 0 {
		<-time.After(30 * time.Millisecond)
	}
	serve.ServeHTTP(w, r)
}

// overloaded asks for fewer requests, every ninth time.
func overloaded(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n%9 == 0 {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
		return
	}
	serve.ServeHTTP(w, r)
}

// reset carries requests out and breaks the connection: every 13th before the answer, every
// tenth in the middle of it.
func reset(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	switch {
	case n%13 == 0:
		serve.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case n%10 == 0:
		serve.ServeHTTP(&half{ResponseWriter: w}, r)
	default:
		serve.ServeHTTP(w, r)
	}
}

// half breaks the connection off in the middle of the body.
type half struct{ http.ResponseWriter }

func (h *half) Write(p []byte) (int, error) {
	_, _ = h.ResponseWriter.Write(p[:len(p)/2])
	if length, _ := strconv.Atoi(h.Header().Get("Content-Length")); length > 1 {
		panic(http.ErrAbortHandler)
	}
	return h.ResponseWriter.Write(p[len(p)/2:])
}

// mistaken names another version than it gives or has taken, every fifth time.
func mistaken(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n%5 == 0 {
		w = &relabelled{ResponseWriter: w}
	}
	serve.ServeHTTP(w, r)
}

type relabelled struct{ http.ResponseWriter }

func (r *relabelled) WriteHeader(status int) {
	if r.Header().Get("ETag") != "" {
		r.Header().Set("ETag", `"00000000000000000000000000000000"`)
	}
	r.ResponseWriter.WriteHeader(status)
}

// silent never answers two requests and keeps their connections open.
func silent(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n == 40 || n == 41 {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the client leaves
		<-r.Context().Done()
		return
	}
	serve.ServeHTTP(w, r)
}

// slow sends answers and takes bodies a few bytes at a time.
func slow(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n%3 == 0 {
		r.Body = &trickle{r.Body}
		w = &dripping{w}
	}
	serve.ServeHTTP(w, r)
}

const drop = 700 // bytes

type trickle struct{ io.ReadCloser }

func (s *trickle) Read(p []byte) (int, error) {
	<-time.After(time.Millisecond)
	return s.ReadCloser.Read(p[:min(len(p), drop)])
}

type dripping struct{ http.ResponseWriter }

func (d *dripping) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		<-time.After(time.Millisecond)
		var written int
		written, err = d.ResponseWriter.Write(p[n:min(n+drop, len(p))])
		n += written
		_ = http.NewResponseController(d.ResponseWriter).Flush()
	}
	return n, err
}
