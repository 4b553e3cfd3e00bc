package mlflow

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everfold/tracker"
	"everfold/tracker/trackertest"
)

// serve is a server that answers everything alike.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func failure(t *testing.T, err error) *tracker.Error {
	t.Helper()
	var failed *tracker.Error
	require.ErrorAs(t, err, &failed)
	return failed
}

// Claim: every kind of answer that is none is told by its kind, with what to do where that
// is known, in probes, comparisons and syncs alike; and no text holds a credential, though
// the server echoes it.
func TestAnswers(t *testing.T) {
	const token = "hush-hush-token"
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		kind   tracker.Kind
		text   string
		after  time.Duration
	}{
		"500":                {reply(500, `{"error_code":"INTERNAL_ERROR","message":"disk I/O error"}`), tracker.Unavailable, "disk I/O error", 0},
		"500, no JSON":       {reply(500, "oops"), tracker.Unavailable, "HTTP 500, “oops”", 0},
		"503 of a proxy":     {reply(503, `{"detail":"down"}`), tracker.Unavailable, "down", 0},
		"429 with seconds":   {reply(429, "", "Retry-After", "7"), tracker.Busy, "HTTP 429", 7 * time.Second},
		"429 by code":        {reply(429, `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow down"}`, "Retry-After", "99999"), tracker.Busy, "slow down", 10 * time.Minute},
		"address echoed":     {reply(500, "http://HOST is broken"), tracker.Unavailable, "http://$SERVER is broken", 0},
		"host check":         {reply(403, "Invalid Host header - possible DNS rebinding attack detected"), tracker.Refused, "MLFLOW_SERVER_ALLOWED_HOSTS", 0},
		"403":                {reply(403, `{"error_code":"PERMISSION_DENIED","message":"no"}`), tracker.Refused, "are not accepted", 0},
		"401, token echoed":  {reply(401, "bad token "+token), tracker.Refused, "“bad token …”", 0},
		"code wins over 500": {reply(500, `{"error_code":"FEATURE_DISABLED","message":"workspaces"}`), tracker.Rejected, "FEATURE_DISABLED", 0},
		"unknown code, 403":  {reply(403, `{"error_code":"NEW","message":"x"}`), tracker.Refused, "NEW", 0},
		"HTML, 200":          {reply(200, "<html><title>Sign in</title>"), tracker.NotTracker, "<html><title>Sign in</title>", 0},
		"nothing, 200":       {reply(200, ""), tracker.NotTracker, "nothing", 0},
		"no experiment, 200": {reply(200, "{}"), tracker.NotTracker, "no experiment", 0},
		"HTML, 404":          {reply(404, "<html>"), tracker.NotTracker, "HTTP 404", 0},
		"redirect":           {reply(302, "", "Location", "https://login.example/?next="+token), tracker.NotTracker, "redirects to login.example", 0},
		"redirect, no place": {reply(302, ""), tracker.NotTracker, "redirects elsewhere", 0},
	} {
		t.Run(name, func(t *testing.T) {
			uri := serve(t, func(w http.ResponseWriter, r *http.Request) {
				echo := httptest.NewRecorder()
				c.handle(echo, r)
				maps.Copy(w.Header(), echo.Header())
				w.WriteHeader(echo.Code)
				_, _ = io.WriteString(w, strings.ReplaceAll(echo.Body.String(), "HOST", r.Host))
			})
			client := newClient(t, Options{URI: uri, Token: token, Name: "$SERVER"})
			_, compared := client.Compare(t.Context(), trackertest.Desired("e", "k"))
			_, synced := client.Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
			for _, err := range []error{client.Probe(t.Context(), "e"), compared, synced} {
				failed := failure(t, err)
				require.Equal(t, c.kind, failed.Kind, failed.Text)
				require.Contains(t, failed.Error(), c.text)
				require.NotContains(t, failed.Error(), token)
				require.Equal(t, c.after, failed.RetryAfter)
			}
		})
	}
}

// Claim: a date in Retry-After is understood; nonsense is nothing.
func TestRetryAfter(t *testing.T) {
	require.InDelta(t, 90, retryAfter(time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat)).Seconds(), 60)
	for _, value := range []string{"", "-1", "soon", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		require.Zero(t, retryAfter(value))
	}
}

