package rollout

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"everfold/artifact"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// patience bounds a whole run; the machine may be busy.
const patience = 5 * time.Minute

// The long fit takes some seconds, so that a stop after enough of it leaves a checkpoint, and
// there is one: the folds file has one fold.
const long = `
models:
  - {name: gbsa, type: gbsa, trees: 5000, depth: 4}
  - {name: cox_ph, type: cox_ph}
final: {models: [cox_ph]}
`

const short = `
models:
  - {name: cox_ph, type: cox_ph}
  - {name: weibull_aft, type: weibull_aft}
final: {models: [cox_ph]}
`

// lab is a server, a spec, and a store.
type lab struct {
	t      *testing.T
	server *harness.TemporalServer
	env    harness.Env
	spec   string
	store  string
}

func newLab(t *testing.T, models string) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{t: t, server: harness.Server(t), spec: filepath.Join(dir, "spec.yaml"), store: filepath.Join(dir, "store")}
	l.env = harness.Env{Dir: dir, Address: l.server.Address}
	folds := "fold,row\n"
	for row := range 10_000 {
		folds += fmt.Sprintf("0,%d\n", 5*row)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "folds.csv"), []byte(folds), 0o600))
	text := fmt.Sprintf(`run: rollout
type: production
data: {uri: %s, time: time, event: status, categorical: [model]}
preprocess: {rare_level: 0.01}
folds: {file: folds.csv}
resources: {max_lost_workers: 1}
store: {uri: %s}
`, filepath.Join(harness.Root(t), "examples", "data", "hdfail.csv"), l.store)
	require.NoError(t, os.WriteFile(l.spec, []byte(text+models), 0o600))
	return l
}

// worker starts a worker of a program, and waits until it serves.
func (l *lab) worker(program, name string, args ...string) *harness.Process {
	l.t.Helper()
	p := harness.StartProgram(l.t, harness.Env{Address: l.server.Address}, program,
		append(args, "--name", name, "--log-format", "json")...)
	p.WaitFor("worker is serving")
	return p
}

// start starts a run and leaves it alone.
func (l *lab) start(run string, args ...string) {
	l.t.Helper()
	l.command(append([]string{"run", l.spec, "--run", run, "--detach"}, args...)...)
}

// command runs a starter to its good end, and returns what it printed.
func (l *lab) command(args ...string) string {
	l.t.Helper()
	r := harness.Starter(l.t, l.env, args...)
	require.Zero(l.t, r.Exit, r.Stderr)
	return r.Stdout
}

// result waits for the end of a run, which must be a good one.
func (l *lab) result(run string) *workflows.Result {
	l.t.Helper()
	p := harness.StartStarter(l.t, l.env, "watch", "production/"+run, "--json")
	select {
	case <-p.Exited():
	case <-time.After(patience):
		l.t.Fatalf("%s is not over after %v", run, patience)
	}
	require.Zero(l.t, p.ExitCode(), "%s%s", p.Stdout(), p.Stderr())
	var e struct{ Result *workflows.Result }
	require.NoError(l.t, json.Unmarshal([]byte(p.Stdout()), &e))
	return e.Result
}

// status is what `starter status --json` tells.
type status struct {
	Status  string
	Retries []struct{ Reason string }
	Version *struct {
		Deployment string
		BuildID    string `json:"build_id"`
		Missing    []string
		Do         string
	}
}

func (l *lab) status(run string) status {
	l.t.Helper()
	var s status
	require.NoError(l.t, json.Unmarshal([]byte(l.command("status", "production/"+run, "--json")), &s))
	return s
}

// enough is the work that a stopped fit does not give away, and some.
const enough = 3 * time.Second / 2

// underWay waits until a worker has the long fit in hand and has done enough of it.
func (l *lab) underWay(run, worker string) {
	l.t.Helper()
	var heard time.Time
	harness.Eventually(l.t, worker+" has done enough of the fit", func() bool {
		if heard.IsZero() && l.fits(run, worker) {
			heard = time.Now()
		}
		return !heard.IsZero() && time.Since(heard) > enough
	})
}

