package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"everfold/config"
	"everfold/workflows"
)

// nightly is a server without schedules, and a spec file to make one of.
func nightly(t *testing.T) (server *fakeServer, spec string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	spec = filepath.Join(dir, "churn.yaml")
	text := "run: churn\ntype: production\ndata: {uri: churn.csv, time: t, event: e}\nmodels: [{type: cox_ph}]\n"
	require.NoError(t, os.WriteFile(spec, []byte(text), 0o600))
	return &fakeServer{schedules: newFakeSchedules(), described: []describeAnswer{running()}}, spec
}

// createArgs is the usual command line of create.
func createArgs(spec string, more ...string) []string {
	return append([]string{"schedule", "create", spec, "--cron", "30 0 * * *", "--timezone", "Europe/Berlin"}, more...)
}

// Claim: create makes a schedule of ScheduledTraining with everything explicit: overlap, a
// catch-up of an hour, a timeout; it says which runs are next.
func TestScheduleCreate(t *testing.T) {
	server, spec := nightly(t)
	i, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code, i.err.String())
	d := server.schedules.all["everfold/production/churn"]
	require.NotNil(t, d)
	action := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.Equal(t, "everfold/schedule/production/churn", action.ID)
	require.Equal(t, workflows.ScheduledTrainingName, action.Workflow)
	require.Equal(t, workflows.QueueWorkflows, action.TaskQueue)
	require.Equal(t, 7*24*time.Hour, action.WorkflowExecutionTimeout)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, d.Schedule.Policy.Overlap)
	require.Equal(t, time.Hour, d.Schedule.Policy.CatchupWindow)
	scheduled, err := config.DecodeScheduled([]byte(plainInput(action)))
	require.NoError(t, err)
	require.Equal(t, config.Template("churn-{date}"), scheduled.RunTemplate)
	require.NoError(t, scheduled.Spec.CheckAbsolute())
	for _, want := range []string{
		"production/churn created", "30 0 * * *, Europe/Berlin", "overlap skip, catch-up 1h, timeout 168h",
		"2026-11-29 00:30 +0100  production/churn-2026-11-29", "production/churn-2026-11-30",
	} {
		require.Contains(t, i.out.String(), want)
	}
}

// Claim: create is idempotent: the same again changes nothing, another setting is an update
// that says what it changed and leaves a pause alone.
func TestScheduleCreateAgain(t *testing.T) {
	server, spec := nightly(t)
	for range 2 {
		_, code := invoke(server, createArgs(spec)...)
		require.Equal(t, 0, code)
	}
	require.Zero(t, server.schedules.updates)
	_, code := invoke(server, "schedule", "pause", "production/churn", "--note", "moving")
	require.Equal(t, 0, code)

	i, code := invoke(server, createArgs(spec, "--overlap", "buffer-one", "--set", "folds.k=3", "--keep", "7", "--json")...)
	require.Equal(t, 0, code, i.err.String())
	var view map[string]any
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &view))
	require.Equal(t, "updated", view["action"])
	require.Equal(t, true, view["paused"])
	require.Equal(t, "moving", view["note"])
	keys := []string{}
	for _, c := range view["changes"].([]any) {
		keys = append(keys, c.(map[string]any)["key"].(string))
	}
	require.Equal(t, []string{"spec", "overlap", "prune"}, keys)
	require.Equal(t, 1, server.schedules.updates)

	i, code = invoke(server, createArgs(spec, "--overlap", "buffer-one", "--set", "folds.k=3", "--keep", "7")...)
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "production/churn unchanged")
	i, code = invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "overlap: buffer-one → skip")
}

// Claim: what cannot be a schedule is refused with exit code 2 before a server is asked,
// what the server refuses, with its reason.
func TestScheduleCreateRefusals(t *testing.T) {
	server, spec := nightly(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"schedule", "create", spec}, "either --cron or --interval"},
		{createArgs(spec, "--interval", "1h"), "either --cron or --interval"},
		{[]string{"schedule", "create", spec, "--cron", "TZ=UTC 0 2 * * *"}, "want five fields"},
		{[]string{"schedule", "create", spec, "--cron", "@every 5m"}, "want five fields"},
		{[]string{"schedule", "create", spec, "--interval", "10ms"}, "want at least 1s"},
		{createArgs(spec, "--overlap", "never"), `--overlap "never" is not known: skip, buffer-one`},
		{createArgs(spec, "--catchup", "1s"), "--catchup 1s: want at least 10s"},
		{createArgs(spec, "--timeout", "-1s"), "--timeout -1s"},
		{createArgs(spec, "--keep", "-1"), "--keep -1"},
		{createArgs(spec, "--max-age", "old"), "no age"},
		{createArgs(spec, "--run-template", "churn"), "has no variable"},
		{createArgs(spec, "--run-template", "{date}"), "--name"},
		{createArgs(spec, "--timezone", "Mars/One"), "no time zone"},
		{createArgs(spec, "--alert-drop", "0.02"), "needs spec.notify"},
		{createArgs(spec, "--set", "store.uri="+spec), "is a file"},
		{[]string{"schedule"}, "needs a command"},
	} {
		i, code := invoke(server, c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, i.err.String(), c.want)
	}
	require.Empty(t, server.schedules.all)
	server.schedules.refuses = serviceerror.NewInvalidArgument("Invalid schedule spec")
	i, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 2, code)
	require.Contains(t, i.err.String(), "refuses schedule production/churn: Invalid schedule spec")
}

