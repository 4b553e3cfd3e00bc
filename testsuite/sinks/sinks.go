// Package sinks receives alerts for tests: a mail server that speaks SMTP with a password,
// and a webhook. Both are real servers on loopback that keep what they accept, and end with
// the test.
//
// Non-goals: delivering anything.
package sinks

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// inbox is what a sink has accepted.
type inbox struct {
	mu       sync.Mutex
	messages []string
}

func (i *inbox) add(message string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = append(i.messages, message)
}

// Messages returns what has been accepted so far, in order.
func (i *inbox) Messages() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.messages...)
}

// Mail is a mail server with one account.
type Mail struct {
	inbox
	// Refuse, where not nil, says why a recipient is refused. Set it before mail arrives.
	Refuse func(to string) error

	address  string
	password string
}

// user is the account that may send.
const user = "everfold"

// NewMail starts a mail server whose account has that password.
func NewMail(tb testing.TB, password string) *Mail {
	tb.Helper()
	m := &Mail{password: password}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{mail: m}, nil }))
	server.Domain, server.AllowInsecureAuth = "localhost", true
	server.ErrorLog = log.New(io.Discard, "", 0) // a client that is killed is no news
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("sinks: %v", err)
	}
	m.address = listener.Addr().String()
	go func() { _ = server.Serve(listener) }() // ends with Close
	tb.Cleanup(func() { _ = server.Close() })
	return m
}

// URL is the shoutrrr URL of mail to the given addresses.
func (m *Mail) URL(to ...string) string {
	return fmt.Sprintf("smtp://%s:%s@%s/?from=everfold@example.org&to=%s", user, m.password, m.address, strings.Join(to, ","))
}

// session is one connection.
type session struct {
	mail *Mail
	in   bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != user || password != s.mail.password {
			return errors.New("wrong password")
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.mail.Refuse != nil {
		return s.mail.Refuse(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.add(strings.ReplaceAll(string(content), "\r\n", "\n"))
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// Webhook is an HTTP server that takes what is posted to it.
type Webhook struct {
	inbox
	// Answer, where not nil, answers instead, before the message counts as accepted; it
	// returns false where it has refused. Set it before a message arrives.
	Answer func(w http.ResponseWriter, r *http.Request) bool

	server *httptest.Server
	token  string
}

// NewWebhook starts a webhook whose URL holds a token.
func NewWebhook(tb testing.TB, token string) *Webhook {
	tb.Helper()
	h := &Webhook{token: token}
	h.server = httptest.NewServer(h)
	tb.Cleanup(h.server.Close)
	return h
}

// URL is the shoutrrr URL of the webhook: the token is in its path and in a header.
func (h *Webhook) URL() string {
	return "generic+" + h.server.URL + "/" + h.token + "?template=json&@X-Token=" + h.token
}

// ServeHTTP implements http.Handler.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/"+h.token || r.Header.Get("X-Token") != h.token {
		http.Error(w, "wrong token "+r.URL.Path, http.StatusForbidden)
		return
	}
	if h.Answer != nil && !h.Answer(w, r) {
		return
	}
	h.add(string(body))
}
