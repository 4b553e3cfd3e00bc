package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
	"everfold/store/local"
	"everfold/tracker/trackertest"
	"everfold/workflows"
)

// trackable is a run folder that nothing was fitted in yet.
func trackable(t *testing.T, tracker string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "production", "tiny")
	spec, err := config.ParseYAML([]byte("run: tiny\ntype: production\ndata: {uri: /d.csv, time: t, event: e}\nmodels: [{type: cox_ph}]\ntracker: {uri: '"+tracker+"', attempts: 1}\n"), "")
	require.NoError(t, err)
	s, err := local.Open(folder)
	require.NoError(t, err)
	run := &artifact.Run{Spec: spec, Created: time.UnixMilli(1_764_360_000_000), Folds: []artifact.FoldInfo{{Index: 0}, {Index: 1}},
		Versions: artifact.Versions{Preprocess: 1, Metric: 1, Models: map[string]int{"cox_ph": 1, "km": 1}}}
	require.NoError(t, artifact.WriteRun(t.Context(), s, run, ""))
	return folder
}

// Claim: track status counts what is missing, track sync sends it, and after that nothing is
// missing; both need no server but the tracker's.
func TestTrack(t *testing.T) {
	server := trackertest.NewServer(t)
	folder := trackable(t, server.URL)
	var report app.TrackReport
	read := func(args ...string) {
		i, code := invoke(nil, append([]string{"track"}, append(args, "--json")...)...)
		require.Equal(t, 0, code, i.err.String())
		report = app.TrackReport{}
		require.NoError(t, json.Unmarshal(i.out.Bytes(), &report))
	}
	read("status", folder)
	require.Equal(t, 3, report.Runs)
	require.Equal(t, 4, report.Planned)
	require.Empty(t, server.Held("everfold.run_key", "production/tiny@2025-11-28T20:00:00.000000000Z", "everfold.model"))
	read("sync", folder)
	require.Equal(t, 3, report.Runs)
	require.Contains(t, report.URL, server.URL)
	require.Len(t, server.Held("everfold.run_key", "production/tiny@2025-11-28T20:00:00.000000000Z", "everfold.model"), 3)
	read("sync", folder)
	require.Zero(t, report.Missing)
	read("status", folder)
	require.Zero(t, report.Missing)
	other := trackertest.NewServer(t)
	read("sync", folder, "--uri", other.URL, "--experiment", "elsewhere")
	require.Equal(t, 3, report.Runs)
	i, _ := invoke(nil, "track", "status", folder)
	require.Contains(t, i.out.String(), "nothing: the server holds all of it")
}

// Claim: what track cannot do has its own exit code and the next step: no run, no server, a
// server that does not answer, one that refuses, an address with a password, no command.
func TestTrackFailures(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "who are you", http.StatusUnauthorized)
	}))
	t.Cleanup(refusing.Close)
	off := trackable(t, "off")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"sync", t.TempDir()}, exitNotFound, "no run in"},
		{[]string{"sync", off}, exitUsage, "--uri http://host:port"},
		{[]string{"status", off, "--uri", refusing.URL}, exitFailed, "no credentials were sent"},
		{[]string{"sync", off, "--uri", "http://me:hush@h"}, exitUsage, "holds a user or password"},
		{nil, exitUsage, "sync or status"},
		{[]string{"sync"}, exitUsage, "needs RUN or DIR"},
	} {
		i, code := invoke(nil, append([]string{"track"}, c.args...)...)
		require.Equal(t, c.code, code, i.err.String())
		require.Contains(t, i.err.String(), c.want)
		require.NotContains(t, i.err.String(), "hush")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	i, code := invoke(nil, "track", "sync", trackable(t, "http://"+gone.Listener.Addr().String()))
	require.Equal(t, exitUnreachable, code, i.err.String())
}

// Claim: status, the lines of a pipe and the bars tell how the tracker is, and a change once.
func TestTrackerShown(t *testing.T) {
	p := tiny()
	p.Tracker = &workflows.Tracking{State: workflows.TrackingQuiet, Server: "http://h", Folds: 3, Calls: 5, Failures: 4, Error: "no answer"}
	server := half()
	server.progress = []workflows.Progress{p}
	i, _ := invoke(server, "status", "production/tiny")
	require.Contains(t, i.out.String(), "quiet, http://h, 3 folds there, 4 of 5 calls failed, the last: no answer")
	require.Equal(t, "unknown", trackerState(nil))
	bars := plainText(frame(runRef{"production", "tiny"}, &snapshot{progress: &p}, nil, size{200, 24}))
	require.Contains(t, bars, "  tracker: "+p.Tracker.String())
	i = &invocation{}
	v := &lines{screen: screen{Writer: &i.out}}
	v.showTracker(&workflows.Tracking{State: workflows.TrackingStarting})
	v.showTracker(&workflows.Tracking{State: workflows.TrackingOK, Server: "http://h"})
	v.showTracker(&workflows.Tracking{State: workflows.TrackingOK, Server: "http://h", Folds: 1})
	v.showTracker(nil)
	require.Equal(t, "tracker: ok, http://h, 0 folds there\n", i.out.String())
}
