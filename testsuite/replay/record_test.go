package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"everfold/activities"
	"everfold/config"
	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/tracker/trackertest"
	"everfold/workflows"
)

var (
	record = flag.Bool("record", false, "record the histories of testdata/unreleased and testdata/bad again")
	only   = flag.String("only", "", "with -record: the scenarios whose names begin so, no others")
)

// folder holds data and outputs while histories are recorded. It is in them, so it is the
// same everywhere.
const folder = "/tmp/everfold-replay"

const input = `{"run":"NAME","type":"production",
"data":{"uri":"/tmp/everfold-replay/veteran.csv","time":"time","event":"status","categorical":["trt","celltype","prior"]},
"folds":{"k":3},"models":[{"type":"cox_ph"},{"type":"weibull_aft"}],"store":{"uri":"/tmp/everfold-replay/outputs"}}`

// Claim: every scenario is recorded, and its history shows what its name says. With -record
// all are recorded anew, from a real server and worker running the present workflow code.
func TestRecord(t *testing.T) {
	if *record {
		recordAll(t)
	}
	for _, sc := range scenarios {
		h := shapeOf(read(t, pathOf(unreleased, sc.name)))
		require.Equal(t, sc.ends, h.last, sc.name)
		t.Run(sc.name, func(t *testing.T) { sc.shows(t, h) })
	}
}

func recordAll(t *testing.T) {
	t.Helper()
	require.NoError(t, os.RemoveAll(folder))
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	data, err := os.ReadFile(filepath.Join(harness.Root(t), "examples", "data", "veteran.csv"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "veteran.csv"), data, 0o644))
	for _, name := range []string{unreleased, badFolder} {
		if *only == "" {
			require.NoError(t, os.RemoveAll(filepath.Join("testdata", name)))
		}
		require.NoError(t, os.MkdirAll(filepath.Join("testdata", name), 0o755))
	}
	server := harness.Server(t)
	for _, sc := range scenarios {
		if strings.HasPrefix(sc.name, *only) {
			t.Log(sc.name)
			write(t, pathOf(unreleased, sc.name), newSession(t, server, sc).record(t))
		}
	}
	for _, v := range variants {
		if strings.HasPrefix(v.name, *only) {
			t.Log(v.name)
			write(t, pathOf(badFolder, v.name), newSession(t, server, v.scenario(), v).record(t))
		}
	}
}

// session is the recording of one scenario: a worker that is the product's but for one
// interceptor, and a client.
type session struct {
	interceptor.WorkerInterceptorBase
	scenario
	id      string
	output  string
	client  client.Client
	run     client.WorkflowRun
	changes []interceptor.WorkerInterceptor

	held  chan struct{} // closed when the first fit is held
	acted chan struct{} // closed when the operator has acted
	hold  func()
	mu    sync.Mutex
	count map[string]int
}

func newSession(t *testing.T, server *harness.TemporalServer, sc scenario, changes ...interceptor.WorkerInterceptor) *session {
	t.Helper()
	run := sc.run
	if run == "" {
		run = sc.name
	}
	s := &session{
		scenario: sc, id: "everfold/production/" + run, output: filepath.Join(folder, "outputs", "production", run),
		changes: changes, held: make(chan struct{}), acted: make(chan struct{}), count: map[string]int{},
	}
	s.hold = sync.OnceFunc(func() { close(s.held) })
	var err error
	s.client, err = app.Dial(t.Context(), app.DialOptions{Address: server.Address, Identity: "recorder", Logger: harness.Quiet()})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	s.scenario.run = run
	return s
}

