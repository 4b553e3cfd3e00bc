package app

import (
	"cmp"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	sdkworker "go.temporal.io/sdk/worker"

	"everfold/activities"
	"everfold/store"
	"everfold/workflows"
)

// services are the implementations behind one worker's workflows and activities.
type services struct {
	logs       *RunLogs
	workflows  *workflows.Workflows
	activities *activities.Activities
}

func newServices(o WorkerOptions) *services {
	stores := &Stores{Allow: o.Allow, Wrap: func(s store.Store) store.Store {
		if o.WrapStore != nil {
			s = o.WrapStore(s)
		}
		return measure(s, o.Metrics.handler())
	}}
	logs := NewRunLogs(stores, o.Name, o.Terminal)
	return &services{
		logs:      logs,
		workflows: &workflows.Workflows{HeartbeatTimeout: o.HeartbeatTimeout, OneWorkflow: o.OneWorkflow},
		activities: &activities.Activities{
			OpenStore:   stores.Open,
			OpenData:    Data{Allow: o.Allow}.Open,
			CheckSpec:   o.Allow.Check,
			Limits:      o.Limits,
			RunLogger:   logs.Logger,
			OpenTracker: (&Trackers{Allow: o.Allow}).Open,
			Prepared:    preparedFiles(o),
			Cores:       activities.NewCores(max(o.Threads, runtime.GOMAXPROCS(0)), o.Threads),
			Build:       Build().String(),
			Worker:      o.Name,
			Interrupt:   o.interrupt,
		},
	}
}

// preparedFiles are below the user's cache folder unless the options name another; nil where
// there is none, or nothing is to be kept.
func preparedFiles(o WorkerOptions) *activities.PreparedFiles {
	if o.CacheBytes < 0 {
		return nil
	}
	dir := o.Cache
	if dir == "" {
		folder, err := os.UserCacheDir()
		if err != nil {
			return nil
		}
		dir = filepath.Join(folder, "everfold", "prepared")
	}
	kept := &activities.PreparedFiles{Dir: dir, Most: cmp.Or(o.CacheBytes, DefaultCacheBytes)}
	if err := kept.Tidy(); err != nil {
		slog.New(o.Terminal).Warn("prepared tables are left as they are", "error", err)
	}
	return kept
}

// close closes the log files, and gives stores elsewhere so long to take them.
func (s *services) close(limit time.Duration) { s.logs.Close(limit) }

// register gives a queue's worker what the queue is for. Both activity queues know every
// activity: which queue one runs on is decided in workflows/policies.go alone.
func (s *services) register(queue string, r sdkworker.Registry) {
	if queue == workflows.QueueWorkflows {
		workflows.Register(r, s.workflows)
		return
	}
	activities.Register(r, s.activities)
}
