package crash

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store/local"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

const (
	runName = "crash"
	// heartbeatTimeout is short, so that a vanished worker is missed soon.
	heartbeatTimeout = 3 * time.Second
	// patience bounds a whole run: crashes cost time-outs, and the machine may be busy.
	patience = 5 * time.Minute
)

// plan is the size of a run: three models, k × repeats folds each.
type plan struct {
	k, repeats  int
	oneWorkflow int // divides runs of more fits than that; 0: the product's own number
	mostLost    int // lost workers, then a fold is given up
}

var (
	small   = plan{k: 3, repeats: 1, mostLost: 2}                 // 9 folds: for points that are reached one by one
	divided = plan{k: 3, repeats: 1, mostLost: 2, oneWorkflow: 1} // the same, fitted by one child a model
	large   = plan{k: 5, repeats: 3, mostLost: maxKills + 1}      // 45 folds: seconds of work to be hit at random
)

// tasks are the planned folds in the order in which they are scheduled.
func (p plan) tasks() []artifact.Task {
	var tasks []artifact.Task
	for _, model := range []string{"cox_ph", "weibull_aft", "km"} {
		for fold := range p.k * p.repeats {
			tasks = append(tasks, artifact.Task{Model: model, Fold: fold})
		}
	}
	return tasks
}

// lab is one run's surroundings: a spec, a store, a journal, and for all but the embedded
// server a Temporal server.
type lab struct {
	t       *testing.T
	plan    plan
	server  *harness.TemporalServer
	env     harness.Env
	spec    string
	store   string // folder of the store
	journal string

	// heartbeat is the timeout of what a worker's workflows schedule from now on. Where no worker vanishes
	// any more it may be long: then none is missed that a busy machine holds up.
	heartbeat time.Duration
}

// newLab makes a lab without a server.
func newLab(t *testing.T, p plan) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{t: t, plan: p, spec: filepath.Join(dir, "spec.yaml"), store: filepath.Join(dir, "store"),
		journal: filepath.Join(dir, "journal.jsonl"), env: harness.Env{Dir: dir}, heartbeat: heartbeatTimeout}
	text := fmt.Sprintf(`run: %s
type: production
data: {uri: %s, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: %d, repeats: %d, seed: 42}
models:
  - {name: cox_ph, type: cox_ph}
  - {name: weibull_aft, type: weibull_aft}
final: {models: [weibull_aft]}
resources: {max_lost_workers: %d}
store: {uri: %s}
`, runName, filepath.Join(harness.Root(t), "examples", "data", "veteran.csv"), p.k, p.repeats, p.mostLost, l.store)
	require.NoError(t, os.WriteFile(l.spec, []byte(text), 0o600))
	return l
}

// newServedLab makes a lab with a Temporal server.
func newServedLab(t *testing.T, p plan) *lab {
	t.Helper()
	l := newLab(t, p)
	l.server = harness.Server(t)
	l.env.Address = l.server.Address
	return l
}

// worker starts an unmodified bin/worker.
func (l *lab) worker() *harness.Process {
	l.t.Helper()
	return harness.Worker(l.t, l.server.Address, "--heartbeat-timeout", l.heartbeat.String())
}

// watched starts a watched worker, with one slot where the trap counts on an order.
func (l *lab) watched(name string, slots int, trap trap) *harness.Process {
	l.t.Helper()
	self, variable := harness.Watched(l.t, watched{Name: name, Journal: l.journal, Slots: slots, Trap: trap,
		Heartbeat: l.heartbeat, OneWorkflow: l.plan.oneWorkflow})
	p := harness.StartProgram(l.t, harness.Env{Address: l.server.Address, Set: []string{variable}}, self)
	p.WaitFor("worker is serving")
	return p
}

func (l *lab) records() records { return readJournal(l.t, l.journal) }

// starter starts `starter run` and waits until the run has been started.
func (l *lab) starter() *harness.Process {
	l.t.Helper()
	p := harness.StartStarter(l.t, l.env, "run", l.spec, "--json")
	p.WaitFor("production/" + runName + " started")
	return p
}

func (l *lab) await(what string, done <-chan struct{}) {
	l.t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		l.t.Fatalf("not in %v: %s", patience, what)
	}
}

// tables are model_metrics.csv without its timings, model_summary.csv, and the files of the
// final model and its predictions, one after another.
type tables struct{ metrics, summary, finals string }

func (l *lab) tables() tables {
	l.t.Helper()
	t := tables{metrics: withoutTimings(l.t, l.file(artifact.MetricsKey)), summary: l.file(artifact.SummaryKey)}
	for _, key := range []string{artifact.ModelKey(finalModel), artifact.CardKey(finalModel), artifact.PredictKey(finalModel),
		artifact.PredictionsKey, artifact.ParquetKey, artifact.OutOfFoldKey} {
		t.finals += l.file(key)
	}
	return t
}