// fits says whether the server has heard from a worker that it gets on with the long fit.
func (l *lab) fits(run, worker string) bool {
	l.t.Helper()
	e, err := l.server.Client().DescribeWorkflowExecution(l.t.Context(), "everfold/production/"+run, "")
	require.NoError(l.t, err)
	for _, a := range e.GetPendingActivities() {
		if a.GetLastWorkerIdentity() != worker || a.GetState() != enumspb.PENDING_ACTIVITY_STATE_STARTED || a.GetHeartbeatDetails() == nil {
			continue
		}
		var f workflows.FitProgress
		require.NoError(l.t, converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &f))
		if f.Model == "gbsa" && f.Stage == "fit" && f.Done > 0 {
			return true
		}
	}
	return false
}

// worth are all bytes of a run that its spec and data decide: payloads, models, predictions,
// tables without their timings.
func (l *lab) worth(run string) map[string]string {
	l.t.Helper()
	folder := filepath.Join(l.store, "production", run)
	files := map[string]string{}
	for _, pattern := range []string{"artifacts/*/*.npy", "artifacts/model_summary.csv", "models/*/model.bin", "predictions/*.csv"} {
		paths, err := filepath.Glob(filepath.Join(folder, filepath.FromSlash(pattern)))
		require.NoError(l.t, err)
		require.NotEmpty(l.t, paths, pattern)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			require.NoError(l.t, err)
			files[strings.TrimPrefix(path, folder)] = string(content)
		}
	}
	return files
}

// manifest is what a fold's manifest says about how it came to be.
type manifest struct {
	Attempt int
	Worker  string
}

func (l *lab) manifest(run, model string) (m manifest) {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.store, "production", run, filepath.FromSlash(artifact.ManifestKey(model, 0))))
	require.NoError(l.t, err)
	require.NoError(l.t, json.Unmarshal(content, &m))
	return m
}

// versions are the algorithm versions that a run was planned under.
func (l *lab) versions(run string) (v artifact.Versions) {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.store, "production", run, artifact.RunKey))
	require.NoError(l.t, err)
	var doc struct{ Versions *artifact.Versions }
	doc.Versions = &v
	require.NoError(l.t, json.Unmarshal(content, &doc))
	return v
}

// requireWorth: a run has the bytes that it has undisturbed.
func (l *lab) requireWorth(run, models string) {
	l.t.Helper()
	want, got := undisturbed(l.t, models).worth, l.worth(run)
	for name, content := range want {
		require.True(l.t, content == got[name], "%s differs", name) // not Equal: they are long
	}
	require.Len(l.t, got, len(want))
}

// reference is an undisturbed run by the present worker.
type reference struct {
	worth    map[string]string
	versions artifact.Versions
}

var references harness.Shared[string, reference]

func undisturbed(t *testing.T, models string) reference {
	t.Helper()
	return references.Get(models, func() reference { return runUndisturbed(t, models) })
}

func runUndisturbed(t *testing.T, models string) reference {
	t.Helper()
	l := newLab(t, models)
	w := l.worker(harness.WorkerBinary(t), "undisturbed")
	l.start("rollout")
	l.result("rollout")
	r := reference{l.worth("rollout"), l.versions("rollout")}
	w.Kill()
	l.server.Kill()
	return r
}

// line is a record of a worker's standard error.
type line struct {
	Time                  time.Time
	Msg                   string
	Model                 string
	Finished, Interrupted int
}

func lines(t *testing.T, p *harness.Process) (all []line) {
	t.Helper()
	for text := range strings.Lines(p.Stderr()) {
		var l line
		if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "\n") { // what has no end yet is on its way
			require.NoError(t, json.Unmarshal([]byte(text), &l), text)
			all = append(all, l)
		}
	}
	return all
}
