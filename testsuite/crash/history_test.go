package crash

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"everfold/activities"
	"everfold/artifact"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

// With Temporal's database kept and the manifests of completed folds deleted, replay alone
// fits none of them again; Summarize then misses them, names them, and only they are fitted
// again.
func TestManifestsDeleted(t *testing.T) {
	t.Parallel()
	l := newServedLab(t, small)
	first := l.watched("first", 1, trap{At: beforeRisk, Nth: 5, Do: kill})
	s := l.starter()
	l.await("the end of the worker", first.Exited())
	var lost []artifact.Task
	// A workflow task that died with the worker holds back what has ended meanwhile, until it is missed.
	harness.Eventually(t, "the history holds folds that are complete", func() bool {
		lost = l.completed()
		return len(lost) > 0
	})
	for _, task := range lost {
		require.NoError(t, os.Remove(l.path(artifact.ManifestKey(task.Model, task.Fold))))
	}
	kept := l.manifests()
	before := len(l.records())

	l.heartbeat = workflows.DefaultHeartbeatTimeout
	l.watched("next", 1, trap{})
	e := harness.Ended(l.t, s, 0)
	l.requireUntouched(kept)
	l.requireAsUndisturbed()
	after := l.records()[before:]
	summarize := slices.IndexFunc(after, func(r record) bool { return r.Activity == activities.SummarizeName })
	require.Positive(t, summarize)
	for _, task := range after[:summarize].tasks() {
		require.NotContains(t, lost, task, "replay has started it again")
	}
	require.ElementsMatch(t, lost, after[summarize:].of(phaseFit).tasks())
	require.ElementsMatch(t, lost, after[summarize:].of(phaseManifest).tasks())
	require.Contains(t, strings.Join(e.Result.Warnings, "\n"), "did not verify and are fitted again")
	require.ElementsMatch(t, lost, l.warnedOf())
}

// completed returns the folds that the history holds completed.
func (l *lab) completed() []artifact.Task {
	l.t.Helper()
	var tasks []artifact.Task
	scheduled := map[int64]string{}
	events := l.server.Client().GetWorkflowHistory(l.t.Context(), "everfold/production/"+runName, "", false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(l.t, err)
		if a := event.GetActivityTaskScheduledEventAttributes(); a != nil {
			scheduled[event.GetEventId()] = a.GetActivityType().GetName()
		}
		a := event.GetActivityTaskCompletedEventAttributes()
		if a == nil || scheduled[a.GetScheduledEventId()] != activities.FitFoldName {
			continue
		}
		var fit activities.FitFoldResult
		require.NoError(l.t, converter.GetDefaultDataConverter().FromPayloads(a.GetResult(), &fit))
		tasks = append(tasks, artifact.Task{Model: fit.Model, Fold: fit.Fold})
	}
	return tasks
}

// warnedOf returns the folds that the run's warning logs name as incomplete.
func (l *lab) warnedOf() []artifact.Task {
	l.t.Helper()
	var tasks []artifact.Task
	for line := range strings.Lines(harness.ReadFiles(l.t, l.path("logs/warnings_*.log"))) {
		var r struct {
			Message string `json:"msg"`
			Model   string `json:"model"`
			Fold    int    `json:"fold"`
		}
		require.NoError(l.t, json.Unmarshal([]byte(line), &r), line)
		if strings.Contains(r.Message, "fold is not complete") {
			tasks = append(tasks, artifact.Task{Model: r.Model, Fold: r.Fold})
		}
	}
	return tasks
}

// With Temporal's database lost half-way, the same command on a new server fits what is
// missing in the store, and nothing else.
func TestDatabaseLost(t *testing.T) {
	t.Parallel()
	l := newServedLab(t, small)
	l.heartbeat = workflows.DefaultHeartbeatTimeout // what the dead worker had in hand is lost with the database
	first := l.watched("first", 1, trap{At: afterManifest, Nth: 4, Do: kill})
	s := l.starter()
	l.await("the end of the worker", first.Exited())
	s.Kill()
	l.server.Forget()
	l.server.Restart()
	complete := l.manifests()
	require.Len(t, complete, 4)
	before := l.records()

	l.watched("next", 1, trap{})
	e := harness.Ended(l.t, l.starter(), 0)
	require.Equal(t, 4, e.Result.Reused)
	require.Equal(t, len(small.tasks())-4, e.Result.Trained)
	l.requireUntouched(complete)
	l.requireAsUndisturbed()
	l.records().requireOneManifestEach(t, small)
	missing := slices.DeleteFunc(small.tasks(), func(task artifact.Task) bool {
		return slices.Contains(before.of(phaseManifest).tasks(), task)
	})
	require.ElementsMatch(t, missing, l.records()[len(before):].of(phaseFit).tasks())
}

// The server of these tests keeps its database in the file that they keep or delete.
func TestDatabaseIsOnDisk(t *testing.T) {
	server := harness.Server(t)
	info, err := os.Stat(server.DB)
	require.NoError(t, err)
	require.Positive(t, info.Size())
}
