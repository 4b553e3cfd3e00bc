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
	url  string
	host string // host:port
	cmd  *exec.Cmd
	log  *harness.Output
}

// servers are those that this test binary has started; TestMain ends them.
var servers struct {
	sync.Mutex
	running []*mlflowServer
	shared  *mlflowServer
}

func TestMain(m *testing.M) {
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

// startMLflow starts a server and does not wait for it. It outlives the test.
func startMLflow(t *testing.T) *mlflowServer {
	t.Helper()
	program := python(t)
	dir, err := os.MkdirTemp("", "everfold-mlflow-")
	require.NoError(t, err)
	port := harness.FreePorts(t, 1)[0]
	s := &mlflowServer{host: fmt.Sprintf("127.0.0.1:%d", port), url: fmt.Sprintf("http://127.0.0.1:%d", port), log: harness.NewOutput()}
	s.cmd = exec.Command(program, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--workers", "1",
		"--backend-store-uri", "sqlite:///"+filepath.Join(dir, "mlflow.db"), "--artifacts-destination", filepath.Join(dir, "artifacts"))
	s.cmd.Dir = dir
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true",
		"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children of its own
	s.cmd.WaitDelay = time.Second
	require.NoError(t, s.cmd.Start())
	servers.running = append(servers.running, s)
	return s
}

func (s *mlflowServer) kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may be gone
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.cmd.Dir)
}

// ready waits until the server answers.
func (s *mlflowServer) ready(t *testing.T) {
	t.Helper()
	limit := time.After(patience)
	for {
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
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", op, answer)
	require.NoError(t, json.Unmarshal(answer, out), string(answer))
}
