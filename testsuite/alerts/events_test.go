package alerts

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
	"everfold/testsuite/sinks"
)

// Claim: every end of a run is one mail a recipient and one call of the webhook, with the
// run, the event, the failed folds and their reasons, and a command that goes on with the run
// from any folder. A complete run that is started again is no news.
func TestEachEventIsToldOnce(t *testing.T) {
	t.Parallel()
	hook, mail := sinks.NewWebhook(t, secret), sinks.NewMail(t, secret)
	l := newLab(t, map[string]string{"EVERFOLD_NOTIFY_HOOK": hook.URL(), "EVERFOLD_NOTIFY_MAIL": mail.URL("a@example.org", "b@example.org")})
	next := func(title string) posted {
		t.Helper()
		n := len(hook.Messages())
		require.NotZero(t, n)
		require.Len(t, mail.Messages(), 2*n)
		p := read(t, hook.Messages()[n-1])
		require.Equal(t, title, p.Title)
		for _, m := range mail.Messages()[2*n-2:] {
			require.Contains(t, m, "Subject: "+title+"\n")
			require.True(t, strings.HasSuffix(strings.TrimSpace(m), p.Message), "%s\n%s", m, p.Message)
		}
		return p
	}

	require.NoError(t, os.Remove(l.path("veteran.csv")))
	w := l.watched(watched{Fail: "weibull_aft"})
	l.end(l.start(), 2)
	p := next("everfold production/told: failed")
	require.Contains(t, p.Message, "DataInvalid")

	l.copyData()
	l.shell(p.resume(t), 3)
	require.Len(t, hook.Messages(), 2)
	p = next("everfold production/told: partial")
	require.Contains(t, p.Message, "- weibull_aft fold 0: NotConverged: no finite estimate\n- weibull_aft fold 1: NotConverged: no finite estimate\n")
	require.Contains(t, p.Message, "Files: "+l.path("outputs", "production", "told")+"\n")
	require.Contains(t, p.resume(t), "--only-failed")

	w.Stop()
	l.worker()
	l.shell(p.resume(t), 0)
	require.Len(t, hook.Messages(), 3)
	p = next("everfold production/told: completed")
	require.Contains(t, p.Message, "of 6 folds 2 were trained, 0 scored again, 4 reused")

	l.end(l.start(), 0)
	require.Len(t, hook.Messages(), 3, "nothing has happened")
	l.requireSecret()
}

// Claim: a tracker that is down is told of once, with the command that sends what is missing
// later; the run ends as it would have.
func TestTrackerDownIsToldOnce(t *testing.T) {
	t.Parallel()
	hook := sinks.NewWebhook(t, secret)
	l := newLab(t, map[string]string{"EVERFOLD_NOTIFY_HOOK": hook.URL()})
	l.set = append(l.set, fmt.Sprintf("MLFLOW_TRACKING_URI=http://127.0.0.1:%d", harness.FreePorts(t, 1)[0]))
	l.worker()
	l.end(l.start(), 0)
	require.Len(t, hook.Messages(), 2)
	p := read(t, hook.Messages()[0])
	require.Equal(t, "everfold production/told: tracker_down", p.Title)
	require.Equal(t, "starter track sync "+l.path("outputs", "production", "told"), p.resume(t))
	require.Equal(t, "everfold production/told: completed", read(t, hook.Messages()[1]).Title)
}
