package alerts

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
	"everfold/workflows"
)

// secret is in every URL of these tests: as a mail password, in a path, in a header.
const secret = "hush4711hush"

// heartbeatTimeout is short, so that a killed worker is missed soon.
const heartbeatTimeout = 5 * time.Second

// lab is a server, and a folder with a spec, its data and its store.
type lab struct {
	t      *testing.T
	dir    string
	server *harness.TemporalServer
	set    []string // the worker's variables
	said   []*harness.Process
}

// newLab makes a lab with endpoints by the names of their variables. The spec has its store
// in the folder that it is started from, as most have.
func newLab(t *testing.T, endpoints map[string]string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), server: harness.Server(t)}
	var names []string
	for name, url := range endpoints {
		require.Contains(t, url, secret)
		l.set = append(l.set, name+"="+url)
		names = append(names, "'${"+name+"}'")
	}
	text := fmt.Sprintf(`run: told
type: production
data: {uri: veteran.csv, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 2}
models: [{type: cox_ph}, {type: weibull_aft}]
notify: [%s]
`, strings.Join(names, ", "))
	require.NoError(t, os.WriteFile(l.path("told spec.yaml"), []byte(text), 0o600))
	l.copyData()
	return l
}

func (l *lab) path(elements ...string) string {
	return filepath.Join(append([]string{l.dir}, elements...)...)
}

func (l *lab) copyData() {
	l.t.Helper()
	data, err := os.ReadFile(filepath.Join(harness.Root(l.t), "examples", "data", "veteran.csv"))
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(l.path("veteran.csv"), data, 0o600))
}

// worker starts an unmodified bin/worker.
func (l *lab) worker() *harness.Process {
	l.t.Helper()
	return l.serving(harness.WorkerBinary(l.t), l.set, "--heartbeat-timeout", heartbeatTimeout.String())
}

// watched starts a worker that disturbs itself.
func (l *lab) watched(w watched) *harness.Process {
	l.t.Helper()
	self, variable := harness.Watched(l.t, w)
	return l.serving(self, append(l.set[:len(l.set):len(l.set)], variable))
}

func (l *lab) serving(program string, set []string, args ...string) *harness.Process {
	l.t.Helper()
	p := harness.StartProgram(l.t, harness.Env{Address: l.server.Address, Set: set}, program, args...)
	l.said = append(l.said, p)
	p.WaitFor("worker is serving")
	return p
}

// start starts `starter run --json` in the lab's folder.
func (l *lab) start() *harness.Process {
	l.t.Helper()
	p := harness.StartStarter(l.t, harness.Env{Address: l.server.Address, Dir: l.dir}, "run", "told spec.yaml", "--json")
	l.said = append(l.said, p)
	return p
}

// end is how a run ended that was started by start, and what it returned.
func (l *lab) end(p *harness.Process, exit int) *workflows.Result {
	l.t.Helper()
	require.Equal(l.t, exit, p.Wait(), "%s%s", p.Stdout(), p.Stderr())
	var e struct {
		Result *workflows.Result `json:"result"`
	}
	require.NoError(l.t, json.Unmarshal([]byte(p.Stdout()), &e), p.Stdout())
	return e.Result
}

// shell types a command line in another folder, with the starter on the PATH.
func (l *lab) shell(line string, exit int) {
	l.t.Helper()
	r := harness.Typed(l.t, harness.Env{Address: l.server.Address}, line)
	require.Equal(l.t, exit, r.Exit, "%s\n%s%s", line, r.Stdout, r.Stderr)
}

// posted is what a webhook gets.
type posted struct {
	Title   string `json:"title"`
	Message string `json:"message"`
}

func read(t *testing.T, message string) posted {
	t.Helper()
	var p posted
	require.NoError(t, json.Unmarshal([]byte(message), &p))
	return p
}

// resume is the command that a message tells to type.
func (p posted) resume(t *testing.T) string {
	t.Helper()
	_, rest, found := strings.Cut(p.Message, "To go on:\n")
	require.True(t, found, p.Message)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
