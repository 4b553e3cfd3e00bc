package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
)

// RefusedError says that somebody answers at the address, but that this program and that
// server do not get together: a certificate, an API key. Trying again changes nothing.
// Callers exit with 5.
type RefusedError struct {
	Address   string
	Namespace string
	What      string // what is wrong
	Do        string // what to do about it
	Err       error
}

// Error names the address, what is wrong and what to do.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("no connection to the Temporal server at %s (namespace %s): %s: %s: %v", e.Address, e.Namespace, e.What, e.Do, e.Err)
}

// Unwrap returns what the connection ended with.
func (e *RefusedError) Unwrap() error { return e.Err }

// lastWord is how long a server that accepts TLS connections may take to say why it ends one.
const lastWord = 3 * time.Second

// handshakes are what TLS says when it fails, as gRPC passes it on: text. The first that
// matches counts.
var handshakes = []struct{ says, what, do string }{
	{"x509: certificate has expired", "the server's certificate is out of date", "renew it there, or look at this machine's clock"},
	{"x509: certificate is valid for", "the server's certificate is for another name", "set TEMPORAL_TLS_SERVER_NAME to the name in it, or TEMPORAL_ADDRESS to that host"},
	{"x509: cannot validate certificate for", "the server's certificate is not for this address", "set TEMPORAL_TLS_SERVER_NAME to the name in it, or TEMPORAL_ADDRESS to that host"},
	{"x509: certificate is not valid for any names", "the server's certificate has no names", "set TEMPORAL_TLS_SERVER_NAME to the name in it, or have one made with names"},
	{"x509: ", "the server's certificate is not trusted", "set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the certificate of the authority that signed it"},
	{"tls: certificate required", "the server wants a client certificate", "set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH"},
	{"tls: expired certificate", "the client certificate is out of date", "have it renewed: TEMPORAL_TLS_CLIENT_CERT_PATH"},
	{"tls: unknown certificate", "the server does not trust the client certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH must be signed by an authority that it knows"},
	{"tls: bad certificate", "the server does not accept the client certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH must be valid and signed by an authority that it knows"},
	{"first record does not look like a TLS handshake", "the server does not speak TLS", "unset TEMPORAL_API_KEY and TEMPORAL_TLS_…, or set TEMPORAL_TLS=false, where it is trusted without"},
}

// refusal says whether err means that trying again changes nothing, and what would.
func refusal(err error) (what, do string, ok bool) {
	switch serviceerror.ToStatus(err).Code() {
	case codes.Unauthenticated, codes.PermissionDenied:
		return "it does not accept these credentials", "TEMPORAL_API_KEY, or api_key of the profile, must be a key for this namespace", true
	}
	for _, h := range handshakes {
		if strings.Contains(err.Error(), h.says) {
			return h.what, h.do, true
		}
	}
	return "", "", false
}

// asRefused is the *RefusedError that the error of a try to connect amounts to; nil where it
// is another.
func asRefused(ctx context.Context, o client.Options, err error) error {
	if err == nil {
		return nil
	}
	what, do, ok := refusal(err)
	if config := o.ConnectionOptions.TLS; !ok && config != nil {
		// A server that refuses a client's certificate says so and hangs up. gRPC, which is
		// writing meanwhile, may see the second alone.
		ctx, cancel := context.WithTimeout(ctx, lastWord)
		defer cancel()
		if shaken := handshake(ctx, o.HostPort, config); shaken != nil {
			if what, do, ok = refusal(shaken); ok {
				err = shaken
			}
		}
	}
	if !ok {
		return nil
	}
	return &RefusedError{Address: o.HostPort, Namespace: o.Namespace, What: what, Do: do, Err: err}
}

// handshake is what a server says, until ctx ends, to a TLS connection that writes nothing after it
// is made.
func handshake(ctx context.Context, address string, config *tls.Config) error {
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	_, err = conn.Read(make([]byte, 1))
	return err
}

// Refused says of an error that a server answered with, at any time, whether it is one of
// its not letting this program in: a key that was withdrawn, a namespace that is not there.
func Refused(err error) bool {
	var namespace *serviceerror.NamespaceNotFound
	var r *RefusedError
	if errors.As(err, &namespace) || errors.As(err, &r) {
		return true
	}
	code := serviceerror.ToStatus(err).Code()
	return code == codes.Unauthenticated || code == codes.PermissionDenied
}
