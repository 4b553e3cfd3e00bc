// Package notify sends short messages to people, by shoutrrr URLs: Slack, mail, Teams,
// PagerDuty, a generic webhook and the other services that shoutrrr knows.
//
// A URL holds secrets. No error of this package quotes one, nor what a service or a library
// said: its reasons are words of its own. So they may be logged and kept.
//
// Whether a message that came to nothing may be sent again is the caller's question, and the
// errors answer it: ErrNotSent means that nobody has it, ErrUnclear that somebody may.
//
// Non-goals: deciding what is worth a message, sending again, remembering what was sent.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// Timeout bounds one Send. Services that hang keep a goroutine for as long as they do.
const Timeout = 10 * time.Second

// The kinds of error. Every error of Send and Reach is one of these.
var (
	// ErrURL: the URL is of no service, or not complete. Nothing was sent; trying again is
	// of no use.
	ErrURL = errors.New("not a usable shoutrrr URL")
	// ErrNotSent: the service was not reached or has refused the message. Nobody has it.
	ErrNotSent = errors.New("not sent")
	// ErrUnclear: there was no clear answer, or only some recipients have the message.
	// Sending again could reach somebody twice.
	ErrUnclear = errors.New("perhaps sent")
)

// Severity says how urgent a message is, for services that ask.
type Severity string

// The severities, as PagerDuty names them.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// Message is what somebody gets to read.
type Message struct {
	Title    string // one line of ASCII
	Text     string // begins with what matters most: some services cut it
	Severity Severity
	// Key is equal for messages about the same thing, for services that keep them together.
	Key string
}

// Send sends m once. It returns nil where the service has taken it, else ErrURL, ErrNotSent
// or ErrUnclear with a reason.
func Send(ctx context.Context, rawURL string, m Message) error {
	s, err := locate(rawURL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if ctx.Err() != nil {
		return fmt.Errorf("%w: stopped before it was sent", ErrNotSent)
	}
	sent := make(chan error, 1)
	go func() { sent <- s.send(m) }()
	select {
	case err := <-sent:
		return s.classify(err)
	case <-ctx.Done():
		return fmt.Errorf("%w: no answer in time", ErrUnclear)
	}
}

// Service is the name of the service that a URL is of, such as "slack"; "" where it is none.
func Service(rawURL string) string {
	scheme, _, _ := strings.Cut(rawURL, ":")
	scheme, _, _ = strings.Cut(scheme, "+")
	if scheme = strings.ToLower(scheme); scheme != mute && slices.Contains(new(router.ServiceRouter).ListServices(), scheme) {
		return scheme
	}
	return ""
}

// mute is shoutrrr's service that writes to a log: nobody would read it.
const mute = "logger"

// service is one endpoint, ready to send.
type service struct {
	name       string
	recipients int // of mail, 1 of anything else
	sender     types.Service
}

// locate reads a URL; the error is ErrURL.
func locate(rawURL string) (*service, error) {
	s := &service{name: Service(rawURL), recipients: 1}
	if s.name == "" {
		return nil, fmt.Errorf("%w: it does not begin with the name of a service, such as slack:// or smtp://", ErrURL)
	}
	var err error
	if s.sender, err = initialize(rawURL); err != nil {
		return nil, fmt.Errorf("%w: something is missing or wrong for %s", ErrURL, s.name)
	}
	if s.name == mail {
		s.recipients = recipients(rawURL)
	}
	return s, nil
}

// initialize guards against a service that does not expect what the URL holds.
func initialize(rawURL string) (s types.Service, err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	r, err := router.New(silent{})
	if err != nil {
		return nil, err
	}
	return r.Locate(rawURL)
}

// silent drops what services log: it may hold URLs and answers.
type silent struct{}

func (silent) Print(...any)          {}
func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

var errPanic = errors.New("the service panicked")

// send calls the service, which must not take the process down with it.
func (s *service) send(m Message) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	text, params := s.render(m)
	return s.sender.Send(text, &params)
}

// render gives each service what it has a place for; most have none for a title.
func (s *service) render(m Message) (string, types.Params) {
	params := types.Params{}
	switch s.name {
	case mail, webhook:
		params.SetTitle(m.Title)
		return m.Text, params
	case "pagerduty":
		params["dedup_key"], params["severity"] = m.Key, string(m.Severity)
	}
	return m.Title + "\n\n" + m.Text, params
}

const (
	mail    = "smtp"
	webhook = "generic"
)

// recipients counts the addresses of a mail URL.
func recipients(rawURL string) int {
	u, err := url.Parse(rawURL)
	if err != nil {
		return 1
	}
	n := 0
	for key, values := range u.Query() {
		if key = strings.ToLower(key); key == "to" || key == "toaddresses" {
			n += len(strings.Split(values[0], ","))
		}
	}
	return max(n, 1)
}
