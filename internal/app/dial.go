package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
)

const (
	// attemptTimeout bounds one try to reach the server: a port that nobody serves refuses
	// at once, a host that is not there says nothing at all, a busy one takes some seconds.
	attemptTimeout = 10 * time.Second
	// firstPause and longestPause pace the tries: an embedded server is ready within a
	// second, one in another container within a minute.
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// ErrConnectionSettings: the Temporal environment variables or the TOML profile cannot be
// used. Callers exit with 2.
var ErrConnectionSettings = errors.New("temporal connection settings")

// UnreachableError says that no Temporal server answered. Callers exit with 5.
type UnreachableError struct {
	Address   string
	Namespace string
	Err       error
}

// Error names the address and what to do.
func (e *UnreachableError) Error() string {
	if e.MaybeTLS() {
		return fmt.Sprintf("the server at %s (namespace %s) hangs up: is it Temporal, and does it want TLS? TEMPORAL_TLS=true, "+
			"or TEMPORAL_TLS_SERVER_CA_CERT_PATH: %v", e.Address, e.Namespace, e.Err)
	}
	return fmt.Sprintf("no Temporal server answers at %s (namespace %s): start one, or set TEMPORAL_ADDRESS "+
		"or a profile to one, or let `starter run --embedded` run one: %v", e.Address, e.Namespace, e.Err)
}

// MaybeTLS says whether the answer was what a server that wants TLS gives to one who does not
// speak it; one that is just starting may give it, too.
func (e *UnreachableError) MaybeTLS() bool {
	return e.Err != nil && strings.Contains(e.Err.Error(), "error reading server preface")
}

// Unwrap returns the last try's error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// DialOptions say how to connect. The zero value takes everything from the environment and
// tries once.
type DialOptions struct {
	// Address connects there, namespace "default", without TLS, whatever the environment
	// says: the embedded server. "": Temporal's own environment variables and TOML profile.
	Address string
	// Wait is how long to go on trying; 0 tries once.
	Wait time.Duration
	// Worker says that the client is for RunWorker, and for nothing that waits for results.
	Worker bool
	// Identity names this client in histories; "" for pid@host.
	Identity string
	// Logger takes the SDK's records; nil for slog.Default().
	Logger *slog.Logger
	// Metrics counts what the SDK does; nil counts nothing.
	Metrics *Metrics
}

// Dial connects to Temporal and checks that the server answers. It returns
// ErrConnectionSettings for settings that cannot be used, *RefusedError, at once, where server
// and settings do not fit, and *UnreachableError when no server answered in time; ctx's error
// when ctx ended first.
func Dial(ctx context.Context, o DialOptions) (client.Client, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	settings, err := connectionSettings(o)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(o.Wait)
	pause, told := firstPause, time.Now()
	for {
		try, cancel := context.WithTimeout(ctx, attemptTimeout)
		c, err := client.DialContext(try, settings)
		refused := asRefused(try, settings, err)
		cancel()
		switch {
		case err == nil:
			return c, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case refused != nil:
			return nil, refused
		case !time.Now().Add(pause).Before(deadline):
			return nil, &UnreachableError{Address: settings.HostPort, Namespace: settings.Namespace, Err: err}
		}
		if time.Since(told) > 2*time.Second {
			o.Logger.Info("waiting for the Temporal server", "address", settings.HostPort, "error", err.Error())
			told = time.Now().Add(8 * time.Second)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}
