package scale

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everfold/activities"
	"everfold/artifact"
	"everfold/testsuite/harness"
)

// load is how much of everything waits for the same workers.
type load struct {
	runs, repeats, slots int // five folds a repeat
	pause                time.Duration
}

func (l load) folds() int { return 5 * l.repeats }

// journal notes every fit that begins and every one that has ended, in order.
type journal struct {
	mu    sync.Mutex
	begun map[string]int // by run and fold
	ended []string       // the run of each
}

func (j *journal) begin(in activities.FitFoldInput) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun[fmt.Sprintf("%s/%d", in.Run.Run, in.Fold)]++
}

func (j *journal) end(in activities.FitFoldInput) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = append(j.ended, in.Run.Run)
	return len(j.ended)
}

// counts are the fits of each run among the first n that ended.
func (j *journal) counts(n int) map[string]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	counts := map[string]int{}
	for _, run := range j.ended[:n] {
		counts[run]++
	}
	return counts
}

// Claim: runs that are started at once all finish, nothing is lost or done twice, and they take
// turns: no run has ended before every run has a fold.
func TestManyRuns(t *testing.T) {
	size := load{runs: 12, repeats: 1, slots: 4, pause: 50 * time.Millisecond}
	if long {
		size = load{runs: 100, repeats: 5, slots: 50, pause: time.Second}
	}
	l := newLab(t, fair...)
	j := &journal{begun: map[string]int{}}
	started := newGate(nil) // opened once every preparation waits: folds, held below, may have all slots afterwards
	l.prepare = func(ctx context.Context) error { return started.hold(ctx) }
	queued := newGate(nil) // opened once every fold waits for a slot
	l.before = func(ctx context.Context, in activities.FitFoldInput) error {
		j.begin(in)
		if err := queued.before(ctx, in); err != nil {
			return err
		}
		return take(ctx, size.pause)
	}
	total := size.runs * size.folds()
	l.after = func(in activities.FitFoldInput, _ *activities.FitFoldResult) {
		if n := j.end(in); n%(total/4) == 0 {
			t.Logf("%d of %d fits: the server has %d MB, the worker %d MB", n, total, memory(l.server.PID()), memory(os.Getpid()))
		}
	}
	l.serve(size.slots, 0)
	var runs []client.WorkflowRun
	for i := range size.runs {
		name := fmt.Sprintf("many-%03d", i)
		runs = append(runs, l.start(name, l.spec(name, 5, size.repeats, nil, "")))
	}
	l.awaitPending(runs, activities.PrepareDataName, 1)
	started.release()
	l.awaitPending(runs, activities.FitFoldName, size.folds())
	began := time.Now()
	queued.release()
	for i, run := range runs {
		out := l.result(run)
		require.Equal(t, size.folds(), out.Trained)
		metrics := l.file(fmt.Sprintf("many-%03d", i), artifact.MetricsKey)
		require.Equal(t, 1+size.folds(), strings.Count(metrics, "\n"))
	}
	took := time.Since(began)
	require.Len(t, j.begun, total)
	for fold, n := range j.begun {
		require.Equal(t, 1, n, fold)
	}
	ideal := time.Duration(total/size.slots) * size.pause
	t.Logf("%d fits of %v on %d slots: %.1f s, of which %.1f s are fits", total, size.pause, size.slots, took.Seconds(), ideal.Seconds())
	j.report(t, total, size)
	require.Len(t, j.counts(j.firstComplete(size.folds())), size.runs, "a run ended before every run had a fold")
}

// take waits for as long as the fit is to take.
func take(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// awaitPending waits until so many activities of a kind are scheduled in every run.
func (l *lab) awaitPending(runs []client.WorkflowRun, kind string, want int) {
	l.t.Helper()
	for _, run := range runs {
		harness.Eventually(l.t, fmt.Sprintf("%d %s of %s wait", want, kind, run.GetID()), func() bool {
			d, err := l.client.DescribeWorkflowExecution(l.t.Context(), run.GetID(), run.GetRunID())
			require.NoError(l.t, err)
			n := 0
			for _, a := range d.GetPendingActivities() {
				if a.GetActivityType().GetName() == kind {
					n++
				}
			}
			return n == want
		})
	}
}

// firstComplete is after how many fits the first run had all of its.
func (j *journal) firstComplete(folds int) int {
	for n := range j.ended {
		if j.counts(n + 1)[j.ended[n]] == folds {
			return n + 1
		}
	}
	return len(j.ended)
}

// report tells how evenly runs got on: the least, median and most folds of a run at each
// quarter.
func (j *journal) report(t *testing.T, total int, size load) {
	t.Helper()
	for quarter := 1; quarter < 4; quarter++ {
		counts := j.counts(total * quarter / 4)
		var all []int
		for i := range size.runs {
			all = append(all, counts[fmt.Sprintf("many-%03d", i)])
		}
		slices.Sort(all)
		t.Logf("at %d %% of all fits a run has %d to %d of %d, median %d", 25*quarter, all[0], all[len(all)-1], size.folds(), all[len(all)/2])
	}
	t.Logf("the first run was complete after %d of %d fits", j.firstComplete(size.folds()), total)
}

// Claim: a server that is restarted with priorities switched on gives out what was in its
// database before: the embedded server does so with databases of earlier releases.
func TestPrioritiesOnAnEarlierDatabase(t *testing.T) {
	l := newLab(t)
	g := newGate(nil)
	l.before = g.before
	stop := l.serve(1, 0)
	run := l.start("earlier", l.spec("earlier", 3, 1, twoModels, ""))
	harness.Eventually(t, "one fit is held, the others wait in the database", func() bool { return g.holding() == 1 })
	l.awaitPending([]client.WorkflowRun{run}, activities.FitFoldName, 9)
	l.server.Kill()
	l.server.Dynamic = []string{"matching.useNewMatcher=true"}
	l.server.Restart()
	g.release()
	require.Equal(t, 9, l.result(run).Trained)
	stop() // before the server that was started last ends
}
