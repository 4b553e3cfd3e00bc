package harness

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"go.temporal.io/sdk/client"

	"everfold/internal/app"
)

// TemporalServer is a private dev server with its database in a temporary folder.
type TemporalServer struct {
	Address string // host:port
	DB      string // the database file, kept over Kill and Restart
	// Attributes are the search attributes that it knows, NAME=TYPE: those of runs.
	Attributes []string
	// Dynamic are settings of the server, key=value: none.
	Dynamic []string
	// Shown says that it has its Web UI, at Page.
	Shown bool

	tb     testing.TB
	dir    string
	port   string
	ui     string
	proc   *Process
	client client.Client
}

// Server starts a server and waits until it answers.
func Server(tb testing.TB) *TemporalServer {
	tb.Helper()
	s := Unstarted(tb)
	s.Restart()
	return s
}

// Unstarted returns a server that Restart will start: its address is known beforehand.
func Unstarted(tb testing.TB) *TemporalServer {
	tb.Helper()
	dir := tb.TempDir()
	ports := FreePorts(tb, 2)
	s := &TemporalServer{
		tb: tb, dir: dir, DB: filepath.Join(dir, "temporal.db"), Attributes: app.SearchAttributes(),
		port: strconv.Itoa(ports[0]), ui: strconv.Itoa(ports[1]),
	}
	s.Address = net.JoinHostPort("127.0.0.1", s.port)
	return s
}

// Restart starts the server again, on the same ports and database, and waits until it
// answers. A running one is killed first.
func (s *TemporalServer) Restart() {
	s.tb.Helper()
	s.Kill()
	args := []string{"server", "start-dev", "--ip", "127.0.0.1", "--port", s.port, "--ui-port", s.ui, "--headless=" + strconv.FormatBool(!s.Shown),
		"--db-filename", s.DB, "--log-level", "error", "--disable-config-file", "--disable-config-env"}
	for _, a := range s.Attributes {
		args = append(args, "--search-attribute", a)
	}
	for _, d := range s.Dynamic {
		args = append(args, "--dynamic-config-value", d)
	}
	s.proc = Start(s.tb, s.dir, environment(s.tb, Env{}), Temporal(s.tb), args...)
	ctx, cancel := context.WithTimeout(s.tb.Context(), patience)
	defer cancel()
	c, err := app.Dial(ctx, app.DialOptions{Address: s.Address, Wait: patience, Logger: Quiet()})
	if err != nil {
		s.tb.Fatalf("harness: the Temporal server does not answer: %v\n%s", err, s.proc.Stderr())
	}
	c.Close()
}

// Page is the address of the Web UI, scheme://host:port.
func (s *TemporalServer) Page() string { return "http://" + net.JoinHostPort("127.0.0.1", s.ui) }

// Kill ends the server by SIGKILL.
func (s *TemporalServer) Kill() {
	if s.proc != nil {
		s.proc.Kill()
	}
}

// Pause stops the server by SIGSTOP and returns when it stands still: it answers nobody until Resume.
func (s *TemporalServer) Pause() {
	s.tb.Helper()
	s.proc.Signal(syscall.SIGSTOP)
	Eventually(s.tb, "the Temporal server stands still", s.proc.StandsStill)
}

// Resume ends a Pause.
func (s *TemporalServer) Resume() {
	s.tb.Helper()
	s.proc.Signal(syscall.SIGCONT)
}

// Forget kills the server and removes its database: whatever it knew is lost.
func (s *TemporalServer) Forget() {
	s.tb.Helper()
	s.Kill()
	files, err := filepath.Glob(s.DB + "*")
	if err != nil || len(files) == 0 {
		s.tb.Fatalf("harness: no database %s: %v", s.DB, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			s.tb.Fatalf("harness: %v", err)
		}
	}
}

// PID is the server's process id.
func (s *TemporalServer) PID() int { return s.proc.PID() }

// Client returns a client of the server, closed with the test.
func (s *TemporalServer) Client() client.Client {
	s.tb.Helper()
	if s.client == nil {
		c, err := app.Dial(s.tb.Context(), app.DialOptions{Address: s.Address, Wait: patience, Logger: Quiet()})
		if err != nil {
			s.tb.Fatalf("harness: %v", err)
		}
		s.tb.Cleanup(c.Close)
		s.client = c
	}
	return s.client
}

// Ports that FreePorts chooses from: below those that Linux gives to outgoing connections (from
// 32768), one of which would otherwise take a port between the choice and the server's start.
const lowestPort, portsBeyond = 15_000, 17_000

// FreePorts returns n different loopback ports that nobody listens on. They are the test's until it
// ends, also while what listens on them is down: no test gets them meanwhile, of whatever package.
func FreePorts(tb testing.TB, n int) []int {
	tb.Helper()
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		port := lowestPort + rand.IntN(portsBeyond)
		err := reserve(tb, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		switch {
		case err == nil:
			ports = append(ports, port)
		case tries > 1000:
			tb.Fatalf("harness: no free port: %v", err)
		}
	}
	return ports
}

// reserve takes an address for a test where nobody listens on it: it holds the UDP port of the same
// number, which no server of these tests has a use for.
func reserve(tb testing.TB, address string) error {
	held, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, held.Close())
	}
	tb.Cleanup(func() { _ = held.Close() })
	return l.Close()
}

// Quiet returns a logger that keeps nothing.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
