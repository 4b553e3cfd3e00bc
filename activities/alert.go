package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"go.temporal.io/sdk/temporal"

	"everfold/config"
	"everfold/logging"
	"everfold/notify"
)

// NotifyName is the registered name of Notify.
const NotifyName = "Notify"

// ErrAlertNotSent: some endpoint did not take a message and may later. The run does not
// depend on it.
const ErrAlertNotSent = "AlertNotSent"

// alertAttempts are for endpoints that surely did not take the message: 15 s of waiting.
const alertAttempts = 5

// Event is something that somebody wants to be told about.
type Event string

// The events.
const (
	EventFailed      Event = "failed"       // the run as a whole; not one that an operator cancelled
	EventPartial     Event = "partial"      // it finished, but some model failed
	EventCompleted   Event = "completed"    // it finished
	EventTrackerDown Event = "tracker_down" // the tracker is given up for now; the run goes on
	EventScoreDrop   Event = "score_drop"   // a scheduled run's best C-index is lower than that of the run before
)

// NotifyInput is one event of one start of a run. It names environment variables, never
// what they hold.
type NotifyInput struct {
	Run   RunRef `json:"run"`
	Event Event  `json:"event"`
	// Start is equal for all attempts and resets of one start of the run.
	Start string `json:"start"`
	// Unchanged: the start found everything complete and did nothing.
	Unchanged bool     `json:"unchanged,omitempty"`
	Endpoints []string `json:"endpoints"` // as in the spec: ${EVERFOLD_NOTIFY_…}
	News      News     `json:"news"`
}

// News is what the message tells.
type News struct {
	What     string    `json:"what"`             // one sentence
	Resume   string    `json:"resume,omitempty"` // the command to go on
	Failures []Trouble `json:"failures,omitempty"`
	More     int       `json:"more,omitempty"` // failures beside those
}

// Trouble is one fit that failed, such as "rsf fold 3", and why.
type Trouble struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// NotifyResult says what became of the message at every endpoint.
type NotifyResult struct {
	Endpoints []Delivery `json:"endpoints"`
}

// Delivery is the state of a message at one endpoint.
type Delivery struct {
	Endpoint string `json:"endpoint"` // name of the environment variable
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	again    bool   // another attempt may do it
}

// The states of a delivery.
const (
	AlertSent    = "sent"
	AlertRefused = "refused" // nobody has the message
	AlertUnclear = "unclear" // somebody may have it, so it is not sent again
	alertSending = "sending" // claimed by an attempt, in the store only
)

// Notify tells every endpoint of an event, each at most once: an endpoint's message is
// claimed in the store before it is sent, and what is claimed is sent by nobody else, also
// where the worker is lost before it can say what became of it. Messages that were surely
// not taken are tried again by further attempts.
//
// Where the store does not answer there are no claims, and a worker that is lost has its
// messages repeated: that the store is gone is news, too.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (*NotifyResult, error) {
	ctx, _, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	if ctx.Err() != nil {
		return nil, classify(ctx, ctx.Err())
	}
	out := &NotifyResult{Endpoints: make([]Delivery, len(in.Endpoints))}
	ledger := a.openLedger(ctx, in)
	var wg sync.WaitGroup
	for i, entry := range in.Endpoints {
		wg.Go(func() { out.Endpoints[i] = a.tellSafely(ctx, ledger, in, endpointName(entry)) })
	}
	wg.Wait()
	for _, d := range out.Endpoints {
		countAlert(ctx, in.Event, d)
	}
	return out, out.err(ctx, in.Event)
}

// endpointName takes the environment variable out of ${NAME}.
func endpointName(entry string) string {
	return strings.TrimSuffix(strings.TrimPrefix(entry, "${"), "}")
}

// tellSafely is tell; a panic of it, which nobody else could recover, leaves open whether the
// message was taken.
func (a *Activities) tellSafely(ctx context.Context, l *ledger, in NotifyInput, name string) (d Delivery) {
	defer func() {
		if p := recover(); p != nil {
			logging.From(ctx).Error("panic while an alert was sent", logging.CategoryConfig.Attr(), "endpoint", name, "stack", string(debug.Stack()))
			d = Delivery{Endpoint: name, State: AlertUnclear, Reason: "a bug: panic while it was sent"}
		}
	}()
	return a.tell(ctx, l, in, name)
}

