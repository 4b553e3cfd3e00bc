package codec

import (
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"

	"go.temporal.io/sdk/converter"
)

// maxRequest bounds what one request may hold: a page of history, as the Web UI asks for it.
const maxRequest = 16 << 20

// Endpoint answers Temporal's Web UI and CLI, POST /decode and /encode, in the protocol of
// Temporal's remote codecs.
type Endpoint struct {
	Keys *Keys
	// Origins are the pages that a browser may show what was decrypted: scheme://host:port of
	// a Web UI. A request of a browser from anywhere else is refused.
	Origins []string
	// Token, where not empty, must come with every request: Authorization: Bearer TOKEN.
	Token string
	// Any lets other names than those of loopback addresses be asked. Without, a page
	// elsewhere cannot reach the endpoint by a name that its owner points here.
	Any bool
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	switch {
	case !e.Any && !loopback(r.Host):
		http.Error(w, "not by this name", http.StatusForbidden)
		return
	case origin != "" && !slices.Contains(e.Origins, origin):
		http.Error(w, "not from this page: starter codec serve --origin names those that may ask", http.StatusForbidden)
		return
	}
	if origin != "" {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Vary", "Origin")
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if e.Token != "" && !equal(r.Header.Get("Authorization"), "Bearer "+e.Token) {
		http.Error(w, "wrong token", http.StatusUnauthorized)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	w.Header().Set("Cache-Control", "no-store")
	converter.NewPayloadCodecHTTPHandler(e.Keys).ServeHTTP(w, r)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// loopback says whether a request's host, with or without a port, is this machine's own name.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
}
