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
	Workers map[Version]int // that a server has lately seen, or that have its activities in hand, by what they are
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

// lacks says that workers which have activities in hand may serve the queue, and none of one of some
// versions, else of its targets, is known to.
func (q Queue) lacks(versions []Version) bool {
	if len(versions) == 0 {
		versions = q.Targets()
	}
	return q.Name != workflows.QueueWorkflows && slices.ContainsFunc(versions, func(v Version) bool { return q.Workers[v] == 0 })
}

// Serving asks a server who serves each task queue, in the order of Queues: who has lately polled
// it, or has its activities in hand. It looks longest for workers of some versions, without any for
// those that new runs begin on.
func Serving(ctx context.Context, c client.Client, versions ...Version) ([]Queue, error) {
	var queues []Queue
	seen, unclear := map[string]workers{}, false
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
		seen[name] = polling(described.GetPollers())
		queues = append(queues, Queue{
			Name: name, Workers: seen[name].count(), Current: versionOf(routed.GetCurrentDeploymentVersion()),
			Ramping: versionOf(routed.GetRampingDeploymentVersion()), Share: routed.GetRampingVersionPercentage(),
		})
		q := queues[len(queues)-1]
		unclear = unclear || q.Count() == 0 || q.Current != Version{} || q.Workers[Version{}] < q.Count()
	}
	if !unclear { // each queue has a worker, and which one does not matter
		return queues, nil
	}
	addBusy(ctx, c, seen, func() bool {
		recount(queues, seen)
		return slices.ContainsFunc(queues, func(q Queue) bool { return q.lacks(versions) })
	})
	recount(queues, seen)
	return queues, nil
}

func recount(queues []Queue, seen map[string]workers) {
	for i, q := range queues {
		queues[i].Workers = seen[q.Name].count()
	}
}

type worker struct {
	name string
	Version
}

// workers holds each once, whatever the number of its connections.
type workers map[worker]bool

func (w workers) count() map[Version]int {
	counts := map[Version]int{}
	for one := range w {
		counts[one.Version]++
	}
	return counts
}

// polling are those who have lately polled.
func polling(pollers []*taskqueuepb.PollerInfo) workers {
	seen := workers{}
	for _, p := range pollers {
		if time.Since(p.GetLastAccessTime().AsTime()) >= pollerAge {
			continue
		}
		w := worker{name: p.GetIdentity()}
		if o := p.GetDeploymentOptions(); o.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
			w.Version = Version{o.GetDeploymentName(), o.GetBuildId()}
		}
		seen[w] = true
	}
	return seen
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
