package codec

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// ask posts to an endpoint with headers, NAME: value each; Host sets the name it is asked by.
func ask(t *testing.T, e *Endpoint, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:8234"+path, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Result()
}

func stored(t *testing.T, k *Keys) string {
	t.Helper()
	text, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{sealed(t, k, payload(marker))}})
	require.NoError(t, err)
	return string(text)
}

// Claim: the Web UI's page and the CLI get payloads decrypted and encrypted; a page from
// elsewhere, a name that is not this machine's, and whoever lacks the token get nothing.
func TestEndpoint(t *testing.T) {
	k := keysOf(t, first)
	const page = "http://localhost:8233"
	open := &Endpoint{Keys: k, Origins: []string{page}}
	guarded := &Endpoint{Keys: k, Token: "hush", Any: true}
	body := stored(t, k)
	for name, c := range map[string]struct {
		endpoint *Endpoint
		headers  []string
		want     int
	}{
		"CLI":                {open, nil, 200},
		"page":               {open, []string{"Origin: " + page}, 200},
		"localhost":          {open, []string{"Host: localhost:8234"}, 200},
		"loopback of IPv6":   {open, []string{"Host: [::1]:8234"}, 200},
		"another page":       {open, []string{"Origin: https://elsewhere.example"}, 403},
		"page of a file":     {open, []string{"Origin: null"}, 403},
		"a name led here":    {open, []string{"Host: elsewhere.example:8234"}, 403},
		"token":              {guarded, []string{"Authorization: Bearer hush", "Host: codec.example"}, 200},
		"no token":           {guarded, []string{"Host: codec.example"}, 401},
		"wrong token":        {guarded, []string{"Authorization: Bearer hus"}, 401},
		"token, not a page":  {guarded, []string{"Authorization: Bearer hush", "Origin: " + page}, 403},
		"token without word": {guarded, []string{"Authorization: hush"}, 401},
	} {
		r := ask(t, c.endpoint, http.MethodPost, "/decode", body, c.headers...)
		text, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, c.want, r.StatusCode, name)
		if c.want != 200 {
			require.NotContains(t, string(text), "data", name)
			require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"), name)
			continue
		}
		var out commonpb.Payloads
		require.NoError(t, protojson.Unmarshal(text, &out), name)
		require.Equal(t, marker, string(out.Payloads[0].Data), name)
		require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	}
	r := ask(t, open, http.MethodPost, "/encode", `{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"MQ=="}]}`)
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "encryption-key-id")
}

// Claim: to the requests of Temporal's Web UI a browser's rules let the answers through, whichever
// of its settings are on: credentials of the browser, the access and identity token of a login.
// testsuite/webui looks at the whole with a browser.
func TestAsBrowser(t *testing.T) {
	const page = "http://127.0.0.1:8233"
	k := keysOf(t, first)
	e := &Endpoint{Keys: k, Origins: []string{page}}
	for _, headers := range [][]string{
		{"Content-Type: application/json", "X-Namespace: default"},
		{"Content-Type: application/json", "X-Namespace: default", "Authorization: Bearer x", "Authorization-Extras: y"},
	} {
		var names []string
		for _, h := range headers {
			name, _, _ := strings.Cut(h, ": ")
			names = append(names, strings.ToLower(name))
		}
		before := ask(t, e, http.MethodOptions, "/decode", "", "Origin: "+page,
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: "+strings.Join(names, ","))
		require.Equal(t, http.StatusNoContent, before.StatusCode)
		allowed := strings.Split(strings.ToLower(before.Header.Get("Access-Control-Allow-Headers")), ", ")
		require.Subset(t, allowed, names)
		r := ask(t, e, http.MethodPost, "/decode", stored(t, k), append(headers, "Origin: "+page)...)
		require.Equal(t, http.StatusOK, r.StatusCode)
		refused := ask(t, &Endpoint{Keys: keysOf(t, second), Origins: e.Origins}, http.MethodPost, "/decode", stored(t, k), append(headers, "Origin: "+page)...)
		require.Equal(t, http.StatusBadRequest, refused.StatusCode)
		for _, answer := range []*http.Response{before, r, refused} {
			require.Equal(t, page, answer.Header.Get("Access-Control-Allow-Origin"), "with credentials * does not do")
			require.Equal(t, "true", answer.Header.Get("Access-Control-Allow-Credentials"))
			require.Equal(t, "Origin", answer.Header.Get("Vary"))
		}
	}
}

// Claim: a browser's question beforehand is answered for the page alone; what is not asked
// rightly, too much, or cannot be opened is refused with a reason.
func TestEndpointRefuses(t *testing.T) {
	k := keysOf(t, first)
	e := &Endpoint{Keys: k, Origins: []string{"http://localhost:8233"}}
	r := ask(t, e, http.MethodOptions, "/decode", "", "Origin: http://localhost:8233", "Access-Control-Request-Headers: x-namespace")
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	require.Equal(t, "http://localhost:8233", r.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.Header.Get("Access-Control-Allow-Headers"), "X-Namespace")
	require.Equal(t, http.StatusForbidden, ask(t, e, http.MethodOptions, "/decode", "", "Origin: http://elsewhere").StatusCode)
	require.Equal(t, http.StatusNotFound, ask(t, e, http.MethodGet, "/decode", "").StatusCode)
	require.Equal(t, http.StatusNotFound, ask(t, e, http.MethodPost, "/keys", "").StatusCode)
	require.Equal(t, http.StatusBadRequest, ask(t, e, http.MethodPost, "/decode", "{").StatusCode)
	require.Equal(t, http.StatusBadRequest, ask(t, e, http.MethodPost, "/decode", strings.Repeat(" ", maxRequest+1)).StatusCode)
	other := ask(t, &Endpoint{Keys: keysOf(t, second)}, http.MethodPost, "/decode", stored(t, k))
	text, err := io.ReadAll(other.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, other.StatusCode)
	require.Contains(t, string(text), "needs the key k1")
}