// record runs the scenario to its end and returns its history.
func (s *session) record(t *testing.T) *history.History {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	served := make(chan error, 1)
	go func() {
		served <- app.RunWorker(ctx, s.client, app.WorkerOptions{
			Name: "recorder", Slots: 2, Threads: 1, HeartbeatTimeout: 2 * time.Second,
			Terminal: harness.Quiet().Handler(), Interceptors: append(s.changes, s), OneWorkflow: s.oneWorkflow,
		})
	}()
	text := strings.Replace(input, "NAME", s.scenario.run, 1)
	text = strings.Replace(text, s.replace[0], s.replace[1], 1)
	text = strings.Replace(text, "TRACKER", trackertest.NewServer(t).URL, 1)
	options := client.StartWorkflowOptions{ID: s.id, TaskQueue: workflows.QueueWorkflows}
	if s.scenario.tags {
		options.TypedSearchAttributes = workflows.Attributes(&config.Spec{Run: s.scenario.run, Type: config.Production})
	}
	name := workflows.TrainSurvivalModelsName
	if s.scheduled != "" {
		name, s.id = workflows.ScheduledTrainingName, "everfold/schedule/production/"+s.scenario.run
		options.ID, text = s.id, `{"spec":`+text+s.scheduled+`}`
	}
	run, err := s.client.ExecuteWorkflow(ctx, options, name, json.RawMessage(text))
	require.NoError(t, err)
	if s.damage != nil {
		require.NoError(t, run.Get(ctx, nil))
		s.damage(t, s)
		run, err = s.client.ExecuteWorkflow(ctx, options, workflows.RecoverRunName, json.RawMessage(text))
		require.NoError(t, err)
	}
	s.run = run
	if s.operate != nil {
		<-s.held
		s.operate(t, s)
		close(s.acted)
	}
	if err := run.Get(ctx, nil); err != nil {
		var ended *temporal.WorkflowExecutionError
		require.ErrorAs(t, err, &ended)
	}
	stop()
	require.NoError(t, <-served)
	if s.child != "" {
		run = s.client.GetWorkflow(t.Context(), s.id+"/"+s.child, "")
	}
	return fetch(t, s.client, run)
}

// InterceptActivity puts the scenario's disturbance before every attempt.
func (s *session) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &disturbed{session: s}
	i.Next = next
	return i
}

type disturbed struct {
	interceptor.ActivityInboundInterceptorBase
	session *session
}

func (d *disturbed) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	c := call{activity: info.ActivityType.Name, attempt: info.Attempt, nth: d.session.next(info.ActivityType.Name)}
	if fit, ok := in.Args[0].(activities.FitFoldInput); ok {
		c.FitFoldInput = fit
	}
	if d.session.before != nil {
		if err := d.session.before(ctx, d.session, c); err != nil {
			return nil, err
		}
	}
	return d.Next.ExecuteActivity(ctx, in)
}

func (s *session) next(activity string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[activity]++
	return s.count[activity]
}

// fetch reads an execution's whole history from the server.
func fetch(t *testing.T, c client.Client, run client.WorkflowRun) *history.History {
	t.Helper()
	h := &history.History{}
	events := c.GetWorkflowHistory(t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, event)
	}
	return h
}

// write stores a history. The name of this machine, which sticky queues have in theirs, is
// left out.
func write(t *testing.T, file string, h *history.History) {
	t.Helper()
	content, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	content = bytes.ReplaceAll(content, []byte(`"`+host+":"), []byte(`"recorder:`))
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err = w.Write(content)
	require.NoError(t, errors.Join(err, w.Close()))
	require.NoError(t, os.WriteFile(file, zipped.Bytes(), 0o644))
}

// shape is what scenarios claim about a history.
type shape struct {
	last      enums.EventType
	events    map[enums.EventType]int
	scheduled map[string]int // by activity
	attempts  int32          // the most that an activity needed
	tags      int            // attributes of the run's end
}

func shapeOf(h *history.History) shape {
	s := shape{events: map[enums.EventType]int{}, scheduled: map[string]int{}}
	for _, e := range h.GetEvents() {
		s.last = e.GetEventType()
		s.events[s.last]++
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			s.scheduled[a.GetActivityType().GetName()]++
		}
		if a := e.GetUpsertWorkflowSearchAttributesEventAttributes(); a != nil {
			if _, ok := a.GetSearchAttributes().GetIndexedFields()[workflows.AttributeOutcome]; ok {
				s.tags++
			}
		}
		if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
			s.attempts = max(s.attempts, a.GetAttempt())
		}
	}
	return s
}
