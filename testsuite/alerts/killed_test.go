package alerts

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/sinks"
)

// Claim: a worker that is killed anywhere around an alert repeats none: at most one message
// arrives. It is exactly one but where the kill falls between claim and message; the run then
// says so. Another worker ends the run.
func TestKilledWhileTelling(t *testing.T) {
	for _, c := range []struct {
		name string
		at   string
		mail bool
		want int // messages
	}{
		{"before the claim", beforeClaim, false, 1},
		{"between claim and message", afterClaim, false, 0},
		{"between message and record", afterSend, false, 1},
		{"between record and completion", afterRecord, false, 1},
		{"between mail and record", afterSend, true, 1},
		{"between record of mail and completion", afterRecord, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hook, mail := sinks.NewWebhook(t, secret), sinks.NewMail(t, secret)
			url, messages := hook.URL(), hook.Messages
			if c.mail {
				url, messages = mail.URL("a@example.org"), mail.Messages
			}
			l := newLab(t, map[string]string{"EVERFOLD_NOTIFY_TEAM": url})
			first := l.watched(watched{KillAt: c.at})
			s := l.start()
			require.Equal(t, -1, first.Wait(), "the worker did not end by a signal")
			l.worker()
			r := l.end(s, 0)
			require.Len(t, messages(), c.want)
			told := c.at == afterRecord || c.at == beforeClaim
			require.Equal(t, told, len(r.Warnings) == 0, r.Warnings)
			if !told {
				require.Contains(t, r.Warnings[0], "EVERFOLD_NOTIFY_TEAM: perhaps sent: the worker")
			}
		})
	}
}
