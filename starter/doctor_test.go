package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"everfold/internal/app"
	"everfold/testsuite/harness"
	"everfold/testsuite/sinks"
	"everfold/tracker/trackertest"
)

func (f *fakeServer) DescribeTaskQueue(_ context.Context, queue string, _ enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	f.polled++
	out := &workflowservice.DescribeTaskQueueResponse{VersioningInfo: f.routed}
	for range f.workers[queue] {
		out.Pollers = append(out.Pollers, &taskqueuepb.PollerInfo{Identity: "w", LastAccessTime: timestamppb.New(time.Now())})
	}
	for _, version := range f.versioned {
		out.Pollers = append(out.Pollers, &taskqueuepb.PollerInfo{Identity: version, LastAccessTime: timestamppb.New(time.Now()),
			DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "everfold", BuildId: version,
				WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED}})
	}
	return out, nil
}

func (f *fakeServer) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return &workflowservice.ListWorkflowExecutionsResponse{}, nil
}

// current is a server's routing to a version of the deployment everfold.
func current(version string) *taskqueuepb.TaskQueueVersioningInfo {
	return &taskqueuepb.TaskQueueVersioningInfo{CurrentDeploymentVersion: deployed(version)}
}

func deployed(version string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: "everfold", BuildId: version}
}

// Doctor says which version new runs begin on, and finds where that has no worker: what
// then lets them begin is in the line below.
func TestDoctorLooksAtVersions(t *testing.T) {
	t.Chdir(t.TempDir())
	ramped := current("v1")
	ramped.RampingDeploymentVersion, ramped.RampingVersionPercentage = deployed("v2"), 10
	const set = "temporal worker deployment set-current-version --deployment-name everfold "
	for name, tc := range map[string]struct {
		server    fakeServer
		state     string
		found, do string
	}{
		"all well":        {fakeServer{versioned: []string{"v1", "v2"}, routed: current("v2")}, stateOK, "new runs begin on everfold v2; in use: everfold v1, everfold v2", ""},
		"ramping":         {fakeServer{versioned: []string{"v1", "v2"}, routed: ramped}, stateOK, "new runs begin on everfold v1, 10 % of them on everfold v2; ", ""},
		"beside others":   {fakeServer{versioned: []string{"v1"}, workers: served()}, stateOK, "new runs begin on unversioned; ", ""},
		"none is current": {fakeServer{versioned: []string{"v1"}}, stateFailed, "new runs wait for an unversioned worker at everfold-workflows, everfold-train, everfold-io", set + "--build-id v1"},
		"it has left":     {fakeServer{versioned: []string{"v1"}, routed: current("v2")}, stateFailed, "new runs wait for a worker of everfold v2 at everfold-workflows", set + "--build-id v1"},
		"others serve":    {fakeServer{workers: served(), routed: current("v2")}, stateFailed, "new runs wait for a worker of everfold v2 at everfold-workflows", set + "--unversioned"},
	} {
		e := examine(t, &tc.server, nil)
		require.Len(t, e.of("versions"), 1, name)
		require.Equal(t, tc.state, e.of("versions")[0].State, name)
		require.Contains(t, e.of("versions")[0].Found, tc.found, name)
		require.Contains(t, e.of("versions")[0].Do, tc.do, name)
	}
	require.Empty(t, examine(t, &fakeServer{workers: served()}, nil).of("versions"))
}

func served() map[string]int {
	return map[string]int{"everfold-workflows": 1, "everfold-train": 1, "everfold-io": 1}
}

// examined is what `doctor --json` prints.
type examined struct {
	Checks   []finding `json:"checks"`
	ExitCode int       `json:"exit_code"`
}

func (e examined) of(check string) (found []finding) {
	for _, f := range e.Checks {
		if f.Check == check {
			found = append(found, f)
		}
	}
	return found
}

// examine runs `doctor --json` in a folder of its own.
func examine(t *testing.T, server *fakeServer, env map[string]string, args ...string) examined {
	t.Helper()
	i := prepared(server)
	i.program.console.getenv = func(name string) string { return env[name] }
	i.program.services.environ = func() []string {
		settings := []string{"HOME=/x"}
		for name, value := range env {
			settings = append(settings, name+"="+value)
		}
		return settings
	}
	if server == nil {
		i.program.services.dial = func(context.Context) (*link, error) {
			return nil, &app.UnreachableError{Address: "here:1", Namespace: "default", Err: errors.New("refused")}
		}
	}
	code := i.program.main(t.Context(), append([]string{"doctor", "--json"}, args...))
	var e examined
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &e), i.err.String())
	require.Equal(t, e.ExitCode, code, i.err.String())
	for name, value := range env {
		if name == "MLFLOW_TRACKING_URI" {
			continue
		}
		require.NotContains(t, i.out.String()+i.err.String(), value, "a URL is a secret")
	}
	return e
}

// With everything in place every check is ok, the exit code 0, and nothing is sent.
func TestDoctorFindsAllWell(t *testing.T) {
	t.Chdir(t.TempDir())
	hook := sinks.NewWebhook(t, "token")
	e := examine(t, &fakeServer{workers: served()}, map[string]string{"EVERFOLD_NOTIFY_HOOK": hook.URL()})
	for _, f := range e.Checks {
		require.Equal(t, stateOK, f.State, f)
	}
	require.Equal(t, 0, e.ExitCode)
	require.Len(t, e.Checks, 6)
	require.Contains(t, e.of("alerts")[0].Found, "EVERFOLD_NOTIFY_HOOK (generic)")
	require.Empty(t, hook.Messages())
}

