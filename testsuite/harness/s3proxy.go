package harness

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Proxy stands between programs and the S3 server, and is where things go wrong: disturb sees
// every request, and answers it, has serve do so, or both. It returns its URL.
func (s *S3Server) Proxy(tb testing.TB, disturb func(w http.ResponseWriter, r *http.Request, serve http.Handler)) string {
	tb.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		disturb(w, r, forward)
	}))
	proxy.Config.ErrorLog = forward.ErrorLog
	proxy.Start()
	tb.Cleanup(proxy.Close)
	return proxy.URL
}
