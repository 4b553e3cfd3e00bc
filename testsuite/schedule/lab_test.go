package schedule

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
)

// withoutTrain leaves out the queue on which models are fitted: runs start, and wait.
const withoutTrain = "--queues=everfold-workflows,everfold-io"

// lab is a server and a folder with a spec, its data and its store.
type lab struct {
	t      *testing.T
	dir    string
	server *harness.TemporalServer
}

// newLab makes a lab whose spec has more lines.
func newLab(t *testing.T, more string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), server: harness.Server(t)}
	text := `run: night
type: production
data: {uri: veteran.csv, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 2}
models: [{type: cox_ph}]
` + more
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, "night.yaml"), []byte(text), 0o600))
	data, err := os.ReadFile(filepath.Join(harness.Root(t), "examples", "data", "veteran.csv"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, "veteran.csv"), data, 0o600))
	return l
}

func (l *lab) worker(args ...string) *harness.Process {
	l.t.Helper()
	return harness.Worker(l.t, l.server.Address, append(args, "--heartbeat-timeout", "5s")...)
}

// workerWith starts a worker with one more variable.
func (l *lab) workerWith(setting string) {
	l.t.Helper()
	e := harness.Env{Address: l.server.Address, Set: []string{setting}}
	harness.StartProgram(l.t, e, harness.WorkerBinary(l.t)).WaitFor("worker is serving")
}

// starter runs a command to its end and checks its exit code.
func (l *lab) starter(exit int, args ...string) harness.Result {
	l.t.Helper()
	r := harness.Starter(l.t, harness.Env{Address: l.server.Address, Dir: l.dir}, args...)
	require.Equal(l.t, exit, r.Exit, "starter %s\n%s%s", strings.Join(args, " "), r.Stdout, r.Stderr)
	return r
}

// create makes the schedule production/night.
func (l *lab) create(args ...string) {
	l.t.Helper()
	l.starter(0, append([]string{"schedule", "create", "night.yaml"}, args...)...)
}

// onDemand pauses the schedule: it starts what is asked for, and nothing where the test meets the
// time of day of its nights.
func (l *lab) onDemand() {
	l.t.Helper()
	l.starter(0, "schedule", "pause", "production/night")
}

// shown is what `schedule show --json` tells.
type shown struct {
	Paused  bool
	Note    string
	Started int
	Skipped int
	Missed  int
	Next    []struct {
		Due time.Time
		Run string
	}
	Recent []start
}

type start struct {
	Due    time.Time
	Run    string
	Status string
}

func (l *lab) show() shown {
	l.t.Helper()
	var s shown
	require.NoError(l.t, json.Unmarshal([]byte(l.starter(0, "schedule", "show", "production/night", "--json").Stdout), &s))
	return s
}

// until asks until the schedule is as expected. A server that was just restarted may not
// answer for it yet.
func (l *lab) until(what string, expected func(shown) bool) shown {
	l.t.Helper()
	var s shown
	harness.Eventually(l.t, what, func() bool {
		r := harness.Starter(l.t, harness.Env{Address: l.server.Address, Dir: l.dir}, "schedule", "show", "production/night", "--json")
		if r.Exit == 5 {
			return false
		}
		require.Zero(l.t, r.Exit, r.Stderr)
		s = shown{}
		require.NoError(l.t, json.Unmarshal([]byte(r.Stdout), &s))
		return expected(s)
	})
	return s
}

// ended counts the last starts with a status.
func (s shown) ended(status string) (n int) {
	for _, r := range s.Recent {
		if r.Status == status {
			n++
		}
	}
	return n
}

// runs are the names of the runs in the store, which are all whole.
func (l *lab) runs() []string {
	l.t.Helper()
	names := []string{}
	for _, r := range l.listed() {
		require.Equal(l.t, r.Planned, r.Present, r.Run)
		names = append(names, r.Run)
	}
	return names
}

// whole are the runs that have every fold, among those that have not.
func (l *lab) whole() []string {
	l.t.Helper()
	names := []string{}
	for _, r := range l.listed() {
		if r.Planned == r.Present {
			names = append(names, r.Run)
		}
	}
	return names
}

// listedRun is a line of `list --json`.
type listedRun struct {
	Run              string
	Planned, Present int
}

func (l *lab) listed() []listedRun {
	l.t.Helper()
	var all []listedRun
	require.NoError(l.t, json.Unmarshal([]byte(l.starter(0, "list", "--json").Stdout), &all))
	return all
}

// best is the best C-index of a run.
func (l *lab) best(run string) float64 {
	l.t.Helper()
	var board []struct {
		CIndex float64 `json:"cindex_mean"`
	}
	require.NoError(l.t, json.Unmarshal([]byte(l.starter(0, "results", "production/"+run, "--json").Stdout), &board))
	return board[0].CIndex
}

// seeded trains a run by hand, on folds of its own.
func (l *lab) seeded(run string, seed int) {
	l.t.Helper()
	l.starter(0, "run", "night.yaml", "--run", run, "--set", fmt.Sprintf("folds.seed=%d", seed))
}
