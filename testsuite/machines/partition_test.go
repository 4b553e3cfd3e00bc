//go:build linux

package machines

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everfold/artifact"
	"everfold/store"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// missed is how long a machine is not heard of before another one gets its fold: twice the time between
// two heartbeats, since folds that are held all the while must not be missed, however busy this machine is.
const missed = 10 * time.Second

// A machine that is cut off while it fits, from the Temporal server alone or from everything:
// another one takes its fold after the heartbeat timeout. What the first goes on to write, and
// that it reports its fold when it is back, harms nothing: the fold has the second one's
// manifest, every artifact verifies, the tree is that of a run on one machine, and the machine
// works again.
func TestPartition(t *testing.T) {
	t.Parallel()
	want := alone(t)
	for _, c := range []struct {
		from      string
		cut, heal func(m *machine)
	}{
		{"Temporal", func(m *machine) { m.temporal.cut() }, func(m *machine) { m.temporal.heal() }},
		{"everything", (*machine).cut, (*machine).heal},
	} {
		t.Run(c.from, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			heartbeat := missed
			if _, long := harness.Soak(t, 0); long {
				heartbeat = workflows.DefaultHeartbeatTimeout
			}
			l.machine(nil).worker("--queues", "workflows,io", "--heartbeat-timeout", heartbeat.String())
			first, second := l.machine(nil), l.machine(nil)
			zombie := first.watched(watched{Heartbeat: heartbeat, Slots: 1})
			run := l.start(shared, data, boosted)
			victim := first.heldFold()
			c.cut(first)
			last := artifact.Task{Model: "km", Fold: 0} // keeps the run going until the machine is back
			if victim == last {
				last.Fold++
			}
			second.watched(watched{Heartbeat: heartbeat, Slots: 2, Trap: &last})
			harness.Eventually(t, "another machine's manifest", func() bool { return l.writer(victim) == second.name })
			first.let()
			ended := fmt.Sprintf("ended: %s fold %d attempt 1", victim.Model, victim.Fold)
			if c.from == "Temporal" { // it reaches the store still
				zombie.WaitFor(ended)
			}
			healed := time.Now()
			c.heal(first)
			zombie.WaitFor(ended)
			require.Contains(t, zombie.Stderr(), artifact.ManifestKey(victim.Model, victim.Fold)+": "+store.ErrConflict.Error())
			harness.Eventually(t, "the machine asks for work again", func() bool { return l.polledSince(first.name, healed) })
			second.let()
			e := harness.Completed(t, run)
			require.Len(t, e.Retried, 1)
			require.Equal(t, victim, artifact.Task{Model: e.Retried[0].Model, Fold: e.Retried[0].Fold})
			require.Equal(t, 2, e.Retried[0].Attempts)
			require.Equal(t, second.name, l.writer(victim))
			l.requireSound(want, 4*folds)
			require.Zero(t, zombie.Stop())
		})
	}
}

// writer is the worker that a fold's manifest names, "" where there is none.
func (l *lab) writer(task artifact.Task) string {
	l.t.Helper()
	content, _, err := store.ReadAll(l.t.Context(), l.bucket.Store("runs"),
		artifact.Folder("production", runName)+"/"+artifact.ManifestKey(task.Model, task.Fold), 1<<20)
	if err != nil {
		require.ErrorIs(l.t, err, store.ErrNotFound)
		return ""
	}
	var manifest struct{ Worker string }
	require.NoError(l.t, json.Unmarshal(content, &manifest))
	return manifest.Worker
}

// polledSince says whether a worker has asked for fits since then.
func (l *lab) polledSince(name string, then time.Time) bool {
	l.t.Helper()
	described, err := l.server.Client().DescribeTaskQueue(l.t.Context(), workflows.QueueTrain, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	require.NoError(l.t, err)
	for _, p := range described.GetPollers() {
		if p.GetIdentity() == name && p.GetLastAccessTime().AsTime().After(then) {
			return true
		}
	}
	return false
}
