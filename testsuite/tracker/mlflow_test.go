package tracker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// patience bounds the wait for a server: it imports for ten seconds on two busy cores.
const patience = 3 * time.Minute

// mlflowServer is a real server with its own database and artifacts.
type mlflowServer struct {
	url    string
	host   string // host:port
	cmd    *exec.Cmd
	alive  io.Closer     // it ends when this is closed
	exited chan struct{} // closed when it has ended
	log    *harness.Output
}

// servers are those that this test binary has started; TestMain ends them.
var servers struct {
	sync.Mutex
	running []*mlflowServer
	shared  *mlflowServer
}

func TestMain(m *testing.M) {
	harness.PlayWatched(stopping)
	code := m.Run()
	for _, s := range servers.running {
		s.kill()
	}
	os.Exit(code)
}

// python is the interpreter that has mlflow.
func python(t *testing.T) string {
	t.Helper()
	program := filepath.Join(harness.Root(t), ".cache", "mlflow", "bin", "python")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("no MLflow: run testsuite/tracker/install.sh (850 MB into .cache/mlflow): %v", err)
	}
	return program
}

// shared is the server that most tests use, each in an experiment of its own.
func shared(t *testing.T) *mlflowServer {
	t.Helper()
	servers.Lock()
	defer servers.Unlock()
	if servers.shared == nil {
		servers.shared = startMLflow(t)
	}
	servers.shared.ready(t)
	return servers.shared
}

// startMLflow starts a server and does not wait for it: what it is called is known once it is
// ready. It outlives the test.
func startMLflow(t *testing.T) *mlflowServer {
	t.Helper()
	s := &mlflowServer{}
	s.start(t)
	servers.running = append(servers.running, s)
	return s
}

// start starts the server, with an empty database.
func (s *mlflowServer) start(t *testing.T) {
	t.Helper()
	program := python(t)
	dir, err := os.MkdirTemp("", "everfold-mlflow-")
	require.NoError(t, err)
	port := harness.FreePorts(t, 1)[0] // its own until it listens, ten seconds from now
	s.host, s.url, s.log = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d", port), harness.NewOutput()
	// The shell ends its process group, the server and its children, when the server ends, or
	// standard input does: with this process at the latest, however that ends.
	s.cmd = exec.Command("sh", "-c", `{ "$0" "$@" </dev/null; kill -9 0; } & cat >/dev/null; kill -9 0`, program, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--workers", "1",
		"--backend-store-uri", "sqlite:///"+filepath.Join(dir, "mlflow.db"), "--artifacts-destination", filepath.Join(dir, "artifacts"))
	s.cmd.Dir = dir
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true",
		"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children of its own
	s.cmd.WaitDelay = time.Second
	s.alive, err = s.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait() // killed by itself
		close(exited)
	}(s.cmd, s.exited)
}

func (s *mlflowServer) kill() {
	_ = s.alive.Close()
	<-s.exited
	_ = os.RemoveAll(s.cmd.Dir)
}

// ready waits until the server answers. One that has ended is started again, some times:
// somebody else may have taken its port.
func (s *mlflowServer) ready(t *testing.T) {
	t.Helper()
	limit := time.After(patience)
	for starts := 1; ; {
		response, err := http.Get(s.url + "/health")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-limit:
			t.Fatalf("the MLflow server does not answer: %v\n%s", err, s.log)
		case <-s.exited:
			if starts++; starts > 3 {
				t.Fatalf("the MLflow server ends:\n%s", s.log)
			}
			s.kill()
			s.start(t)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// api makes one call, as another client than everfold's would.
func (s *mlflowServer) api(t *testing.T, method, op string, query url.Values, body, out any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(context.Background(), method, s.url+"/api/2.0/mlflow/"+op+"?"+query.Encode(), bytes.NewReader(text))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := unkept.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", op, answer)
	require.NoError(t, json.Unmarshal(answer, out), string(answer))
}

// runPython runs a script with mlflow at hand and returns what it prints.
func runPython(t *testing.T, uri, script string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), append([]string{"-c", script}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "MLFLOW_TRACKING_URI=" + uri,
		"MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true", "PYTHONDONTWRITEBYTECODE=1"}
	var out, trouble strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &trouble
	require.NoError(t, cmd.Run(), "%s", &trouble)
	return out.String()
}
