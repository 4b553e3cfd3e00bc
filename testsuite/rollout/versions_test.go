package rollout

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/internal/app"
	"everfold/testsuite/harness"
)

// withoutTrain are the queues of workers that begin runs and cannot fit: a run is pinned by
// then, and waits as long as it should.
const (
	withoutTrain = "--queues=everfold-workflows,everfold-io"
	onlyTrain    = "--queues=everfold-train"
)

// version starts a worker of the deployment everfold.
func (l *lab) version(program, build, name string, args ...string) *harness.Process {
	l.t.Helper()
	return l.worker(program, name, append(args, "--deployment", "everfold", "--build-id", build)...)
}

// temporal runs a command as the pages show it.
func (l *lab) temporal(command string) string {
	l.t.Helper()
	args := strings.Fields(strings.TrimPrefix(command, "temporal "))
	p := harness.StartProgram(l.t, l.env, harness.Temporal(l.t), args...)
	require.Zero(l.t, p.Wait(), "%s%s", p.Stdout(), p.Stderr())
	return p.Stdout()
}

// current makes a version the one that new runs begin on. The server knows it once its workers
// have polled.
func (l *lab) current(build string) {
	l.t.Helper()
	harness.Eventually(l.t, build+" is current", func() bool {
		p := harness.StartProgram(l.t, l.env, harness.Temporal(l.t), "worker", "deployment", "set-current-version",
			"--deployment-name", "everfold", "--build-id", build, "--yes")
		return p.Wait() == 0
	})
}

// serves waits until the server knows that a version serves every queue. What it does not serve
// is no part of it, and is done by whatever is current there.
func (l *lab) serves(build string) {
	l.t.Helper()
	harness.Eventually(l.t, build+" serves every queue", func() bool {
		p := harness.StartProgram(l.t, l.env, harness.Temporal(l.t), "worker", "deployment", "describe-version",
			"--deployment-name", "everfold", "--build-id", build)
		served := p.Wait() == 0
		for _, queue := range app.Queues() {
			served = served && strings.Contains(p.Stdout(), queue)
		}
		return served
	})
}

// pinned waits until a run has begun on a version.
func (l *lab) pinned(run, build string) {
	l.t.Helper()
	harness.Eventually(l.t, run+" is pinned", func() bool { return l.status(run).Version != nil })
	require.Equal(l.t, build, l.status(run).Version.BuildID)
}

// Claim: a run of a worker deployment ends on the version that it began on, the worker of an
// earlier commit, while new ones begin on the present one once that is current; rolled back,
// they begin on the earlier one again. A run whose version has no worker left stands still, and
// status says so and what moves it: by that command it ends on the present worker.
func TestVersions(t *testing.T) {
	t.Parallel()
	l := newLab(t, short)
	old, now := earlierWorker(t), harness.WorkerBinary(t)
	l.version(old, "v1", "v1", withoutTrain)
	train := l.version(old, "v1", "v1-train", onlyTrain)
	l.serves("v1")
	l.current("v1")
	require.Zero(t, train.Stop())
	l.start("began-on-v1")
	l.pinned("began-on-v1", "v1")

	l.version(now, "v2", "v2")
	l.serves("v2")
	l.current("v2")
	l.start("on-v2")
	l.result("on-v2")
	require.Equal(t, "v2", l.status("on-v2").Version.BuildID)
	require.Equal(t, "v2", l.manifest("on-v2", "cox_ph").Worker)

	train = l.version(old, "v1", "v1-train", onlyTrain)
	l.result("began-on-v1")
	require.Equal(t, "v1-train", l.manifest("began-on-v1", "cox_ph").Worker)

	l.current("v1") // the rollback
	l.start("after-rollback")
	l.result("after-rollback")
	require.Equal(t, "v1-train", l.manifest("after-rollback", "cox_ph").Worker)

	require.Zero(t, train.Stop())
	l.start("left-behind")
	l.pinned("left-behind", "v1")
	l.current("v2")
	l.server.Restart() // which forgets who has polled: a worker is missed after 70 s otherwise
	harness.Eventually(t, "v2 is back", func() bool { return l.status("left-behind").Version.Missing != nil })
	stands := l.status("left-behind").Version
	require.Contains(t, stands.Missing, "everfold-train")
	_, move, found := strings.Cut(stands.Do, "is current: ")
	require.True(t, found, stands.Do)
	l.temporal(move)
	l.result("left-behind")
	require.Equal(t, "v2", l.manifest("left-behind", "cox_ph").Worker)
	for _, run := range []string{"began-on-v1", "on-v2", "after-rollback", "left-behind"} {
		l.requireClean(run)
	}
	l.requireWorth("on-v2", short)
	if l.versions("began-on-v1").Equal(l.versions("on-v2")) {
		l.requireWorth("began-on-v1", short)
	}
}

// Claim: each start by a schedule begins on the version that is current by then, and its run
// with it.
func TestScheduledRunsTakeTheCurrentVersion(t *testing.T) {
	t.Parallel()
	l := newLab(t, short)
	for _, build := range []string{"v1", "v2"} {
		l.version(harness.WorkerBinary(t), build, build)
		l.serves(build)
	}
	l.command("schedule", "create", l.spec, "--cron", "0 0 1 1 *", "--run-template", "rollout-{datetime}")
	for i, build := range []string{"v1", "v2"} {
		l.current(build)
		l.command("schedule", "trigger", "production/rollout")
		var shown struct {
			Recent []struct{ Run, Status string }
		}
		harness.Eventually(t, "the start of "+build+" has ended", func() bool {
			require.NoError(t, json.Unmarshal([]byte(l.command("schedule", "show", "production/rollout", "--json")), &shown))
			ended := 0
			for _, r := range shown.Recent {
				if r.Status == "completed" {
					ended++
				}
			}
			return ended == i+1
		})
		serving := map[string]bool{}
		for _, r := range shown.Recent {
			serving[l.status(strings.TrimPrefix(r.Run, "production/")).Version.BuildID] = true
		}
		require.True(t, serving[build], serving)
		require.Len(t, serving, i+1)
	}
}
