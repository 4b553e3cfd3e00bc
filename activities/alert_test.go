package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everfold/artifact"
	"everfold/config"
	"everfold/notify"
	"everfold/store"
)

// hush is in every URL of these tests, and nowhere else.
const hush = "hush-4711"

// phone is what endpoints of a lab answer, by URL, and what they got.
type phone struct {
	mu      sync.Mutex
	answers map[string]error
	calls   []notify.Message
}

func (p *phone) send(_ context.Context, url string, m notify.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, m)
	return p.answers[url]
}

// alertLab is a lab whose endpoints A, B and C are scripted.
func alertLab(t *testing.T) (*lab, *phone) {
	l, p := newLab(t), &phone{answers: map[string]error{}}
	l.a.Send = p.send
	l.a.Getenv = func(name string) string {
		if !strings.HasPrefix(name, "EVERFOLD_NOTIFY_") || strings.HasSuffix(name, "_NONE") {
			return ""
		}
		return "x://" + hush + "/" + name[len(name)-1:]
	}
	return l, p
}

func url(name string) string { return "x://" + hush + "/" + name }

func (l *lab) alert(event Event, start string, names ...string) NotifyInput {
	in := NotifyInput{Run: Ref(l.spec()), Event: event, Start: start, News: News{What: "something"}}
	for _, name := range names {
		in.Endpoints = append(in.Endpoints, "${EVERFOLD_NOTIFY_"+name+"}")
	}
	return in
}

func (l *lab) notify(in NotifyInput) (*NotifyResult, error) {
	l.t.Helper()
	value, err := l.env.ExecuteActivity(NotifyName, in)
	if err != nil {
		return nil, err
	}
	var out NotifyResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

// states are those of a result, in order.
func (r *NotifyResult) states() (all []string) {
	for _, d := range r.Endpoints {
		all = append(all, d.State)
	}
	return all
}

// record is what the store keeps of an alert.
func (l *lab) record(event Event, name string) string {
	l.t.Helper()
	content, _, err := store.ReadAll(l.t.Context(), l.run(), artifact.AlertKey(string(event), "EVERFOLD_NOTIFY_"+name), 1<<20)
	require.NoError(l.t, err)
	require.NotContains(l.t, string(content), hush)
	return string(content)
}

// Every endpoint is told once of one event, whatever the number of attempts and workers;
// another event, and the same of a later start, are told again.
func TestToldOnce(t *testing.T) {
	l, p := alertLab(t)
	for range 3 {
		out, err := l.notify(l.alert(EventFailed, "start-1", "A", "B"))
		require.NoError(t, err)
		require.Equal(t, []string{AlertSent, AlertSent}, out.states())
		l.a.alerts = alertMemory{}
		l.fresh()
	}
	require.Len(t, p.calls, 2)
	require.Contains(t, l.record(EventFailed, "A"), `"state": "sent"`)

	_, err := l.notify(l.alert(EventPartial, "start-1", "A"))
	require.NoError(t, err)
	_, err = l.notify(l.alert(EventFailed, "start-2", "A"))
	require.NoError(t, err)
	require.Len(t, p.calls, 4)
}

// A run that is complete and started again is no news; it is, if nobody was told before.
func TestUnchangedIsToldOnce(t *testing.T) {
	l, p := alertLab(t)
	again := l.alert(EventCompleted, "start-1", "A")
	again.Unchanged = true
	for _, start := range []string{"start-1", "start-2"} {
		again.Start = start
		_, err := l.notify(again)
		require.NoError(t, err)
		require.Len(t, p.calls, 1)
	}
	changed := l.alert(EventCompleted, "start-3", "A")
	_, err := l.notify(changed)
	require.NoError(t, err)
	require.Len(t, p.calls, 2)
}

// Only a message that nobody has is sent again. One that somebody may have is not, nor one
// whose worker was lost while it was sending.
func TestSentAgain(t *testing.T) {
	l, p := alertLab(t)
	p.answers[url("B")] = fmt.Errorf("%w: nobody listens", notify.ErrNotSent)
	p.answers[url("C")] = fmt.Errorf("%w: no answer", notify.ErrUnclear)
	in := l.alert(EventPartial, "start-1", "A", "B", "C")
	_, err := l.notify(in)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ErrAlertNotSent, app.Type())
	require.False(t, app.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category())
	require.Contains(t, app.Message(), "EVERFOLD_NOTIFY_B: not sent: nobody listens")
	require.Contains(t, app.Message(), "EVERFOLD_NOTIFY_C: perhaps sent: no answer")
	require.NotContains(t, err.Error(), hush)
	require.Len(t, p.calls, 3)
	require.Contains(t, l.record(EventPartial, "B"), `"state": "refused"`)
	require.Contains(t, l.record(EventPartial, "C"), `"state": "unclear"`)

	delete(p.answers, url("B"))
	out, err := l.notify(in)
	require.NoError(t, err)
	require.Equal(t, []string{AlertSent, AlertSent, AlertUnclear}, out.states())
	require.Len(t, p.calls, 4)

	lost := strings.Replace(l.record(EventPartial, "A"), `"sent"`, `"sending"`, 1)
	key := artifact.AlertKey(string(EventPartial), "EVERFOLD_NOTIFY_A")
	_, err = store.PutBytes(t.Context(), l.run(), key, []byte(lost), store.Condition{})
	require.NoError(t, err)
	out, err = l.notify(in)
	require.NoError(t, err)
	require.Equal(t, AlertUnclear, out.Endpoints[0].State)
	require.Contains(t, out.Endpoints[0].Reason, "the worker lab was lost while it was sending")
	require.Len(t, p.calls, 4)

	_, err = store.PutBytes(t.Context(), l.run(), key, []byte("not ours"), store.Condition{})
	require.NoError(t, err)
	_, err = l.notify(in)
	require.NoError(t, err)
	require.Len(t, p.calls, 5, "what is no record says nothing")
}

