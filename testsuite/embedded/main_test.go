package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everfold/internal/app"
	"everfold/internal/app/embedded"
	"everfold/testsuite/harness"
)

// The test binary plays three programs: the starter, its supervisor command, and a worker
// that does nothing but end with its parent.
const (
	playStarter = "__starter"
	playWorker  = "__worker"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case embedded.SuperviseCommand:
			os.Exit(embedded.Supervise(os.Args[2:]))
		case playStarter:
			os.Exit(starter())
		case playWorker:
			worker()
			return
		}
	}
	os.Exit(m.Run())
}

// starter runs an embedded server until it is told to stop.
func starter() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	self, err := os.Executable()
	if err == nil {
		err = serve(ctx, self)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "starter:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, self string) error {
	o, err := embedded.FromEnvironment(self, os.Environ())
	if err != nil {
		return err
	}
	o.Worker = []string{self, playWorker}
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	began := time.Now()
	e, err := embedded.Ensure(ctx, o)
	if err != nil {
		return err
	}
	defer e.Stop()
	fmt.Printf("ready owner=%v address=%s ui=%s after=%v\n", e.Owner(), e.Address(), e.UI(), time.Since(began))
	<-ctx.Done()
	return nil
}

func worker() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	<-ctx.Done()
}

// state is what the lock file says.
type state struct {
	Port       int `json:"port"`
	UIPort     int `json:"ui_port"`
	Starter    int `json:"starter_pid"`
	Supervisor int `json:"supervisor_pid"`
	Worker     int `json:"worker_pid"`
}

func (s state) address() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// readState returns the lock file's content once it is complete and good.
func readState(t *testing.T, home string, good func(state) bool) state {
	t.Helper()
	var s state
	harness.Eventually(t, "lock file of "+home, func() bool {
		data, err := os.ReadFile(filepath.Join(home, "everfold.lock"))
		s = state{}
		return err == nil && json.Unmarshal(data, &s) == nil && s.Worker != 0 && good(s)
	})
	return s
}

func anyState(state) bool { return true }

// start starts a starter on home and waits until its server answers.
func start(t *testing.T, home string) *harness.Process {
	t.Helper()
	p := launch(t, home)
	p.WaitFor("ready owner=")
	return p
}

func launch(t *testing.T, home string) *harness.Process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return harness.StartProgram(t, harness.Env{Home: home}, self, playStarter)
}

func dial(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := app.Dial(t.Context(), app.DialOptions{Address: address, Wait: 30 * time.Second, Logger: harness.Quiet()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// newHome returns a folder for the state, with the ports of a former start that nobody else
// will take, as the usual ones might be. What is still running there at the end of the test
// is a failure.
func newHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	ports := harness.FreePorts(t, 2)
	former, err := json.Marshal(state{Port: ports[0], UIPort: ports[1]})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(home, "everfold.lock"), former, 0o600))
	t.Cleanup(func() { harness.NoProcesses(t, marker(home)) })
	return home
}

// serverPID returns the temporal process's id: the one that supervisor and server lock.
func serverPID(t *testing.T, home string) int {
	t.Helper()
	var id int
	harness.Eventually(t, "server.lock of "+home, func() bool {
		text, err := os.ReadFile(filepath.Join(home, "server.lock"))
		if err != nil {
			return false
		}
		id, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil && id != 0
	})
	return id
}

func marker(home string) string { return "EVERFOLD_HOME=" + home }