// tell sends the message to one endpoint, unless that was done.
func (a *Activities) tell(ctx context.Context, l *ledger, in NotifyInput, name string) Delivery {
	d := Delivery{Endpoint: name}
	if !config.IsNotifyName(name) { // else any variable could be sent to, as a URL
		d.State, d.Reason = AlertRefused, "not the name of a variable for alerts, EVERFOLD_NOTIFY_…"
		return d
	}
	url := a.environment(name)
	if url == "" {
		d.State, d.Reason = AlertRefused, "not set in the environment of the worker "+a.Worker
		return d
	}
	claim, before := l.claim(ctx, name)
	if before != nil {
		d.State, d.Reason = before.State, before.Reason
		return d
	}
	// A stop of the worker does not break off what is nearly done; Send has its own limit.
	err := a.send(context.WithoutCancel(ctx), url, in.message())
	switch {
	case err == nil:
		d.State = AlertSent
	case errors.Is(err, notify.ErrUnclear):
		d.State, d.Reason = AlertUnclear, err.Error()
	default:
		d.State, d.Reason, d.again = AlertRefused, err.Error(), errors.Is(err, notify.ErrNotSent)
	}
	l.settle(ctx, claim, d)
	return d
}

// environment reads a variable of this worker, when it is needed and nowhere else.
func (a *Activities) environment(name string) string {
	if a.Getenv != nil {
		return a.Getenv(name)
	}
	return os.Getenv(name)
}

func (a *Activities) send(ctx context.Context, url string, m notify.Message) error {
	if a.Send != nil {
		return a.Send(ctx, url, m)
	}
	return notify.Send(ctx, url, m)
}

// err logs what became of the messages, and asks for another attempt where that may help.
func (r *NotifyResult) err(ctx context.Context, event Event) error {
	again := false
	for _, d := range r.Endpoints {
		log := logging.From(ctx).With("event", event, "endpoint", d.Endpoint)
		switch again = again || d.again; {
		case d.State == AlertSent:
			log.Info("alert sent")
		case d.again:
			log.Warn("alert is tried again", logging.CategoryRetry.Attr(), "reason", d.Reason)
		default:
			log.Warn("alert not sent", logging.CategoryConfig.Attr(), "reason", d.Reason)
		}
	}
	if !again {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions(shorten(strings.Join(r.Troubles(), "; ")), ErrAlertNotSent,
		temporal.ApplicationErrorOptions{NonRetryable: exhausted(ctx, ErrAlertNotSent, alertAttempts), Category: temporal.ApplicationErrorCategoryBenign})
}

// Troubles lists the endpoints that did not take the message, with the reason.
func (r *NotifyResult) Troubles() []string {
	var list []string
	for _, d := range r.Endpoints {
		if d.State != AlertSent {
			list = append(list, d.Endpoint+": "+cmp.Or(d.Reason, d.State))
		}
	}
	return list
}

// message is what people get to read: what matters most comes first, since some services
// cut long texts.
func (in NotifyInput) message() notify.Message {
	run := string(in.Run.Type) + "/" + in.Run.Run
	m := notify.Message{Title: fmt.Sprintf("everfold %s: %s", run, in.Event), Key: run + " " + string(in.Event) + " " + in.Start}
	switch in.Event {
	case EventFailed:
		m.Severity = notify.Critical
	case EventCompleted:
		m.Severity = notify.Info
	default:
		m.Severity = notify.Warning
	}
	lines := []string{in.News.What}
	if in.News.Resume != "" {
		lines = append(lines, "", "To go on:", in.News.Resume)
	}
	if len(in.News.Failures) > 0 {
		lines = append(lines, "", "Failed:")
	}
	for _, f := range in.News.Failures {
		lines = append(lines, fmt.Sprintf("- %s: %s", f.What, f.Reason))
	}
	if in.News.More > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", in.News.More))
	}
	lines = append(lines, "", "Event: "+string(in.Event), "Files: "+in.Run.Store.URI+"/"+run, "Workflow: everfold/"+run, "Start: "+in.Start)
	m.Text = strings.Join(lines, "\n")
	return m
}