// A variable that is not set, and a URL that is none, are not tried again.
func TestNotTriedAgain(t *testing.T) {
	l, p := alertLab(t)
	p.answers[url("A")] = fmt.Errorf("%w: not complete", notify.ErrURL)
	out, err := l.notify(l.alert(EventFailed, "start-1", "A", "NONE"))
	require.NoError(t, err)
	require.Equal(t, []string{AlertRefused, AlertRefused}, out.states())
	require.Equal(t, []string{"EVERFOLD_NOTIFY_A: not a usable shoutrrr URL: not complete",
		"EVERFOLD_NOTIFY_NONE: not set in the environment of the worker lab"}, out.Troubles())
}

// deaf is a store that does not answer, or loses the race for every write.
type deaf struct {
	store.Store
	err error
}

func (d deaf) Put(context.Context, string, io.Reader, store.Condition) (store.Info, error) {
	return store.Info{}, d.err
}

// That a store is gone is news, too: without it everybody is told, once a process. A claim
// that another worker takes each time is not ours.
func TestAlertsWithoutStore(t *testing.T) {
	l, p := alertLab(t)
	real := l.root
	l.root = deaf{real, fmt.Errorf("put: %w", store.ErrUnavailable)}
	p.answers[url("B")] = notify.ErrNotSent
	in := l.alert(EventFailed, "start-1", "A", "B")
	_, err := l.notify(in)
	require.Error(t, err)
	delete(p.answers, url("B"))
	out, err := l.notify(in)
	require.NoError(t, err)
	require.Equal(t, []string{AlertSent, AlertSent}, out.states())
	require.Len(t, p.calls, 3)

	l.root = deaf{real, fmt.Errorf("put: %w", store.ErrConflict)}
	out, err = l.notify(l.alert(EventFailed, "start-2", "A"))
	require.NoError(t, err)
	require.Equal(t, []string{AlertUnclear}, out.states())
	require.Len(t, p.calls, 3)

	l.a.OpenStore = func(context.Context, config.Store) (store.Store, error) { return nil, errors.New("no such scheme") }
	_, err = l.notify(l.alert(EventFailed, "start-3", "A"))
	require.NoError(t, err)
	require.Len(t, p.calls, 4)
}

