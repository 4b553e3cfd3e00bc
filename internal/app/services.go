package app

import (
	sdkworker "go.temporal.io/sdk/worker"

	"everfold/workflows"
)

// services are the implementations behind one worker's activities.
type services struct {
	stores    *Stores
	data      Data
	logs      *RunLogs
	workflows *workflows.Workflows
}

func newServices(o WorkerOptions) *services {
	stores := &Stores{Wrap: o.WrapStore}
	return &services{
		stores:    stores,
		data:      Data{Allow: o.AllowData},
		logs:      NewRunLogs(stores, o.Name, o.Terminal),
		workflows: &workflows.Workflows{HeartbeatTimeout: o.HeartbeatTimeout},
	}
}

func (s *services) close() { s.logs.Close() }

// register gives a queue's worker what the queue is for.
func (s *services) register(queue string, r sdkworker.Registry) {
	if queue == workflows.QueueWorkflows {
		workflows.Register(r, s.workflows)
		return
	}
}