// Each thing that is wrong is named, with what to do; one that fails keeps no other from
// being checked.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("outputs", nil, 0o600))
	down := fmt.Sprintf("generic+http://127.0.0.1:%d/token", harness.FreePorts(t, 1)[0])
	e := examine(t, nil, map[string]string{"EVERFOLD_NOTIFY_A": down, "EVERFOLD_NOTIFY_B": "hook"})
	require.Equal(t, exitUnreachable, e.ExitCode)
	require.Contains(t, e.of("temporal")[0].Found, "here:1")
	require.Contains(t, e.of("store")[0].Found, "is a file")
	require.Contains(t, e.of("alerts")[0].Found, "nobody listens")
	require.Contains(t, e.of("alerts")[1].Found, "not a usable shoutrrr URL")
	for _, f := range e.Checks {
		require.Equal(t, f.State == stateOK, f.Do == "", f)
	}

	e = examine(t, &fakeServer{workers: map[string]int{"everfold-workflows": 1}}, nil)
	require.Equal(t, stateOK, e.of("temporal")[0].State)
	require.Contains(t, e.of("workers")[0].Found, "nobody serves everfold-train, everfold-io")
}

// With a spec its store and its alerts are checked: a variable that is missing here may be
// there where the workers run, but not with the embedded worker.
func TestDoctorWithSpec(t *testing.T) {
	dir := t.TempDir()
	spec := filepath.Join(dir, "spec.yaml")
	text := "run: x\ntype: sample\ndata: {uri: x.csv, time: t, event: e}\nnotify: ['${EVERFOLD_NOTIFY_X}']\nstore: {uri: " + dir + "/here}\n"
	require.NoError(t, os.WriteFile(spec, []byte(text), 0o600))
	e := examine(t, &fakeServer{workers: served()}, map[string]string{"EVERFOLD_NOTIFY_OTHER": "x://"}, spec)
	require.Equal(t, 0, e.ExitCode)
	require.Equal(t, []finding{{Check: "alerts", State: stateLook, Found: "EVERFOLD_NOTIFY_X is not set here",
		Do: "set it where the workers run; doctor checks it there"}}, e.of("alerts"))
	require.Contains(t, e.of("store")[0].Found, dir+"/here")

	e = examine(t, &fakeServer{}, nil, spec, "--embedded")
	require.Equal(t, exitUsage, e.ExitCode)
	require.Equal(t, stateLook, e.of("workers")[0].State)
	require.Equal(t, stateFailed, e.of("alerts")[0].State)

	i, code := invoke(&fakeServer{workers: served()}, "doctor", spec, "--set", "folds.k=0")
	require.Equal(t, exitUsage, code, i.err.String())
}

// The tracker is asked as a run would ask it; runs do not need it, so what is wrong with it
// says so. A name that this environment lacks may be there where the workers run.
func TestDoctorAsksTheTracker(t *testing.T) {
	t.Chdir(t.TempDir())
	server := trackertest.NewServer(t)
	env := map[string]string{"MLFLOW_TRACKING_URI": server.URL}
	e := examine(t, &fakeServer{workers: served()}, env)
	require.Equal(t, []finding{{Check: "tracker", State: stateOK, Found: server.URL + " answers"}}, e.of("tracker"))
	env["MLFLOW_TRACKING_URI"] = fmt.Sprintf("http://127.0.0.1:%d", harness.FreePorts(t, 1)[0])
	e = examine(t, &fakeServer{workers: served()}, env)
	require.Equal(t, exitUnreachable, e.ExitCode)
	require.Equal(t, stateFailed, e.of("tracker")[0].State)
	require.Contains(t, e.of("tracker")[0].Do, "starter track sync")

	text := "run: x\ntype: sample\ndata: {uri: x.csv, time: t, event: e}\ntracker: {uri: '${MY_TRACKER}'}\n"
	require.NoError(t, os.WriteFile("spec.yaml", []byte(text), 0o600))
	require.Equal(t, stateLook, examine(t, &fakeServer{workers: served()}, nil, "spec.yaml").of("tracker")[0].State)
	e = examine(t, &fakeServer{workers: served()}, nil, "spec.yaml", "--embedded")
	require.Equal(t, stateFailed, e.of("tracker")[0].State)
	require.Equal(t, exitUsage, e.ExitCode)
}

// People read one line a check, and below it what to do.
func TestDoctorForPeople(t *testing.T) {
	t.Chdir(t.TempDir())
	i, code := invoke(&fakeServer{address: "localhost:7233"}, "doctor")
	require.Equal(t, exitUnreachable, code)
	require.Contains(t, i.out.String(), "ok      temporal  localhost:7233 answers, namespace default\n")
	require.Contains(t, i.out.String(), "failed  workers   nobody serves")
	require.Contains(t, i.out.String(), "→ start a worker")
	require.Contains(t, i.err.String(), "1 of 6 checks failed")
	require.Equal(t, 7, strings.Count(i.out.String(), "\n"))
}

// Claim: of a server that others may reach, wherever its address is from, doctor says what to limit
// workers by; of this machine's own it says nothing.
func TestDoctorSharedServer(t *testing.T) {
	for address, reminds := range map[string]bool{"localhost:7233": false, "127.0.0.1:7233": false, "[::1]:7233": false, "temporal.example:7233": true} {
		found := examine(t, &fakeServer{workers: served(), address: address}, nil).of("limits")
		require.Equal(t, reminds, len(found) == 1, address)
		if reminds {
			require.Equal(t, stateLook, found[0].State)
			require.Contains(t, found[0].Do, "--allow-data")
		}
	}
}