// Claim: a schedule whose starts share a run is made, with a warning.
func TestScheduleOfSameRuns(t *testing.T) {
	server, spec := nightly(t)
	i, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	require.NotContains(t, i.out.String(), "warning")
	i, code = invoke(server, createArgs(spec, "--run-template", "churn-{month}")...)
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "several of the next starts are of one run (production/churn-2026-11 …)")
}

// Claim: a schedule on the embedded server says when it is due: only while that is up.
func TestScheduleOnTheEmbeddedServer(t *testing.T) {
	server, spec := nightly(t)
	i := prepared(server)
	i.program.services.embed = func(context.Context, *console) (*link, error) {
		return &link{Client: server, owns: func() bool { return true }}, nil
	}
	require.Equal(t, 0, i.program.main(t.Context(), createArgs(spec, "--embedded")), i.err.String())
	require.Contains(t, i.out.String(), "only while the embedded server runs")
}

// Claim: list shows everfold's schedules and no others; show has the last starts with their
// runs and what became of them.
func TestScheduleListAndShow(t *testing.T) {
	server, spec := nightly(t)
	i, code := invoke(server, "schedule", "list")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "no schedules on this server")

	_, code = invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	other := *server.schedules.all["everfold/production/churn"]
	other.Schedule.Action = &client.ScheduleWorkflowAction{Workflow: "Other"}
	server.schedules.all["everfold/production/other"] = &other
	d := server.schedules.all["everfold/production/churn"]
	d.Info.NumActions, d.Info.NumActionsSkippedOverlap = 1, 2
	d.Info.RecentActions = []client.ScheduleActionResult{{ScheduleTime: nextNight.Add(-24 * time.Hour),
		StartWorkflowResult: &client.ScheduleWorkflowExecution{WorkflowID: "everfold/schedule/production/churn-x", FirstExecutionRunID: "1"}}}

	i, code = invoke(server, "schedule", "list", "--json")
	require.Equal(t, 0, code)
	var all []scheduleLine
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &all))
	require.Len(t, all, 1)
	require.Equal(t, []string{"30 0 * * *"}, all[0].When)
	require.Equal(t, nextNight, *all[0].Next)
	i, _ = invoke(server, "schedule", "list")
	require.Contains(t, i.out.String(), "production/churn")
	require.NotContains(t, i.out.String(), "other")

	i, code = invoke(server, "schedule", "show", "production/churn")
	require.Equal(t, 0, code, i.err.String())
	for _, want := range []string{
		"production/churn active", "1 run started, 2 skipped while another ran, 0 missed",
		"2026-11-28 00:30 +0100  production/churn-2026-11-28  running", "Next     2026-11-29",
	} {
		require.Contains(t, i.out.String(), want)
	}
}

// Claim: each command about a schedule that is not there ends with exit code 4.
func TestScheduleNotFound(t *testing.T) {
	server, _ := nightly(t)
	for _, args := range []string{"show", "pause", "unpause", "trigger", "delete", "backfill --from 2026-11-01 --to 2026-11-02"} {
		words := strings.Fields(args)
		i, code := invoke(server, append([]string{"schedule", words[0], "production/churn"}, words[1:]...)...)
		require.Equal(t, 4, code, args)
		require.Contains(t, i.err.String(), "knows no schedule production/churn")
	}
	_, code := invoke(server, "schedule", "show", "churn")
	require.Equal(t, 2, code)
}

// Claim: pause and unpause keep a note; delete removes the schedule.
func TestSchedulePauseAndDelete(t *testing.T) {
	server, spec := nightly(t)
	_, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	i, code := invoke(server, "schedule", "pause", "production/churn", "--note", "data is moved", "--json")
	require.Equal(t, 0, code)
	require.JSONEq(t, `{"schedule":"production/churn","schedule_id":"everfold/production/churn","action":"pause","note":"data is moved"}`, i.out.String())
	i, _ = invoke(server, "schedule", "show", "production/churn")
	require.Contains(t, i.out.String(), "paused: data is moved")
	i, code = invoke(server, "schedule", "unpause", "production/churn")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "production/churn: unpaused")
	_, code = invoke(server, "schedule", "delete", "production/churn")
	require.Equal(t, 0, code)
	require.Empty(t, server.schedules.all)
}