// finalModel is fitted on all rows and predicts.
const finalModel = "weibull_aft"

// finalTask is its fit on all rows.
var finalTask = artifact.Task{Model: finalModel, Fold: artifact.FinalFold}

func (l *lab) file(key string) string {
	l.t.Helper()
	content, err := os.ReadFile(l.path(key))
	require.NoError(l.t, err)
	return string(content)
}

func (l *lab) path(key string) string {
	return filepath.Join(l.store, "production", runName, filepath.FromSlash(key))
}

// withoutTimings empties the two columns that measure time; every other byte stays.
func withoutTimings(t *testing.T, content string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	require.NoError(t, err)
	for i, name := range rows[0] {
		if name == "fit_seconds" || name == "predict_seconds" {
			for _, row := range rows[1:] {
				row[i] = ""
			}
		}
	}
	var out strings.Builder
	require.NoError(t, csv.NewWriter(&out).WriteAll(rows))
	return out.String()
}

// manifests are all manifests in the store: file name to content. A file that vanishes
// while they are read was a temporary one.
func (l *lab) manifests() map[string]string {
	l.t.Helper()
	found := map[string]string{}
	for _, task := range l.plan.tasks() {
		key := artifact.ManifestKey(task.Model, task.Fold)
		content, err := os.ReadFile(l.path(key))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(l.t, err)
		found[key] = string(content)
	}
	return found
}

// requireUntouched: the manifests of before are there, byte for byte.
func (l *lab) requireUntouched(before map[string]string) {
	l.t.Helper()
	now := l.manifests()
	maps.DeleteFunc(now, func(key, _ string) bool { _, old := before[key]; return !old })
	require.Equal(l.t, before, now, "manifests were rewritten")
}

// ofARun are the keys that a finished run may leave.
var ofARun = regexp.MustCompile(`^(run\.json|data/(prepared\.parquet|profile\.json)|folds/fold\d+_(rows|times)\.npy|` +
	`artifacts/(\w+)/\w+_fold\d+(_risk\.npy|_surv\.npy|\.json)|artifacts/(model_metrics|model_summary|ph_tests|metric_details|calibration|calibration_curves|coefficients|model_tests|comparison|selection)\.csv|` +
	`models/\w+/(model\.bin|model\.json|card\.md|predict\.py)|predictions/(predictions\.(csv|parquet|json)|oof\.csv)|report/(index\.html|\w+\.(svg|png))|` +
	`logs/(main|performance|warnings)_.*\.log)$`)

// requireTidy: the store lists the run's objects and nothing else, and the three logs exist.
func (l *lab) requireTidy() {
	l.t.Helper()
	s, err := local.Open(l.store)
	require.NoError(l.t, err)
	folder := artifact.Folder("production", runName) + "/"
	infos, err := s.List(l.t.Context(), "")
	require.NoError(l.t, err)
	logs := map[string]bool{}
	for _, info := range infos {
		key := strings.TrimPrefix(info.Key, folder)
		require.Regexp(l.t, ofARun, key)
		if name, ok := strings.CutPrefix(key, artifact.LogsPrefix); ok {
			kind, _, _ := strings.Cut(name, "_")
			logs[kind] = true
		}
	}
	require.Equal(l.t, []string{"main", "performance", "warnings"}, slices.Sorted(maps.Keys(logs)))
}

// requireAsUndisturbed: the run ended as if nothing had happened.
func (l *lab) requireAsUndisturbed() {
	l.t.Helper()
	whole := l.plan
	whole.oneWorkflow = 0 // unmodified programs do not divide small runs
	require.Equal(l.t, undisturbed(l.t, whole).tables, l.tables())
	require.Len(l.t, l.manifests(), len(l.plan.tasks()))
	l.requireTidy()
}

// reference is an undisturbed run.
type reference struct {
	tables tables
	took   time.Duration // from its start to its end
}

var references harness.Shared[plan, reference]

// undisturbed runs a plan with unmodified programs and without disturbance, once.
func undisturbed(t *testing.T, p plan) reference {
	t.Helper()
	return references.Get(p, func() reference { return runUndisturbed(t, p) })
}

func runUndisturbed(t *testing.T, p plan) reference {
	t.Helper()
	l := newServedLab(t, p)
	l.heartbeat = workflows.DefaultHeartbeatTimeout
	w := l.worker()
	s := l.starter()
	began := time.Now()
	e := harness.Ended(l.t, s, 0)
	r := reference{took: time.Since(began), tables: l.tables()}
	require.Equal(t, len(p.tasks()), e.Result.Trained)
	l.requireTidy()
	w.Kill()
	l.server.Kill()
	return r
}
