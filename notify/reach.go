package notify

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// reachTimeout bounds the connection that Reach tries.
const reachTimeout = 5 * time.Second

// Reach checks an endpoint without sending anything: the URL is one of a known service and
// complete, and for mail and webhooks, whose URLs name a host, that host takes a connection.
// connected says whether one was made. The errors are those of Send.
func Reach(ctx context.Context, rawURL string) (connected bool, err error) {
	s, err := locate(rawURL)
	if err != nil {
		return false, err
	}
	address := s.address(rawURL)
	if address == "" {
		return false, nil
	}
	dialer := net.Dialer{Timeout: reachTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		why, _ := reason(err)
		return false, fmt.Errorf("%w: %s", ErrNotSent, why)
	}
	return true, connection.Close()
}

// address is the host and port that the URL itself names, "" where the service decides.
func (s *service) address(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || (s.name != mail && s.name != webhook) {
		return ""
	}
	port := u.Port()
	switch {
	case port != "":
	case s.name == mail:
		port = "25"
	case strings.HasSuffix(u.Scheme, "+http"), isYes(option(u, "disabletls")):
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// option is a key of the query, whose case does not matter to services.
func option(u *url.URL, key string) string {
	for name, values := range u.Query() {
		if strings.EqualFold(name, key) {
			return values[0]
		}
	}
	return ""
}

func isYes(s string) bool {
	s = strings.ToLower(s)
	return s == "yes" || s == "true" || s == "1"
}
