package tracker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everfold/testsuite/harness"
	"everfold/workflows"
)

// never: a fault lasts until the run is over.
const never = fits + 1

// cases are what goes wrong between two fits of a run; from 0 is before the run starts.
var cases = []struct {
	name     string
	fault    fault
	from, to int
}{
	{"down-then-up", away, 0, 8},
	{"lost-then-back", away, 4, 9},
	{"lost-for-good", away, 5, never},
	{"status-500", answer(500, `{"error_code":"INTERNAL_ERROR","message":"(sqlite3.OperationalError) database or disk is full"}`), 0, never},
	{"status-429", answer(429, `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow down"}`, "Retry-After", "1"), 3, never},
	{"host-check", answer(403, "Invalid Host header - possible DNS rebinding attack detected"), 0, never},
	{"html", answer(200, "<html>Sign in</html>", "Content-Type", "text/html"), 3, never},
	{"redirect", answer(302, "", "Location", "https://login.example/"), 0, never},
	{"hang", hang, 3, never},
	{"cut", cut, 0, never},
	{"expired-token", answer(401, "token expired"), 6, never},
}

const (
	// bounded is for faults that are seen at once, brief for the one that takes the timeout.
	bounded = `{"uri":%q,"experiment":%q,"attempts":2,"timeout":"10s","budget":"40s"}`
	brief   = `{"uri":%q,"experiment":%q,"attempts":2,"timeout":"1s","budget":"4s"}`
	// patient is for runs whose last call must succeed, however busy the machine is.
	patient = `{"uri":%q,"experiment":%q,"attempts":2,"timeout":"30s","budget":"3m"}`
)

// Claim: whatever goes wrong with the server, and whenever, all folds are fitted, the tables
// have the bytes of a run without tracker, the run is told of the trouble, and the server
// holds everything in the end: by itself where it came back in time, else by one track sync,
// after which another changes nothing. Nothing is synchronized by hand while runs load the
// server.
func TestFaults(t *testing.T) {
	server, l := shared(t), newLab(t)
	l.serve()
	reference := l.start("reference", `{"uri":"off"}`)
	l.end(reference)
	want := l.tables("reference")
	t.Logf("without tracker: %.1f s", l.took(reference).Seconds())
	const experiment = "faults"
	nowhere := fmt.Sprintf("http://127.0.0.1:%d", harness.FreePorts(t, 1)[0])
	absent := l.start("never-there", fmt.Sprintf(bounded, nowhere, experiment))
	proxies, runs, felt := map[string]*proxy{}, map[string]client.WorkflowRun{}, map[string]chan struct{}{}
	ended := t.Context().Done()
	for _, c := range cases {
		p := newProxy(t, server.url)
		known := make(chan struct{})
		proxies[c.name], felt[c.name] = p, known
		if c.from == 0 {
			p.set(c.fault)
		}
		l.during(c.name, func(n int) {
			switch n {
			case c.from:
				p.set(c.fault)
			case c.to:
				select { // not before the run knows of the fault
				case <-known:
				case <-ended:
				}
				p.set(nil)
			}
		})
		spec := bounded
		switch {
		case c.to != never:
			spec = patient
		case c.name == "hang":
			spec = brief
		}
		runs[c.name] = l.start(c.name, fmt.Sprintf(spec, p.url, experiment))
	}
	for _, c := range cases {
		if c.to != never {
			l.knows(runs[c.name], "of the fault", func(t *workflows.Tracking) bool { return t.Failures > 0 })
			close(felt[c.name])
		}
	}
	results := map[string]*workflows.Result{}
	for name, run := range runs {
		results[name] = l.end(run)
	}
	result := l.end(absent)
	t.Logf("never-there: %.1f s, %s", l.took(absent).Seconds(), result.Tracker)
	require.Equal(t, want, l.tables("never-there"))
	l.requireTold("never-there", result, true)
	require.Equal(t, 4, l.track("sync", "never-there", server.url, experiment).Runs)
	l.requireWhole(server, experiment, "never-there")
	for _, c := range cases {
		result := results[c.name]
		t.Logf("%s: %.1f s, %s", c.name, l.took(runs[c.name]).Seconds(), result.Tracker)
		require.Equal(t, want, l.tables(c.name), c.name)
		l.requireTold(c.name, result, c.to == never)
		if c.to == never {
			proxies[c.name].set(nil)
			require.Positive(t, l.track("sync", c.name, proxies[c.name].url, experiment).Missing, c.name)
		}
		l.requireWhole(server, experiment, c.name)
	}
	require.Zero(t, l.track("sync", "hang", server.url, experiment).Missing)
	require.Zero(t, l.track("status", "cut", server.url, experiment).Missing)
}

// requireTold says that result and logs of a run tell of failures, and whether they lasted.
func (l *lab) requireTold(run string, result *workflows.Result, lasted bool) {
	l.t.Helper()
	require.Positive(l.t, result.Tracker.Failures, run)
	require.Equal(l.t, lasted, result.Tracker.State != workflows.TrackingOK, run)
	require.NotEmpty(l.t, result.Warnings, run)
	last := result.Warnings[len(result.Warnings)-1]
	require.True(l.t, strings.HasPrefix(last, "mlflow_error: "), last)
	require.Equal(l.t, lasted, strings.Contains(last, "starter track sync "+l.folder(run)), last)
	require.Contains(l.t, l.logs(run, "warnings"), `"category":"mlflow_error"`)
}

// Claim: when the run is deleted on the server in the middle of training, and when the whole
// database is replaced by an empty one, the run completes with warnings and everything is on
// the server, made anew.
func TestLostOnTheServer(t *testing.T) {
	server, l := shared(t), newLab(t)
	other := startMLflow(t)
	l.serve()
	const experiment = "lost"
	reached, resume := l.hold("deleted", 6) // the run is on the server by then, and not all of it
	run := l.start("deleted", fmt.Sprintf(patient, server.url, experiment))
	reached()
	l.isThere(run)
	for _, runs := range server.held(t, experiment, l.key("deleted")) {
		server.remove(t, runs[0].ID)
	}
	resume()
	result := l.end(run)
	require.Contains(t, strings.Join(result.Warnings, "\n"), "was gone from the server; it was made anew")
	require.Contains(t, l.logs("deleted", "warnings"), `"category":"mlflow_error"`)
	l.requireWhole(server, experiment, "deleted")

	other.ready(t)
	p := newProxy(t, server.url)
	reached, resume = l.hold("replaced", 8)
	run = l.start("replaced", fmt.Sprintf(patient, p.url, experiment))
	reached()
	l.isThere(run)
	p.to(t, other.url)
	resume()
	result = l.end(run)
	require.Contains(t, strings.Join(result.Warnings, "\n"), "was gone from the server; it was made anew")
	l.requireWhole(other, experiment, "replaced")
}
