package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"everfold/workflows"
)

// pollerAge is how long after its last poll a worker counts as serving: a poll that finds no
// work lasts a minute.
const pollerAge = 70 * time.Second

// Version is one version of a worker deployment; the zero value stands for workers without.
type Version struct {
	Deployment string `json:"deployment,omitempty"`
	BuildID    string `json:"build_id,omitempty"`
}

// String is "everfold 84f9271a0c42", or "unversioned".
func (v Version) String() string {
	if v == (Version{}) {
		return "unversioned"
	}
	return v.Deployment + " " + v.BuildID
}

// Queue is who serves a task queue, and who is meant to.
type Queue struct {
	Name    string
	Workers map[Version]int // that a server has lately seen, by what they are
	Current Version         // which new runs begin on
	Ramping Version         // which a share of new runs begins on, where Share is above 0
	Share   float32         // in percent
}

// Count is the number of workers of any version.
func (q Queue) Count() int {
	n := 0
	for _, workers := range q.Workers {
		n += workers
	}
	return n
}

// Versions are those with workers, in order.
func (q Queue) Versions() []Version {
	return slices.SortedFunc(maps.Keys(q.Workers), func(a, b Version) int { return strings.Compare(a.String(), b.String()) })
}

// Targets are the versions that new runs begin on.
func (q Queue) Targets() []Version {
	if q.Share > 0 && q.Ramping != q.Current {
		return []Version{q.Current, q.Ramping}
	}
	return []Version{q.Current}
}

// Serving asks a server who has lately polled each task queue, in the order of Queues.
func Serving(ctx context.Context, c client.Client) ([]Queue, error) {
	var queues []Queue
	for _, name := range Queues() {
		kind := enumspb.TASK_QUEUE_TYPE_ACTIVITY
		if name == workflows.QueueWorkflows {
			kind = enumspb.TASK_QUEUE_TYPE_WORKFLOW
		}
		described, err := c.DescribeTaskQueue(ctx, name, kind)
		if err != nil {
			return nil, fmt.Errorf("describe task queue %s: %w", name, err)
		}
		routed := described.GetVersioningInfo()
		queues = append(queues, Queue{
			Name: name, Workers: countWorkers(described.GetPollers()), Current: versionOf(routed.GetCurrentDeploymentVersion()),
			Ramping: versionOf(routed.GetRampingDeploymentVersion()), Share: routed.GetRampingVersionPercentage(),
		})
	}
	return queues, nil
}

// countWorkers counts each once, whatever the number of its connections.
func countWorkers(pollers []*taskqueuepb.PollerInfo) map[Version]int {
	type worker struct {
		name string
		Version
	}
	seen, counts := map[worker]bool{}, map[Version]int{}
	for _, p := range pollers {
		if time.Since(p.GetLastAccessTime().AsTime()) >= pollerAge {
			continue
		}
		w := worker{name: p.GetIdentity()}
		if o := p.GetDeploymentOptions(); o.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
			w.Version = Version{o.GetDeploymentName(), o.GetBuildId()}
		}
		if !seen[w] {
			counts[w.Version]++
		}
		seen[w] = true
	}
	return counts
}

func versionOf(v *deploymentpb.WorkerDeploymentVersion) Version {
	return Version{v.GetDeploymentName(), v.GetBuildId()}
}

// PinnedTo is the version that alone may work on an execution; false where it is not pinned,
// as without versions, or before its first step.
func PinnedTo(info *workflowpb.WorkflowExecutionVersioningInfo) (Version, bool) {
	override := info.GetVersioningOverride()
	switch {
	case override.GetPinned() != nil:
		return versionOf(override.GetPinned().GetVersion()), true
	case override != nil: // it follows what is current
		return Version{}, false
	case info.GetBehavior() == enumspb.VERSIONING_BEHAVIOR_PINNED:
		return versionOf(info.GetDeploymentVersion()), true
	}
	return Version{}, false
}
