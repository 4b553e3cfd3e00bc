package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"everfold/testsuite/harness"
)

// fault disturbs the n-th request, from 1: it answers itself, calls serve, or both.
type fault func(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler)

// newProxy stands between everfold and an S3 server, and is where things go wrong. It returns
// its address, and how many requests it has met.
func newProxy(t *testing.T, server *harness.S3Server, f fault) (string, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	return server.Proxy(t, func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		f(n.Add(1), w, r, serve)
	}), &n
}

// during is a fault of all requests for a while, from the 20th request on.
func during(d time.Duration, f fault) fault {
	var mu sync.Mutex
	var until time.Time
	return func(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
		mu.Lock()
		if n > 20 && until.IsZero() {
			until = time.Now().Add(d)
		}
		now := time.Now().Before(until)
		mu.Unlock()
		if now {
			f(n, w, r, serve)
			return
		}
		serve.ServeHTTP(w, r)
	}
}

// down closes the connection.
func down(int64, http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// expired refuses credentials that have run out.
func expired(_ int64, w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	answer(w, http.StatusForbidden, "ExpiredToken", "The provided token has expired.")
}

// answer is a refusal in S3's form.
func answer(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// late answers every fourth request so much later.
func late(by time.Duration) fault {
	return func(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
		if n%4 == 0 {
			<-time.After(by)
		}
		serve.ServeHTTP(w, r)
	}
}

// overloaded asks for fewer requests, every ninth time.
func overloaded(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
	if n%9 == 0 {
		answer(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
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

// slow sends answers and takes bodies of every third request at so many bytes a second.
func slow(rate float64) fault {
	return func(n int64, w http.ResponseWriter, r *http.Request, serve http.Handler) {
		if n%3 == 0 {
			drop := &drops{bytes: 700}
			drop.pause = time.Duration(float64(drop.bytes) / rate * float64(time.Second))
			r.Body = &trickle{r.Body, drop}
			w = &dripping{w, drop}
		}
		serve.ServeHTTP(w, r)
	}
}

// drops are what passes at once, and the pause before each.
type drops struct {
	bytes int
	pause time.Duration
}

type trickle struct {
	io.ReadCloser
	*drops
}

func (s *trickle) Read(p []byte) (int, error) {
	<-time.After(s.pause)
	return s.ReadCloser.Read(p[:min(len(p), s.bytes)])
}

type dripping struct {
	http.ResponseWriter
	*drops
}

func (d *dripping) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		<-time.After(d.pause)
		var written int
		written, err = d.ResponseWriter.Write(p[n:min(n+d.bytes, len(p))])
		n += written
		_ = http.NewResponseController(d.ResponseWriter).Flush()
	}
	return n, err
}
