package app

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Claim: a server that is down is an *UnreachableError that names the address, told by the port's
// refusal: not when the time of a try is over.
func TestDialUnreachable(t *testing.T) {
	address := closedPort(t)
	_, err := Dial(t.Context(), DialOptions{Address: address, Logger: quiet()})
	var unreachable *UnreachableError
	require.ErrorAs(t, err, &unreachable)
	require.Equal(t, address, unreachable.Address)
	require.ErrorContains(t, err, address)
	require.ErrorContains(t, err, "--embedded")
	require.ErrorContains(t, err, "connection refused")
	require.NotContains(t, err.Error(), "deadline")
}

// Claim: Ctrl-C ends the listening to a server that has made a TLS connection and says nothing more.
func TestHandshakeCancelled(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	silent, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			defer conn.Close()
			err = conn.(*tls.Conn).Handshake()
		}
		cancel()
		served <- err
		<-t.Context().Done()
	}()
	err = handshake(ctx, silent.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	require.Error(t, err)
	_, _, refused := refusal(err)
	require.False(t, refused)
	require.NoError(t, <-served)
}

// Claim: a cancelled context ends the waiting at once.
func TestDialCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := Dial(ctx, DialOptions{Address: closedPort(t), Wait: time.Hour, Logger: quiet()})
	require.ErrorIs(t, err, context.Canceled)
}

// Claim: the address and namespace come from Temporal's own environment variables and
// profiles, and settings that cannot be used are told apart from a server that is down.
func TestConnectionSettings(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(profile, []byte("[profile.default]\naddress = \"filed:1\"\n"), 0o600))
	for _, name := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE"} {
		t.Setenv(name, "") // restores it after the test
		require.NoError(t, os.Unsetenv(name))
	}
	t.Setenv("TEMPORAL_CONFIG_FILE", profile)

	fromFile, err := connectionSettings(DialOptions{Logger: quiet()})
	require.NoError(t, err)
	require.Equal(t, "filed:1", fromFile.HostPort)

	t.Setenv("TEMPORAL_ADDRESS", "named:2")
	t.Setenv("TEMPORAL_NAMESPACE", "trees")
	fromEnvironment, err := connectionSettings(DialOptions{Logger: quiet()})
	require.NoError(t, err)
	require.Equal(t, "named:2", fromEnvironment.HostPort)
	require.Equal(t, "trees", fromEnvironment.Namespace)
	address, namespace, err := Destination(DialOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"named:2", "trees"}, []string{address, namespace})

	given, err := connectionSettings(DialOptions{Address: "127.0.0.1:3", Logger: quiet()})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", given.HostPort)
	require.Equal(t, "default", given.Namespace)

	require.NoError(t, os.WriteFile(profile, []byte("not TOML"), 0o600))
	_, err = Dial(t.Context(), DialOptions{Logger: quiet()})
	require.ErrorIs(t, err, ErrConnectionSettings)
	require.False(t, errors.As(err, new(*UnreachableError)))
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	return address
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