// A worker that stops before it has claimed anything sends nothing, and another one does.
func TestAlertInterrupted(t *testing.T) {
	l, p := alertLab(t)
	close(l.stops)
	for { // the stop reaches an attempt a moment after it has begun
		_, err := l.notify(l.alert(EventFailed, "start-1", "A"))
		if err == nil {
			p.calls = nil
			require.NoError(t, l.run().Delete(t.Context(), artifact.AlertKey(string(EventFailed), "EVERFOLD_NOTIFY_A")))
			continue
		}
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, ErrInterrupted, app.Type())
		require.Empty(t, p.calls)
		return
	}
}

// The message has the run, the event, the command, the failed folds with reasons, and where
// to look, the command within what the shortest service keeps.
func TestMessage(t *testing.T) {
	l, _ := alertLab(t)
	in := l.alert(EventPartial, "start-1")
	in.Run.Store.URI = "/out"
	in.News = News{What: "Finished: 1 failed.", Resume: "starter run /x.yaml --only-failed", More: 2,
		Failures: []Trouble{{What: "rsf fold 3", Reason: "PoisonFold: 2 attempts"}}}
	m := in.message()
	require.Equal(t, notify.Message{
		Title: "everfold production/lab: partial", Severity: notify.Warning, Key: "production/lab partial start-1",
		Text: "Finished: 1 failed.\n\nTo go on:\nstarter run /x.yaml --only-failed\n\nFailed:\n- rsf fold 3: PoisonFold: 2 attempts\n- and 2 more\n\n" +
			"Event: partial\nFiles: /out/production/lab\nWorkflow: everfold/production/lab\nStart: start-1",
	}, m)
	in.Event = EventFailed
	require.Equal(t, notify.Critical, in.message().Severity)
	in.Event = EventCompleted
	require.Equal(t, notify.Info, in.message().Severity)
}

// What the log says of alerts holds no URL; neither does any file of the store.
func TestAlertSecrets(t *testing.T) {
	l, p := alertLab(t)
	var log bytes.Buffer
	l.a.RunLogger = func(RunRef) *slog.Logger { return slog.New(slog.NewTextHandler(&log, nil)) }
	l.a.Send = func(ctx context.Context, rawURL string, m notify.Message) error {
		require.NoError(t, p.send(ctx, rawURL, m))
		return notify.Send(ctx, rawURL, m) // a scheme that no service has
	}
	_, err := l.notify(l.alert(EventFailed, "start-1", "A", "B"))
	require.NoError(t, err)
	require.Contains(t, log.String(), "EVERFOLD_NOTIFY_A")
	require.NotContains(t, log.String(), hush)
	require.NoError(t, filepath.WalkDir(l.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NotContains(t, string(content), hush, path)
		return err
	}))
}

// Claim: a panic while one message is sent leaves the others alone, and leaves open whether
// that one arrived: it is not sent again.
func TestPanicWhileSending(t *testing.T) {
	l, p := alertLab(t)
	l.a.Send = func(ctx context.Context, to string, m notify.Message) error {
		if to == url("A") {
			panic(to)
		}
		return p.send(ctx, to, m)
	}
	out, err := l.notify(l.alert(EventFailed, "1", "A", "B"))
	require.NoError(t, err)
	require.Equal(t, AlertUnclear, out.Endpoints[0].State)
	require.NotContains(t, out.Endpoints[0].Reason, hush)
	require.Equal(t, AlertSent, out.Endpoints[1].State)
}
