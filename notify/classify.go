package notify

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"syscall"
)

// Marks in the texts of shoutrrr's mail service, which gives no other way to tell how far a
// message came.
const (
	reachedRecipients = "failed to send to some recipients"
	recipientFailed   = "error sending message to recipient"
)

// httpStatus finds a refusal in the texts of the services that speak HTTP.
var httpStatus = regexp.MustCompile(`(?i)(?:http|status)[a-z :(]{0,24}([45]\d\d)\b`)

// classify turns what a service returned into an error of this package.
func (s *service) classify(err error) error {
	if err == nil {
		return nil
	}
	why, refused := reason(err)
	if s.name != mail {
		return verdict(refused, why)
	}
	text := err.Error()
	failed := strings.Count(text, recipientFailed)
	switch {
	case !strings.Contains(text, reachedRecipients):
		return verdict(true, why) // it never came to the message
	case failed == 0:
		return nil // taken for every recipient; only the parting went wrong
	case s.recipients > 1:
		return fmt.Errorf("%w: %d of %d recipients were refused: %s", ErrUnclear, failed, s.recipients, why)
	}
	return verdict(refused, why)
}

func verdict(refused bool, why string) error {
	if refused {
		return fmt.Errorf("%w: %s", ErrNotSent, why)
	}
	return fmt.Errorf("%w: %s", ErrUnclear, why)
}

// reason says in words of this package what went wrong, and whether that means that the
// message was not taken. Some services flatten their errors into text, hence both ways.
func reason(err error) (why string, refused bool) {
	var smtp *textproto.Error
	var lookup *net.DNSError
	var operation *net.OpError
	text := err.Error()
	switch {
	case errors.Is(err, errPanic):
		return "the library failed", false
	case errors.As(err, &smtp):
		return fmt.Sprintf("the mail server answered %d", smtp.Code), smtp.Code >= 400
	case noHandshake(err, text):
		return "no secure connection: its certificate or protocol is not accepted", true
	case errors.As(err, &lookup), strings.Contains(text, "no such host"):
		return "its host name is not known", true
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(text, "connection refused"):
		return "nobody listens at its address", true
	case errors.As(err, &operation) && operation.Op == "dial", strings.Contains(text, "dial tcp"):
		return "its host cannot be reached", true
	case strings.Contains(text, "unencrypted connection"):
		return "the mail server offers no encryption to log in over", true
	}
	if m := httpStatus.FindStringSubmatch(text); m != nil {
		return "it answered with HTTP status " + m[1], true
	}
	return "no clear answer", false
}

// noHandshake says that a connection failed before anything could be said over it.
func noHandshake(err error, text string) bool {
	var unverified *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &unverified) || errors.As(err, &record) || strings.Contains(text, "x509:") ||
		strings.Contains(text, "tls: first record does not look like") || strings.Contains(text, "HTTP response to HTTPS client")
}
