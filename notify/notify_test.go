package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"everfold/notify"
	"everfold/testsuite/sinks"
)

const secret = "hush-4711"

var message = notify.Message{
	Title: "everfold production/churn failed", Text: "the reason\nthe next step", Severity: notify.Critical, Key: "production/churn failed",
}

// A webhook gets title and text as JSON, once.
func TestWebhook(t *testing.T) {
	h := sinks.NewWebhook(t, secret)
	require.NoError(t, notify.Send(t.Context(), h.URL(), message))
	require.Len(t, h.Messages(), 1)
	var got map[string]string
	require.NoError(t, json.Unmarshal([]byte(h.Messages()[0]), &got))
	require.Equal(t, map[string]string{"title": message.Title, "message": message.Text}, got)
}

// A mail has the title as its subject and the text as its body, once a recipient.
func TestMail(t *testing.T) {
	m := sinks.NewMail(t, secret)
	require.NoError(t, notify.Send(t.Context(), m.URL("a@example.org", "b@example.org"), message))
	require.Len(t, m.Messages(), 2)
	head, body, found := strings.Cut(m.Messages()[0], "\n\n")
	require.True(t, found)
	require.Contains(t, head+"\n", "Subject: "+message.Title+"\n") // in whatever order
	require.Contains(t, head+"\n", "To: a@example.org\n")
	require.Equal(t, message.Text+"\n", body)
}

// refused is an address that nobody listens at.
func refused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// answering is the URL of a webhook that answers so.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return "generic+" + s.URL + "/" + secret
}

// Every failure is told apart by whether the message may be there, with a reason that
// quotes neither the URL nor the answer.
func TestFailures(t *testing.T) {
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(tls.Close)
	strict := sinks.NewMail(t, secret)
	strict.Refuse = func(to string) error {
		if strings.HasPrefix(to, "no") {
			return &smtp.SMTPError{Code: 550, Message: "no such user " + to}
		}
		return nil
	}
	for name, c := range map[string]struct {
		url  string
		kind error
		why  string
	}{
		"empty":            {"", notify.ErrURL, "slack:// or smtp://"},
		"a plain address":  {"https://hooks.slack.com/services/" + secret, notify.ErrURL, "slack:// or smtp://"},
		"unknown service":  {"pigeon://" + secret, notify.ErrURL, "slack:// or smtp://"},
		"incomplete":       {"slack://" + secret, notify.ErrURL, "slack"},
		"no recipient":     {"smtp://u:" + secret + "@127.0.0.1/?from=a@example.org", notify.ErrURL, "smtp"},
		"broken":           {"generic://" + secret + "\x7f/%zz", notify.ErrURL, "generic"},
		"a log":            {"logger://" + secret, notify.ErrURL, "slack:// or smtp://"},
		"nobody listens":   {"generic+http://" + refused(t) + "/" + secret, notify.ErrNotSent, "nobody listens"},
		"no mail server":   {"smtp://u:" + secret + "@" + refused(t) + "/?from=a@b.c&to=d@e.f", notify.ErrNotSent, "nobody listens"},
		"no such host":     {"generic://" + secret + ".invalid/x", notify.ErrNotSent, "host"},
		"not trusted":      {"generic+" + tls.URL + "/" + secret, notify.ErrNotSent, "certificate"},
		"no TLS":           {"generic+https://" + strings.TrimPrefix(answering(t, http.NotFound), "generic+http://"), notify.ErrNotSent, "certificate"},
		"HTTP 404":         {answering(t, http.NotFound), notify.ErrNotSent, "HTTP status 404"},
		"HTTP 500":         {answering(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.Path, 500) }), notify.ErrNotSent, "HTTP status 500"},
		"cut off":          {answering(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), notify.ErrUnclear, "no clear answer"},
		"wrong password":   {strings.Replace(strict.URL("a@b.c"), secret, secret+"0", 1), notify.ErrNotSent, "the mail server answered 4"},
		"refused":          {strict.URL("no@b.c"), notify.ErrNotSent, "the mail server answered 550"},
		"one of two":       {strict.URL("yes@b.c", "no@b.c"), notify.ErrUnclear, "1 of 2 recipients"},
		"both of two":      {strict.URL("no@b.c", "none@b.c"), notify.ErrUnclear, "2 of 2 recipients"},
		"password in mail": {"smtp://u:" + secret + "@127.0.0.1:1/?timeout=" + secret + "&from=a@b.c&to=d@e.f", notify.ErrURL, "smtp"},
	} {
		t.Run(name, func(t *testing.T) {
			err := notify.Send(t.Context(), c.url, message)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.why)
			require.NotContains(t, err.Error(), secret)
			require.NotContains(t, err.Error(), "127.0.0.1")
		})
	}
	require.Len(t, strict.Messages(), 1)
}

// Who waits no longer for an answer does not know whether the message was taken; who has
// stopped waiting before sends nothing.
func TestWithoutAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hung := make(chan struct{})
	url := answering(t, func(http.ResponseWriter, *http.Request) { cancel(); <-hung })
	t.Cleanup(func() { close(hung) }) // before the server's own, which waits for its requests
	require.ErrorIs(t, notify.Send(ctx, url, message), notify.ErrUnclear)
	require.ErrorIs(t, notify.Send(ctx, url, message), notify.ErrNotSent)
}

// A URL's service is named for people; what is none has no name, so that no part of a
// secret is taken for one.
func TestService(t *testing.T) {
	for url, want := range map[string]string{
		"slack://hook:x@y": "slack", "generic+https://x": "generic", "SMTP://x": "smtp",
		secret: "", secret + "://x": "", "logger://": "", "": "",
	} {
		require.Equal(t, want, notify.Service(url))
	}
}

// Reach sends nothing: it checks the URL, and the host where the URL names one.
func TestReach(t *testing.T) {
	h, m := sinks.NewWebhook(t, secret), sinks.NewMail(t, secret)
	for url, want := range map[string]error{
		h.URL(): nil, m.URL("a@b.c"): nil, "pigeon://x": notify.ErrURL,
		"generic+http://" + refused(t) + "/" + secret:            notify.ErrNotSent,
		"smtp://u:x@" + secret + ".invalid/?from=a@b.c&to=d@e.f": notify.ErrNotSent,
	} {
		connected, err := notify.Reach(t.Context(), url)
		require.Equal(t, want == nil, connected)
		require.True(t, errors.Is(err, want), err)
		if err != nil {
			require.NotContains(t, err.Error(), secret)
		}
	}
	connected, err := notify.Reach(t.Context(), "pagerduty://events.pagerduty.com/"+strings.Repeat("0a", 16))
	require.NoError(t, err)
	require.False(t, connected, "the service's own host is not asked")
	require.Empty(t, h.Messages())
	require.Empty(t, m.Messages())
}
