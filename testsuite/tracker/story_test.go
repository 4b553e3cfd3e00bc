package tracker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/internal/app"
	"everfold/store"
	"everfold/store/local"
	"everfold/testsuite/harness"
)

// halted is what a stopping worker says before it halts every thread of its own: the store has
// acknowledged so many manifests.
const halted = "halted after the last manifest"

func stopping(manifests int64) (app.WorkerOptions, error) {
	return app.WorkerOptions{
		Name: "stopping", Slots: 1, Threads: 1, WrapStore: func(s store.Store) store.Store { return &stoppingStore{Store: s, left: manifests} },
	}, nil
}

type stoppingStore struct {
	store.Store
	left int64
}

func (s *stoppingStore) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	info, err := s.Store.Put(ctx, key, body, cond)
	_, within, _ := strings.Cut(key, "/"+artifact.ArtifactsPrefix)
	if _, _, ok := artifact.ManifestOf(artifact.ArtifactsPrefix + within); ok && err == nil && atomic.AddInt64(&s.left, -1) == 0 {
		fmt.Fprintln(os.Stderr, halted)
		harness.StandStill()
	}
	return info, err
}

// timed are files of a run that hold times of day, durations or attempts.
var timed = regexp.MustCompile(`^(run\.json|artifacts/\w+/\w+\.json|artifacts/model_metrics\.csv|models/\w+/model\.json|predictions/predictions\.json|logs/.*|report/.*)$`)

// results are a run's files but those, and model_metrics.csv without its timings.
func (l *lab) results(run string) map[string]string {
	l.t.Helper()
	s, err := local.Open(l.folder(run))
	require.NoError(l.t, err)
	infos, err := s.List(l.t.Context(), "")
	require.NoError(l.t, err)
	out := map[string]string{"tables": l.tables(run)}
	for _, info := range infos {
		if !timed.MatchString(info.Key) {
			out[info.Key] = l.file(run, info.Key)
		}
	}
	return out
}

const storySpec = `run: night
type: production
data: {uri: %s, id: account_entities_key, time: survival_months, event: is_terminated}
models:
  - {type: cox_ph}
  - {type: coxnet}
  - {type: weibull_aft}
  - {type: gbsa}
  - {type: rsf, trees: 40}
resources: {parallel_fits: 1}
store: {uri: %s}
tracker: {uri: %s, experiment: story, attempts: 2, timeout: 2s, budget: 6s}
`

// Claim: the night that everfold was built for. Five models × five folds are trained in a production
// run; after the 24th fold the tracking server dies and loses its database, then the worker is
// killed, then Temporal's database is deleted. From the folder alone, `starter recover` gives the
// metrics, summary, final model and predictions of an undisturbed run, to the byte but for
// timings, and fits the six folds that were missing and no other. A new tracking server then gets
// everything by one sync.
func TestTheNightItWasBuiltFor(t *testing.T) {
	l := newLab(t)
	data := filepath.Join(l.dir, "customers.csv")
	r := harness.Starter(t, harness.Env{}, "data", "generate", "--rows", "600", "--seed", "3", "--out", data)
	require.Zero(t, r.Exit, r.Stderr)
	write := func(server string) string {
		spec := filepath.Join(l.dir, "night.yaml")
		require.NoError(t, os.WriteFile(spec, []byte(fmt.Sprintf(storySpec, data, l.store(), server)), 0o600))
		return spec
	}
	env := harness.Env{Address: l.server.Address}

	calm := harness.Worker(t, l.server.Address)
	before := harness.StartStarter(t, env, "run", write(shared(t).url), "--json")
	waitLong(t, before)
	require.Zero(t, before.ExitCode(), before.Stderr())
	calm.Stop()
	undisturbed := l.results("night")
	require.NoError(t, os.RemoveAll(l.folder("night")))

	server := startMLflow(t)
	server.ready(t)
	spec := write(server.url)
	self, variable := harness.Watched(t, 24)
	worker := harness.StartProgram(t, harness.Env{Address: l.server.Address, Set: []string{variable}}, self)
	night := harness.StartStarter(t, env, "run", spec, "--json")
	worker.WaitFor(halted)
	server.kill()
	worker.Kill()
	night.Kill()
	l.server.Forget()

	ports := harness.FreePorts(t, 2)
	home := filepath.Join(l.dir, "home")
	require.NoError(t, os.Mkdir(home, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "everfold.lock"), fmt.Appendf(nil, `{"port":%d,"ui_port":%d}`, ports[0], ports[1]), 0o600))
	recovery := harness.StartStarter(t, harness.Env{Home: home}, "recover", l.folder("night"), "--json")
	waitLong(t, recovery)
	require.Zero(t, recovery.ExitCode(), recovery.Stderr())
	var report struct {
		Planned, Intact int
		Execution       struct {
			Result struct{ Trained, Reused int }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(recovery.Stdout()), &report))
	require.Equal(t, []int{30, 24}, []int{report.Planned, report.Intact}, "km among them")
	require.Equal(t, []int{6, 24}, []int{report.Execution.Result.Trained, report.Execution.Result.Reused})
	require.Contains(t, undisturbed, artifact.PredictionsKey)
	require.Equal(t, undisturbed, l.results("night"))

	again := harness.Starter(t, harness.Env{}, "recover", l.folder("night"))
	require.Zero(t, again.Exit, again.Stderr)
	require.Contains(t, again.Stdout, "Written  nothing")
	fresh := shared(t)
	require.Positive(t, l.track("sync", "night", fresh.url, "after").Metrics)
	require.Zero(t, l.track("status", "night", fresh.url, "after").Missing)
}

// waitLong waits for a program that trains.
func waitLong(t *testing.T, p *harness.Process) {
	t.Helper()
	select {
	case <-p.Exited():
	case <-time.After(patience):
		t.Fatalf("still running after %v", patience)
	}
}