// Claim: a server that hangs, is not there, or breaks off in the middle of an answer is
// unavailable, after no more than the timeout.
func TestBrokenConnections(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	const hangs = "no answer within 50ms"
	for text, uri := range map[string]string{
		hangs: serve(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}),
		"refused": "http://127.0.0.1:1",
		"unexpected EOF": serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"experiment":{`)
		}),
	} {
		timeout := 10 * time.Second
		if text == hangs {
			timeout = 50 * time.Millisecond
		}
		client := newClient(t, Options{URI: uri, Timeout: timeout, Name: "$SERVER"})
		failed := failure(t, client.Probe(t.Context(), "e"))
		require.NotContains(t, failed.Error(), "127.0.0.1")
		require.Equal(t, "$SERVER", client.URI())
		require.Equal(t, tracker.Unavailable, failed.Kind)
		require.Contains(t, failed.Text, text)
		require.True(t, failed.Retryable())
	}
}

// Claim: no call is sent on a connection that was idle for as long as servers keep one: they end it
// at any time then.
func TestIdleConnection(t *testing.T) {
	var seen sync.Map
	uri := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, again := seen.LoadOrStore(r.RemoteAddr, true); again {
			panic(http.ErrAbortHandler)
		}
		reply(200, "{}")(w, r)
	})
	client := newClient(t, Options{URI: uri})
	require.NoError(t, client.post(t.Context(), "runs/search", struct{}{}, nil))
	<-time.After(2 * idleConnection)
	require.NoError(t, client.post(t.Context(), "runs/search", struct{}{}, nil))
}

// Claim: whichever reply of a sync is lost, though the server did what it was asked, or
// whichever request, the sync fails, and the next one makes the server hold exactly what is
// desired: no run twice, no point twice.
func TestAnyReplyLost(t *testing.T) {
	count := len(lossy(t, -1, false))
	require.Greater(t, count, 10)
	for lost := range count {
		lossy(t, lost, false)
		lossy(t, lost, true)
	}
}

// lossy syncs with the lost-th request or its reply gone, then again, and returns the
// requests of the second.
func lossy(t *testing.T, lost int, request bool) []string {
	t.Helper()
	server := trackertest.NewServer(t)
	var n atomic.Int64
	server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) != int64(lost+1) {
			return false
		}
		if !request {
			server.Answer(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	})
	d := trackertest.Desired("e", "k")
	client := newClient(t, Options{URI: server.URL})
	_, err := client.Sync(t.Context(), d, tracker.Options{})
	if err != nil { // net/http itself repeats a request that changes nothing, on a new connection
		require.GreaterOrEqual(t, lost, 0)
		require.Equal(t, tracker.Unavailable, failure(t, err).Kind)
	}
	server.Disturb(nil)
	_, err = client.Sync(t.Context(), d, tracker.Options{Trust: true})
	require.NoError(t, err)
	held := server.Held(keyTag, "k", modelTag)
	require.Len(t, held, 3)
	points := 0
	for _, runs := range held {
		require.Len(t, runs, 1)
		points += len(runs[0].Metrics)
	}
	require.Equal(t, 14, points)
	again, err := newClient(t, Options{URI: server.URL}).Sync(t.Context(), d, tracker.Options{})
	require.NoError(t, err)
	require.Zero(t, again.Total(), "lost %d", lost)
	return server.Requests()
}

// Claim: a run that is deleted in the middle of a sync is made anew by that same sync; a
// server that deletes it every time is given up with the right kind.
func TestDeletedDuringSync(t *testing.T) {
	for _, times := range []int{1, 2, 100} {
		server := trackertest.NewServer(t)
		server.Disturb(func(_ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "runs/log-batch") && times > 0 {
				times--
				for _, h := range server.Held(keyTag, "k", modelTag)[""] {
					server.Remove(h.ID)
				}
			}
			return false
		})
		_, err := newClient(t, Options{URI: server.URL}).Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
		if times > 0 {
			require.Equal(t, tracker.Gone, failure(t, err).Kind)
			continue
		}
		require.NoError(t, err)
		require.Len(t, server.Held(keyTag, "k", modelTag)[""][0].Metrics, 12)
	}
}

// Claim: a deleted experiment is not brought back: the error says how, and nothing is sent.
func TestDeletedExperiment(t *testing.T) {
	server := trackertest.NewServer(t)
	client := newClient(t, Options{URI: server.URL})
	_, err := client.Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
	require.NoError(t, err)
	server.DeleteExperiments()
	_, err = client.Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
	require.Equal(t, tracker.Rejected, failure(t, err).Kind)
	require.ErrorContains(t, err, "mlflow experiments restore --experiment-id 1")
	require.Empty(t, server.Held(keyTag, "k", modelTag))
}

// Claim: who loses the race for an experiment's name uses the winner's.
func TestExperimentRace(t *testing.T) {
	server := trackertest.NewServer(t)
	other := newClient(t, Options{URI: server.URL})
	server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "experiments/create") {
			server.Disturb(nil)
			_, err := other.ensureExperiment(context.Background(), "e")
			assert.NoError(t, err) // require is for the test's own goroutine
		}
		return false
	})
	_, err := newClient(t, Options{URI: server.URL}).Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
	require.NoError(t, err)
	require.Len(t, server.Held(keyTag, "k", modelTag), 3)
}

// Claim: numbers and the final status are there though an upload fails; an upload that
// nobody reads ends after the timeout; files of a server that keeps them elsewhere are not
// sent, with a note that names no more than the kind of place.
func TestFiles(t *testing.T) {
	server := trackertest.NewServer(t)
	release := make(chan struct{})
	server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			<-release // the body is not read: the server cannot see the client leave
		}
		return r.Method == http.MethodPut
	})
	d := trackertest.Desired("e", "k")
	d.Run.Status = tracker.Finished
	d.Files = []tracker.File{{Path: "large", SHA256: "x", Size: 1 << 30, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(zeros{}), nil
	}}}
	_, err := newClient(t, Options{URI: server.URL, Timeout: 5 * time.Second}).Sync(t.Context(), d, tracker.Options{})
	require.Equal(t, tracker.Unavailable, failure(t, err).Kind)
	close(release)
	require.ErrorContains(t, err, "nothing was taken for 5s")
	held := server.Held(keyTag, "k", modelTag)[""][0]
	require.Equal(t, "FINISHED", held.Status)
	require.Len(t, held.Metrics, 12)

	d.Files[0].Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("the store is away") }
	_, err = newClient(t, Options{URI: server.URL}).Sync(t.Context(), d, tracker.Options{})
	require.ErrorContains(t, err, "the store is away")
	server.Disturb(nil)
	d.Files = []tracker.File{trackertest.Text("small", "abc")}
	d.Files[0].SHA256 = "another"
	_, err = newClient(t, Options{URI: server.URL}).Sync(t.Context(), d, tracker.Options{})
	require.ErrorContains(t, err, "changed while it was sent")

	client := newClient(t, Options{URI: server.URL})
	for uri, note := range map[string]string{
		"s3://bucket/secret/1": "s3://…", "file:///srv/x": "file://…", "": "no place", "mlflow-artifacts://elsewhere/1": "another host",
	} {
		r := &run{}
		r.Info.ID, r.Info.ArtifactURI = "1", uri
		missing, said, err := client.missingFiles(t.Context(), r, d.Files, tracker.Options{})
		require.NoError(t, err)
		require.Empty(t, missing)
		require.Contains(t, said, note)
		require.NotContains(t, said, "secret")
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// Claim: a server that does not filter, or keeps what it is told for itself, is found out
// rather than written to.
func TestLyingServer(t *testing.T) {
	server := trackertest.NewServer(t)
	server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "runs/search") {
			return false
		}
		reply(200, `{"runs":[{"info":{"run_id":"somebody's"},"data":{}}]}`)(w, r)
		return true
	})
	_, err := newClient(t, Options{URI: server.URL}).Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
	require.Equal(t, tracker.NotTracker, failure(t, err).Kind)

	server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "runs/search") {
			return false
		}
		reply(200, `{}`)(w, r)
		return true
	})
	_, err = newClient(t, Options{URI: server.URL}).Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
	require.Error(t, err)
	require.False(t, slices.Contains(server.Requests(), "POST runs/log-batch"))
}

// Claim: a page that somebody in between answers to an upload is not taken for the server's
// word: the file is sent again.
func TestUploadTakenBySomebodyElse(t *testing.T) {
	server := trackertest.NewServer(t)
	server.Disturb(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		reply(200, "<html>Sign in</html>")(w, r)
		return true
	})
	d := trackertest.Desired("e", "k")
	d.Files = []tracker.File{trackertest.Text("small", "abc")}
	client := newClient(t, Options{URI: server.URL})
	_, err := client.Sync(t.Context(), d, tracker.Options{})
	require.Equal(t, tracker.NotTracker, failure(t, err).Kind)
	server.Disturb(nil)
	report, err := client.Sync(t.Context(), d, tracker.Options{Trust: true})
	require.NoError(t, err)
	require.Equal(t, 1, report.Files)
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Claim: a panic while histories are read, beside the caller, is an error of the call.
func TestPanicWhileReading(t *testing.T) {
	server := trackertest.NewServer(t)
	_, err := newClient(t, Options{URI: server.URL}).Sync(t.Context(), trackertest.Desired("e", "k"), tracker.Options{})
	require.NoError(t, err)
	client := newClient(t, Options{URI: server.URL})
	through := client.http.Transport
	client.http.Transport = transport(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "metrics/get-history") {
			panic("scripted")
		}
		return through.RoundTrip(r)
	})
	_, err = client.Compare(t.Context(), trackertest.Desired("e", "k"))
	require.ErrorContains(t, err, "panic: scripted")
}

// Claim: a long parameter that changed and changed back is a tag with as much as a tag holds,
// sent once.
func TestLongParameter(t *testing.T) {
	client := newClient(t, Options{URI: trackertest.NewServer(t).URL})
	d := trackertest.Desired("e", "k")
	sent := func(value string) int {
		d.Run.Params = map[string]string{"long": value}
		report, err := client.Sync(t.Context(), d, tracker.Options{})
		require.NoError(t, err)
		return report.Tags
	}
	first, second := strings.Repeat("a", 5_500), strings.Repeat("b", 5_500)
	sent(first)
	for _, value := range []string{second, first} {
		require.Equal(t, 1, sent(value))
		require.Zero(t, sent(value))
	}
}
