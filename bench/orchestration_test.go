package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"

	"everfold/activities"
	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// slots is the number of parallel fits in all of these benchmarks.
const slots = 2

// BenchmarkFold measures what a fold costs beyond its fit: runs of Kaplan–Meier fits, which
// take less than a millisecond. ms/fold is the whole run, from its
// start to its end, divided by its folds; fits-ms/fold leaves out preparing and summarizing; activity-ms is
// how long one FitFold takes, of which slots run at once: what is left waits for the server.
func BenchmarkFold(b *testing.B) {
	for _, repeats := range []int{5, 40} {
		b.Run(fmt.Sprintf("fits=%d", 5*repeats), func(b *testing.B) {
			l := newLab(b)
			l.run(1) // what happens once a worker is not what a fold costs
			var whole, fits, inside []float64
			for b.Loop() {
				r := l.run(repeats)
				n := float64(5 * repeats)
				whole = append(whole, milliseconds(r.whole)/n-r.fitted*1000/n/slots)
				fits = append(fits, milliseconds(r.fits)/n-r.fitted*1000/n/slots)
				inside = append(inside, milliseconds(r.inside)/n)
			}
			report(b, "ms/fold", whole)
			report(b, "fits-ms/fold", fits)
			report(b, "activity-ms", inside)
		})
	}
}

// BenchmarkFiveSecondFits measures by how much a run of 25 fits of five seconds on two slots
// takes longer than the 13 rounds of fits themselves.
func BenchmarkFiveSecondFits(b *testing.B) {
	const n, pause = 25, 5 * time.Second
	const ideal = (n + slots - 1) / slots * pause
	l := newLab(b, &slow{pause: pause})
	var overhead []float64
	for b.Loop() {
		r := l.run(n / 5)
		overhead = append(overhead, 100*(r.whole-ideal).Seconds()/ideal.Seconds())
	}
	report(b, "overhead-%", overhead)
}

// slow makes every fit take longer.
type slow struct {
	interceptor.WorkerInterceptorBase
	pause time.Duration
}

func (s *slow) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &slowed{pause: s.pause}
	i.Next = next
	return i
}

type slowed struct {
	interceptor.ActivityInboundInterceptorBase
	pause time.Duration
}

func (s *slowed) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if activity.GetInfo(ctx).ActivityType.Name == activities.FitFoldName {
		select { // a fit that takes its time
		case <-time.After(s.pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.Next.ExecuteActivity(ctx, in)
}

// lab runs one spec again and again, each time under another name.
type lab struct {
	b      *testing.B
	client client.Client
	store  string // the spec's, in JSON
	runs   int
}

// newLab starts a server and, in this process so that -cpuprofile sees it, what bin/worker
// runs.
func newLab(b *testing.B, interceptors ...interceptor.WorkerInterceptor) *lab {
	b.Helper()
	l := &lab{b: b, client: harness.Server(b).Client(), store: fmt.Sprintf(`{"uri":%q}`, b.TempDir())}
	l.work(app.WorkerOptions{Slots: slots, Interceptors: interceptors})
	return l
}

// work serves until the benchmark ends.
func (l *lab) work(o app.WorkerOptions) {
	l.b.Helper()
	o.Threads, o.Terminal = 1, harness.Quiet().Handler()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- app.RunWorker(ctx, l.client, o) }()
	l.b.Cleanup(func() {
		stop()
		require.NoError(l.b, <-served)
	})
}

// took is how long a run took by its history.
type took struct {
	whole  time.Duration // from its start to its end
	fits   time.Duration // from the first fit scheduled to the last one completed
	inside time.Duration // inside FitFold activities, all folds together
	fitted float64       // seconds inside fit and predict, all folds together
}

const input = `{"run":%q,"type":"production","data":{"uri":%q,"time":"time","event":"status","categorical":["celltype"]},
"folds":{"k":5,"repeats":%d},"models":[{"type":"km"}],"store":%s}`

// run fits 5 × repeats folds.
func (l *lab) run(repeats int) took {
	l.b.Helper()
	l.runs++
	name := fmt.Sprintf("bench-%d", l.runs)
	data := filepath.Join(harness.Root(l.b), "examples", "data", "veteran.csv")
	text := fmt.Sprintf(input, name, data, repeats, l.store)
	options := client.StartWorkflowOptions{ID: "everfold/production/" + name, TaskQueue: workflows.QueueWorkflows}
	run, err := l.client.ExecuteWorkflow(l.b.Context(), options, workflows.TrainSurvivalModelsName, json.RawMessage(text))
	require.NoError(l.b, err)
	var result workflows.Result
	require.NoError(l.b, run.Get(l.b.Context(), &result))
	require.Equal(l.b, 5*repeats, result.Trained)
	return l.measure(run)
}

// measure reads the times from the run's history and its fits' own from the query.
func (l *lab) measure(run client.WorkflowRun) took {
	l.b.Helper()
	var start, end, first, last time.Time
	var inside time.Duration
	scheduled, started := map[int64]bool{}, map[int64]time.Time{}
	events := l.client.GetWorkflowHistory(l.b.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(l.b, err)
		end = e.GetEventTime().AsTime()
		if start.IsZero() {
			start = end
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activities.FitFoldName {
			scheduled[e.GetEventId()] = true
			if first.IsZero() {
				first = end
			}
		}
		if e.GetActivityTaskStartedEventAttributes() != nil {
			started[e.GetEventId()] = end
		}
		if a := e.GetActivityTaskCompletedEventAttributes(); scheduled[a.GetScheduledEventId()] {
			last = end
			inside += end.Sub(started[a.GetStartedEventId()])
		}
	}
	return took{whole: end.Sub(start), fits: last.Sub(first), inside: inside, fitted: l.fitted(run)}
}

func (l *lab) fitted(run client.WorkflowRun) float64 {
	l.b.Helper()
	value, err := l.client.QueryWorkflow(l.b.Context(), run.GetID(), run.GetRunID(), workflows.QueryProgress)
	require.NoError(l.b, err)
	var p workflows.Progress
	require.NoError(l.b, value.Get(&p))
	seconds := 0.0
	for _, m := range p.Models {
		for _, f := range m.Folds {
			seconds += f.Seconds
		}
	}
	return seconds
}
