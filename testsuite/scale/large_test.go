package scale

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"everfold/activities"
	"everfold/artifact"
	"everfold/store/local"
	"everfold/testsuite/harness"
)

// maxEvents is below what the server warns at, for every history of a run.
const maxEvents = 10_000

// Claim: a run of the largest supported layout, 20 models and the baseline of 10 × 10 folds, is
// fitted by one child a model; every history stays below the server's warning; status answers in
// the middle of it and at its end; a second start finds everything complete. (The short form is
// two models and the baseline of 3 folds; workflows/crew_test.go bounds the events of the large.)
func TestLargestLayout(t *testing.T) {
	models, k, repeats, oneWorkflow := twoModels, 3, 1, divide
	if long {
		models, k, repeats, oneWorkflow = nil, 10, 10, 0
		for i := range 20 {
			models = append(models, fmt.Sprintf("cox_%02d", i+1))
		}
	}
	total := (len(models) + 1) * k * repeats
	l := newLab(t, fair...)
	j := &journal{begun: map[string]int{}}
	half := make(chan struct{})
	l.after = func(in activities.FitFoldInput, _ *activities.FitFoldResult) {
		if j.end(in) == total/2 {
			close(half)
		}
	}
	harness.Binaries(t) // built before anything is timed
	l.serve(4, oneWorkflow)
	began := time.Now()
	spec := l.spec("largest", k, repeats, models, "")
	run := l.start("largest", spec)
	<-half
	l.timeStatus("half-way")
	out := l.result(run)
	t.Logf("%d fits in %.0f s; the server has %d MB, the worker %d MB", out.Trained, time.Since(began).Seconds(), memory(l.server.PID()), memory(os.Getpid()))
	require.Equal(t, total, out.Trained)
	l.timeStatus("at the end")
	l.requireHistories(append(models, "km"))
	l.timeStore()

	began = time.Now()
	require.Equal(t, total, l.result(l.start("largest", spec)).Reused)
	t.Logf("started again, everything complete: %.1f s", time.Since(began).Seconds())
}

// timeStatus measures what a person waits for an answer.
func (l *lab) timeStatus(when string) {
	l.t.Helper()
	env := harness.Env{Address: l.server.Address}
	began := time.Now()
	r := harness.Starter(l.t, env, "status", "production/largest")
	person := time.Since(began)
	require.Zero(l.t, r.Exit, r.Stderr)
	began = time.Now()
	document := harness.Starter(l.t, env, "status", "production/largest", "--json")
	l.t.Logf("%s: starter status %d ms, --json %d ms and %d KB, the query alone %d ms", when, person.Milliseconds(),
		time.Since(began).Milliseconds(), len(document.Stdout)>>10, milliseconds(func() { l.progress(idOf("largest")) }))
}

func milliseconds(f func()) int64 {
	began := time.Now()
	f()
	return time.Since(began).Milliseconds()
}

// requireHistories bounds the histories of the run and its children, and says how long they
// take to be read in full, as the Web UI reads them.
func (l *lab) requireHistories(models []string) {
	l.t.Helper()
	ids := []string{idOf("largest")}
	for _, m := range models {
		ids = append(ids, idOf("largest")+"/"+m)
	}
	mostEvents, mostBytes := int64(0), int64(0)
	for i, id := range ids {
		d, err := l.client.DescribeWorkflowExecution(l.t.Context(), id, "")
		require.NoError(l.t, err)
		info := d.GetWorkflowExecutionInfo()
		require.Less(l.t, info.GetHistoryLength(), int64(maxEvents), id)
		if i == 0 {
			l.t.Logf("the run: %d events, %d KB, read in %d ms", info.GetHistoryLength(), info.GetHistorySizeBytes()>>10, milliseconds(func() { l.read(id) }))
			l.t.Log(l.read(id))
			continue
		}
		mostEvents, mostBytes = max(mostEvents, info.GetHistoryLength()), max(mostBytes, info.GetHistorySizeBytes())
	}
	l.t.Logf("its children: at most %d events, %d KB, read in %d ms", mostEvents, mostBytes>>10, milliseconds(func() { l.read(ids[1]) }))
}

// read reads a history in full, and says how often which activity was called and how long these
// calls took.
func (l *lab) read(id string) string {
	l.t.Helper()
	scheduled, started := map[int64]string{}, map[int64]time.Time{}
	count, took := map[string]int{}, map[string]time.Duration{}
	events := l.client.GetWorkflowHistory(l.t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(l.t, err)
		scheduled[e.GetEventId()] = e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		started[e.GetEventId()] = e.GetEventTime().AsTime()
		if a := e.GetActivityTaskCompletedEventAttributes(); a != nil {
			name := scheduled[a.GetScheduledEventId()]
			count[name]++
			took[name] += e.GetEventTime().AsTime().Sub(started[a.GetStartedEventId()])
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		out = append(out, fmt.Sprintf("%d %s in %.1f s", count[name], name, took[name].Seconds()))
	}
	return strings.Join(out, ", ")
}

// timeStore measures what the run costs whoever looks at its folder.
func (l *lab) timeStore() {
	l.t.Helper()
	s, err := local.Open(l.store)
	require.NoError(l.t, err)
	var objects int
	listed := milliseconds(func() {
		infos, err := s.List(l.t.Context(), artifact.Folder("production", "largest")+"/")
		require.NoError(l.t, err)
		objects = len(infos)
	})
	l.t.Logf("%d objects, listed in %d ms; model_metrics.csv %d KB, %d lines", objects, listed,
		len(l.file("largest", artifact.MetricsKey))>>10, strings.Count(l.file("largest", artifact.MetricsKey), "\n"))
}
