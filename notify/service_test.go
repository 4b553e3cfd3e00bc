package notify

import (
	"errors"
	"net/textproto"
	"testing"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"github.com/stretchr/testify/require"
)

// Each service is given what it has a place for; the title is never lost.
func TestRender(t *testing.T) {
	m := Message{Title: "title", Text: "text", Severity: Info, Key: "key"}
	for name, want := range map[string]struct {
		text   string
		params types.Params
	}{
		mail:        {"text", types.Params{"title": "title"}},
		webhook:     {"text", types.Params{"title": "title"}},
		"slack":     {"title\n\ntext", types.Params{}},
		"teams":     {"title\n\ntext", types.Params{}},
		"pagerduty": {"title\n\ntext", types.Params{"dedup_key": "key", "severity": "info"}},
	} {
		text, params := (&service{name: name}).render(m)
		require.Equal(t, want.text, text, name)
		require.Equal(t, want.params, params, name)
	}
}

// The address that Reach tries is the URL's own, with the port that the service would use.
func TestAddress(t *testing.T) {
	for url, want := range map[string]string{
		"smtp://u:p@mail.example/?from=a@b.c&to=d@e.f":     "mail.example:25",
		"smtp://u:p@mail.example:587/?from=a@b.c&to=d@e.f": "mail.example:587",
		"generic://hook.example/x":                         "hook.example:443",
		"generic://hook.example/x?disabletls=yes":          "hook.example:80",
		"generic://hook.example/x?DisableTLS=yes":          "hook.example:80",
		"generic+http://hook.example/x":                    "hook.example:80",
		"generic+https://[::1]:8443/x":                     "[::1]:8443",
		"ntfy://ntfy.example/topic":                        "",
	} {
		s, err := locate(url)
		require.NoError(t, err, url)
		require.Equal(t, want, s.address(url))
	}
}

// broken is a service that panics.
type broken struct{ types.Service }

func (broken) Send(string, *types.Params) error { panic("a secret") }

// A service that panics takes nothing down and tells nothing; a mail that only parted badly
// was taken; one that never came to its recipients was not.
func TestClassify(t *testing.T) {
	s := &service{name: "slack", sender: broken{}}
	err := s.classify(s.send(Message{}))
	require.ErrorIs(t, err, ErrUnclear)
	require.NotContains(t, err.Error(), "a secret")

	post := &service{name: mail, recipients: 1}
	require.NoError(t, post.classify(errors.New(reachedRecipients+": error closing session: EOF")))
	require.ErrorIs(t, post.classify(errors.New("error getting SMTP client: EOF")), ErrNotSent)
	require.ErrorIs(t, post.classify(errors.New(reachedRecipients+": "+recipientFailed+` "a": EOF`)), ErrUnclear)

	web := &service{name: webhook}
	for text, kind := range map[string]error{
		"got unexpected HTTP status: 503 Service Unavailable":                   ErrNotSent,
		"response status code unexpected: 400 Bad Request":                      ErrNotSent,
		"PagerDuty notification failed: HTTP 429":                               ErrNotSent,
		`Post "https://example:4430/status/x500": EOF`:                          ErrUnclear,
		"read tcp 127.0.0.1:500->127.0.0.1:443: read: connection reset by peer": ErrUnclear,
		"the mail server offers no way: unencrypted connection":                 ErrNotSent,
	} {
		require.ErrorIs(t, web.classify(errors.New(text)), kind, text)
	}
	why, refused := reason(&textproto.Error{Code: 354, Msg: "go on"})
	require.False(t, refused, why)
}

// The forms that docs/OPERATIONS.md shows are ones that the services take.
func TestDocumentedForms(t *testing.T) {
	const id = "11111111-4444-4444-8444-cccccccccccc"
	const key = "0123456789abcdef0123456789abcdef"
	for _, url := range []string{
		"slack://hook:WNA3PBYV6-F20DUQND3RQ-Webc4MAvoacrpPakR8phF0zi@webhook",
		"smtp://user:password@mail.example:587/?from=everfold@example.org&to=team@example.org,lead@example.org",
		"teams://" + id + "@" + id + "/" + key + "/" + id + "/V2extra?host=example.webhook.office.com",
		"teams+https://example.webhook.office.com/webhookb2/" + id + "@" + id + "/IncomingWebhook/" + key + "/" + id + "/V2extra",
		"pagerduty://events.pagerduty.com/" + key,
		"generic+https://hook.example/path?template=json",
	} {
		_, err := locate(url)
		require.NoError(t, err, url)
	}
}
