package tracker

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// fault answers a request in the server's place; false lets it through.
type fault func(w http.ResponseWriter, r *http.Request) bool

// proxy stands between everfold and a server, and is where things go wrong.
type proxy struct {
	url    string
	target atomic.Pointer[url.URL]
	fault  atomic.Pointer[fault]
}

// unkept asks on a connection of its own: the server ends one that was idle for some seconds, perhaps
// just when the next request is on its way.
var unkept = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{}
	p.to(t, target)
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(p.target.Load()) },
		Transport: unkept.Transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := p.fault.Load(); f == nil || *f == nil || !(*f)(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// to sends requests to another server from now on.
func (p *proxy) to(t *testing.T, target string) {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	p.target.Store(u)
}

func (p *proxy) set(f fault) { p.fault.Store(&f) }

func answer(status int, body string, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may be gone
		return true
	}
}

// away closes the connection without an answer.
func away(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

// cut breaks off in the middle of an answer.
func cut(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Length", "100000")
	_, _ = w.Write([]byte(`{"experiment":{"experiment_id":`))
	panic(http.ErrAbortHandler)
}

// hang never answers. The body is read: only then is it seen that the client leaves.
func hang(_ http.ResponseWriter, r *http.Request) bool {
	_, _ = io.Copy(io.Discard, r.Body) // the client may be gone
	<-r.Context().Done()
	return true
}
