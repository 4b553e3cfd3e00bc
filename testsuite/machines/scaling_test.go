//go:build linux

package machines

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everfold/activities"
	"everfold/workflows"
)

// BenchmarkMachines measures how the wall time of a run falls with the number of machines: 40 fits
// that wait a second each, so that the cores of this one are no limit, one at a time a machine. A
// machine has a worker process, a network and a disk of its own; the store is on S3; the Temporal
// server has the settings of deploy/temporal.
//
//	seconds        the run, from its start to its end
//	%              by how much that is more than the waits of one machine's share
//	before-s       until the first fit begins: the table is read, stored and planned
//	after-s        from the end of the last fit: verifying, tables, report
//	ms/fold        what a fold costs beside its wait, in between: the sum of the next two
//	activity-ms    of it inside the activity: the store, and the fit itself
//	between-ms     of it from the end of one to the begin of the next on that machine: the server
//	requests/fold  to S3, of the fits and of all else
func BenchmarkMachines(b *testing.B) {
	for _, n := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("machines=%d", n), func(b *testing.B) {
			l := newLab(b, deployed...)
			for range n {
				l.machine(nil).watched(watched{Slots: 1, Pause: pause})
			}
			total := share{}
			for i := 0; b.Loop(); i++ {
				total.add(l.waits(fmt.Sprintf("waits-%d", i), n))
			}
			total.report(b, float64(b.N), n)
		})
	}
	b.Run("requests", func(b *testing.B) {
		l := newLab(b, deployed...)
		var requests atomic.Int64
		l.machine(func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
			requests.Add(1)
			serve.ServeHTTP(w, r)
		}).watched(watched{Slots: 1, Pause: time.Millisecond})
		for i := 0; b.Loop(); i++ {
			l.waits(fmt.Sprintf("waits-%d", i), 1)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(requests.Load())/waits/float64(b.N), "requests/fold")
	})
}

// deployed are the settings of deploy/temporal.
var deployed = []string{"matching.numTaskqueueWritePartitions=1", "matching.enableFairness=true"}

const (
	waits = 40 // fits of a run
	pause = time.Second
)

// waits runs as many fits on so many machines.
func (l *lab) waits(name string, machines int) share {
	l.t.Helper()
	text := fmt.Sprintf(`{"run":%q,"type":"production","data":{"uri":%q,"time":"time","event":"status","categorical":["celltype"]},
"folds":{"k":5,"repeats":%d},"models":[{"type":"km"}],"store":{"uri":%q}}`, name, data, waits/5, shared)
	options := client.StartWorkflowOptions{ID: "everfold/production/" + name, TaskQueue: workflows.QueueWorkflows}
	run, err := l.server.Client().ExecuteWorkflow(l.t.Context(), options, workflows.TrainSurvivalModelsName, json.RawMessage(text))
	require.NoError(l.t, err)
	var result workflows.Result
	require.NoError(l.t, run.Get(l.t.Context(), &result))
	require.Equal(l.t, waits, result.Trained)
	return l.shareOf(run, machines)
}

// share is where the time of one machine goes; of several, their mean.
type share struct{ whole, before, after, inside, between time.Duration }

func (s *share) add(o share) {
	s.whole, s.before, s.after = s.whole+o.whole, s.before+o.before, s.after+o.after
	s.inside, s.between = s.inside+o.inside, s.between+o.between
}

func (s share) report(b *testing.B, runs float64, machines int) {
	folds := waits / float64(machines)
	ideal := folds * pause.Seconds()
	ms := func(d time.Duration) float64 { return 1000 * d.Seconds() / runs / folds }
	b.ReportMetric(0, "ns/op") // leaves it out
	b.ReportMetric(s.whole.Seconds()/runs, "seconds")
	b.ReportMetric(100*(s.whole.Seconds()/runs-ideal)/ideal, "%")
	b.ReportMetric(s.before.Seconds()/runs, "before-s")
	b.ReportMetric(s.after.Seconds()/runs, "after-s")
	b.ReportMetric(ms(s.inside)+ms(s.between), "ms/fold")
	b.ReportMetric(ms(s.inside), "activity-ms")
	b.ReportMetric(ms(s.between), "between-ms")
}

// attempted is one fit in a history.
type attempted struct {
	worker     string
	begun, end time.Time
}

// shareOf reads a run's history.
func (l *lab) shareOf(run client.WorkflowRun, machines int) share {
	l.t.Helper()
	var start, end time.Time
	fits := map[int64]*attempted{} // by the event that scheduled it
	events := l.server.Client().GetWorkflowHistory(l.t.Context(), run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(l.t, err)
		end = e.GetEventTime().AsTime()
		if start.IsZero() {
			start = end
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activities.FitFoldName {
			fits[e.GetEventId()] = &attempted{}
		}
		if a := e.GetActivityTaskStartedEventAttributes(); fits[a.GetScheduledEventId()] != nil {
			fits[a.GetScheduledEventId()].worker, fits[a.GetScheduledEventId()].begun = a.GetIdentity(), end
		}
		if a := e.GetActivityTaskCompletedEventAttributes(); fits[a.GetScheduledEventId()] != nil {
			fits[a.GetScheduledEventId()].end = end
		}
	}
	require.Len(l.t, fits, waits)
	return shareOf(start, end, fits, machines)
}

// shareOf sums what fits took beside their pause, and what was between them, by machine.
func shareOf(start, end time.Time, fits map[int64]*attempted, machines int) share {
	var all []*attempted
	for _, f := range fits {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *attempted) int {
		return cmp.Or(cmp.Compare(a.worker, b.worker), a.begun.Compare(b.begun))
	})
	first, last := all[0].begun, all[0].end
	var inside, between time.Duration
	for i, f := range all {
		inside += f.end.Sub(f.begun) - pause
		if i > 0 && all[i-1].worker == f.worker {
			between += f.begun.Sub(all[i-1].end)
		}
		if f.begun.Before(first) {
			first = f.begun
		}
		if f.end.After(last) {
			last = f.end
		}
	}
	n := time.Duration(machines)
	return share{whole: end.Sub(start), before: first.Sub(start), after: end.Sub(last), inside: inside / n, between: between / n}
}
