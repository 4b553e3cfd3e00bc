package alerts

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"everfold/testsuite/harness"
	"everfold/testsuite/sinks"
)

// Claim: endpoints that are down, refuse with the secret in their answer, want another
// password, hang or are no URL at all harm no run: it ends with exit code 0 and a warning for
// each, and no secret is in any history, log, artifact or output of a program.
func TestBrokenEndpoints(t *testing.T) {
	t.Parallel()
	echo, hung := sinks.NewWebhook(t, secret), sinks.NewWebhook(t, secret)
	echo.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		http.Error(w, "no such hook: "+r.URL.String(), http.StatusForbidden)
		return false
	}
	release := make(chan struct{})
	hung.Answer = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
	t.Cleanup(func() { close(release) })
	mail := sinks.NewMail(t, "another"+secret)
	l := newLab(t, map[string]string{
		"EVERFOLD_NOTIFY_DOWN": fmt.Sprintf("generic+http://127.0.0.1:%d/%s", harness.FreePorts(t, 1)[0], secret),
		"EVERFOLD_NOTIFY_ECHO": echo.URL(), "EVERFOLD_NOTIFY_HUNG": hung.URL(),
		"EVERFOLD_NOTIFY_MAIL": strings.Replace(mail.URL("a@example.org"), "another", "", 1),
		"EVERFOLD_NOTIFY_NONE": "https://hooks.example/" + secret,
	})
	l.serving(harness.WorkerBinary(t), l.set) // which has the time to find out by itself that one hangs
	r := l.end(l.start(), 0)
	require.Len(t, r.Warnings, 1)
	for _, want := range []string{
		"alert completed did not arrive: AlertNotSent: ", "_DOWN: not sent: nobody listens", "_ECHO: not sent: it answered with HTTP status 403",
		"_HUNG: perhaps sent: no answer in time", "_MAIL: not sent: the mail server answered 4", "_NONE: not a usable shoutrrr URL",
	} {
		require.Contains(t, r.Warnings[0], want)
	}
	require.NotEmpty(t, harness.FilesWith(l.t, l.path("outputs"), "EVERFOLD_NOTIFY_ECHO"), "the logs tell of it")
	l.requireSecret()
}

// requireSecret looks for the secret wherever a run leaves something.
func (l *lab) requireSecret() {
	l.t.Helper()
	c := l.server.Client()
	list, err := c.ListWorkflow(l.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(l.t, err)
	require.NotEmpty(l.t, list.GetExecutions())
	for _, e := range list.GetExecutions() {
		events := c.GetWorkflowHistory(l.t.Context(), e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId(), false,
			enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(l.t, err)
			content, err := proto.Marshal(event)
			require.NoError(l.t, err)
			require.NotContains(l.t, string(content), secret, event.GetEventType())
		}
	}
	for _, p := range l.said {
		require.NotContains(l.t, p.Stdout()+p.Stderr(), secret)
	}
	require.Empty(l.t, harness.FilesWith(l.t, l.dir, secret))
	require.Empty(l.t, harness.FilesWith(l.t, filepath.Dir(l.server.DB), secret), "Temporal's database")
}