// Claim: trigger names the run that it started; one that the overlap policy skips is exit
// code 1, not silence.
func TestScheduleTrigger(t *testing.T) {
	server, spec := nightly(t)
	_, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	server.schedules.triggers = func(d *client.ScheduleInfo) {
		d.NumActions++
		d.RecentActions = append(d.RecentActions, client.ScheduleActionResult{ScheduleTime: nextNight})
	}
	i, code := invoke(server, "schedule", "trigger", "production/churn")
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "started 1 run: production/churn-2026-11-29")

	server.schedules.triggers = func(d *client.ScheduleInfo) { d.NumActionsSkippedOverlap++ }
	i, code = invoke(server, "schedule", "trigger", "production/churn")
	require.Equal(t, 1, code)
	require.Contains(t, i.err.String(), "was skipped: another start is running")
	_, code = invoke(server, "schedule", "trigger", "production/churn", "--overlap", "x")
	require.Equal(t, 2, code)
}

// Claim: what a schedule was before the machine stood still for longer than the command waits is not
// what the command ends with: it looks once more.
func TestScheduleTriggerOnHaltingMachine(t *testing.T) {
	server, spec := nightly(t)
	_, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	server.schedules.triggers = func(*client.ScheduleInfo) {}
	synctest.Test(t, func(t *testing.T) {
		server.schedules.looked = 0
		server.schedules.looks = func(n int) {
			if n == 2 { // the first after the trigger
				require.NoError(t, pause(t.Context(), 2*scheduleWait))
				server.schedules.all["everfold/production/churn"].Info.NumActionsSkippedOverlap++
			}
		}
		i, code := invoke(server, "schedule", "trigger", "production/churn")
		require.Equal(t, 1, code, i.out.String())
		require.Contains(t, i.err.String(), "was skipped: another start is running")
	})
}

// Claim: backfill reads dates in the schedule's zone, whole days, or times, and asks for one
// run after the other.
func TestScheduleBackfill(t *testing.T) {
	server, spec := nightly(t)
	_, code := invoke(server, createArgs(spec)...)
	require.Equal(t, 0, code)
	i, code := invoke(server, "schedule", "backfill", "production/churn", "--from", "2026-11-01", "--to", "2026-11-02")
	require.Equal(t, 0, code, i.err.String())
	b := server.schedules.backfill[0]
	require.Equal(t, "2026-11-01T00:00:00+01:00", b.Start.Format(time.RFC3339))
	require.Equal(t, "2026-11-02T23:59:59+01:00", b.End.Format(time.RFC3339))
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, b.Overlap)
	for _, c := range [][]string{{"", "2026-11-01"}, {"2026-11-01", "soon"}, {"2026-11-02", "2026-11-01"}} {
		_, code := invoke(server, "schedule", "backfill", "production/churn", "--from", c[0], "--to", c[1])
		require.Equal(t, 2, code, c)
	}
}

// Claim: the starts of a schedule have search attributes on a server that knows them, and on no
// other.
func TestScheduleTags(t *testing.T) {
	for _, known := range []bool{true, false} {
		server, spec := nightly(t)
		i := prepared(server)
		i.program.services.dial = func(context.Context) (*link, error) {
			return &link{Client: server, tags: func(context.Context) bool { return known }}, nil
		}
		require.Equal(t, 0, i.program.main(t.Context(), createArgs(spec)), i.err.String())
		action := server.schedules.all["everfold/production/churn"].Schedule.Action.(*client.ScheduleWorkflowAction)
		require.Equal(t, known, action.TypedSearchAttributes.Size() > 0)
	}
}

func plainInput(action client.ScheduleAction) string {
	input, _ := inputOf(nil, action)
	return input
}

// Claim: create again gives a schedule from before the search attributes those, once the server
// knows them; a server that cannot tell takes none away.
func TestScheduleTagsLater(t *testing.T) {
	server, spec := nightly(t)
	create := func(known bool, args ...string) string {
		t.Helper()
		i := prepared(server)
		i.program.services.dial = func(context.Context) (*link, error) {
			return &link{Client: server, tags: func(context.Context) bool { return known }}, nil
		}
		require.Equal(t, 0, i.program.main(t.Context(), createArgs(spec, args...)), i.err.String())
		return i.out.String()
	}
	has := func() bool {
		return tagged(server.schedules.all["everfold/production/churn"].Schedule.Action.(*client.ScheduleWorkflowAction))
	}
	create(false)
	require.Contains(t, create(false), "unchanged")
	require.False(t, has())
	require.Contains(t, create(true), "search_attributes: none → those of runs")
	require.True(t, has())
	require.Contains(t, create(true), "unchanged")
	require.Contains(t, create(false), "unchanged")
	require.Contains(t, create(false, "--overlap", "buffer-one"), "overlap: skip → buffer-one")
	require.True(t, has())
	require.Equal(t, 2, server.schedules.updates)
}
