package mlflow

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/tracker"
	"everfold/tracker/trackertest"
)

// Claim: addresses and credentials that cannot be used are refused before any call, and the
// message quotes neither.
func TestRefusedOptions(t *testing.T) {
	for _, o := range []Options{
		{}, {URI: "sqlite:///mlflow.db"}, {URI: "./mlruns"}, {URI: "http://"}, {URI: "http://me:hush@host"}, {URI: "http://h/?token=hush"},
		{URI: "http://h", Token: "hush\r\nX: y"}, {URI: "http://h", CA: []byte("hush")}, {URI: "http://h", ClientPEM: []byte("hush")},
	} {
		_, err := New(o)
		failed := failure(t, err)
		require.Equal(t, tracker.Settings, failed.Kind)
		require.NotContains(t, failed.Error(), "hush")
		require.False(t, failed.Retryable())
	}
}

// Claim: basic authentication wins over a token; either is sent with every call, uploads
// included; a path in the address is kept.
func TestCredentials(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Username: "me", Password: "p", Token: "t"}, "Basic bWU6cA=="},
		{Options{Token: "t"}, "Bearer t"},
		{Options{}, ""},
	} {
		server := trackertest.NewServer(t)
		server.Disturb(func(_ http.ResponseWriter, r *http.Request) bool {
			require.Equal(t, c.want, r.Header.Get("Authorization"))
			require.True(t, strings.HasPrefix(r.URL.Path, "/behind/a/proxy/api/2.0/"))
			r.URL.Path = strings.TrimPrefix(r.URL.Path, "/behind/a/proxy")
			return false
		})
		c.o.URI = server.URL + "/behind/a/proxy/"
		r, err := newClient(t, c.o).Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
		require.NoError(t, err)
		require.Equal(t, server.URL+"/behind/a/proxy/#/experiments/1/runs/"+r.RunID, r.URL)
		require.Equal(t, "# card\n", string(server.File("models/cox_ph/card.md")))
	}
}

// Claim: the workspace is named to servers that have workspaces and to no other.
func TestWorkspace(t *testing.T) {
	for answer, want := range map[string]string{`{"workspaces_enabled":true}`: "team", `{"workspaces_enabled":false}`: "", "": ""} {
		server := trackertest.NewServer(t)
		asked, seen := 0, ""
		server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "server-info") {
				seen = r.Header.Get("X-MLFLOW-WORKSPACE")
				return false
			}
			asked++
			if answer == "" {
				http.NotFound(w, r)
				return true
			}
			reply(200, answer)(w, r)
			return true
		})
		client := newClient(t, Options{URI: server.URL, Workspace: "team"})
		require.NoError(t, client.Probe(t.Context(), "e"))
		require.NoError(t, client.Probe(t.Context(), "e"))
		require.Equal(t, want, seen)
		require.Equal(t, 1, asked)
	}
	broken := newClient(t, Options{URI: serve(t, reply(500, "x")), Workspace: "team"})
	require.Equal(t, tracker.Unavailable, failure(t, broken.Probe(t.Context(), "e")).Kind)
	html := newClient(t, Options{URI: serve(t, reply(200, "<html>")), Workspace: "team"})
	require.Equal(t, tracker.NotTracker, failure(t, html.Probe(t.Context(), "e")).Kind)
}

// Claim: a certificate of an authority that the options name is accepted, any other is a
// matter of settings; InsecureTLS accepts every one.
func TestTLS(t *testing.T) {
	inner := trackertest.NewServer(t)
	server := httptest.NewTLSServer(inner)
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, newClient(t, Options{URI: server.URL, CA: ca}).Probe(t.Context(), "e"))
	require.NoError(t, newClient(t, Options{URI: server.URL, InsecureTLS: true}).Probe(t.Context(), "e"))
	failed := failure(t, newClient(t, Options{URI: server.URL}).Probe(t.Context(), "e"))
	require.Equal(t, tracker.Settings, failed.Kind)
	require.Contains(t, failed.Text, "MLFLOW_TRACKING_SERVER_CERT_PATH")
}

// Claim: no part of a credential, nor of an address that is not to be told, gets into an
// error, wherever a text is cut.
func TestNoPartOfACredential(t *testing.T) {
	token := strings.Repeat("hush-", 120)
	for name, o := range map[string]Options{
		"token": {Token: token}, "user": {Username: "hush-me", Password: "hush"}, "short": {Token: "hush"},
	} {
		for _, before := range []int{0, 190, 195, 199, 790, 799} {
			uri := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, strings.Repeat("x", before)+o.Token+o.Username+o.Password+r.Header.Get("Authorization")+r.Host+r.URL.Path)
			})
			o.URI, o.Name = uri+"/hush/place", "$SERVER"
			err := newClient(t, o).Probe(t.Context(), "e")
			require.Equal(t, tracker.Unavailable, failure(t, err).Kind)
			for _, part := range []string{"hus", "127.0", base64.StdEncoding.EncodeToString([]byte("hush"))[:4]} {
				require.NotContains(t, err.Error(), part, "%s after %d bytes", name, before)
			}
		}
	}
}
