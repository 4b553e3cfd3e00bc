package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
)

const (
	// ledgerTimeout bounds the looks into the store: an alert must not wait for one that hangs.
	ledgerTimeout = 5 * time.Second
	// maxClaims is how often a claim is tried that somebody else is just changing.
	maxClaims = 3
	// maxAlertRecord bounds a record in bytes.
	maxAlertRecord = 1 << 16
)

// alertRecord is what the store keeps of an event's message to one endpoint: of the last
// start of the run that had such an event.
type alertRecord struct {
	Event    Event  `json:"event"`
	Endpoint string `json:"endpoint"`
	Start    string `json:"start"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Worker   string `json:"worker"`
}

// ledger knows which messages of one event were sent or may have been.
type ledger struct {
	in     NotifyInput
	worker string
	store  store.Store // nil: it could not be opened
	memory *alertMemory
}

// alertMemory is what this process sent while a store did not answer.
type alertMemory struct {
	mu   sync.Mutex
	told map[string]alertRecord
}

// alertClaim is the right to send one message; without a record it is one of this process.
type alertClaim struct {
	key, etag string
}

func (a *Activities) openLedger(ctx context.Context, in NotifyInput) *ledger {
	l := &ledger{in: in, worker: a.Worker, memory: &a.alerts}
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		l.warn(ctx, "", err)
		return l
	}
	l.store = s
	return l
}

// claim gives the right to send, or says what became of the message before.
func (l *ledger) claim(ctx context.Context, endpoint string) (alertClaim, *alertRecord) {
	if told := l.memory.of(l.memoryKey(endpoint)); told != nil && told.State != AlertRefused {
		return alertClaim{}, told
	}
	c := alertClaim{key: artifact.AlertKey(string(l.in.Event), endpoint)}
	if l.store == nil {
		return alertClaim{}, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTimeout)
	defer cancel()
	var err error
	for range maxClaims {
		var before *alertRecord
		if before, err = l.try(ctx, &c, endpoint); before != nil || err == nil {
			return c, before
		}
		if !errors.Is(err, store.ErrConflict) {
			l.warn(ctx, endpoint, err)
			return alertClaim{}, nil
		}
	}
	return alertClaim{}, &alertRecord{State: AlertUnclear, Reason: "another worker is at it"}
}

// try claims once; ErrConflict: the record has changed under it.
func (l *ledger) try(ctx context.Context, c *alertClaim, endpoint string) (*alertRecord, error) {
	cond := store.Condition{Absent: true}
	content, info, err := store.ReadAll(ctx, l.store, c.key, maxAlertRecord)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		if told := l.judge(content); told != nil {
			return told, nil
		}
		cond = store.Condition{ETag: info.ETag}
	}
	c.etag, err = l.put(ctx, c.key, Delivery{Endpoint: endpoint, State: alertSending}, cond)
	return nil, err
}

// judge says what a record means for this event: nil where the message is to be sent. A run
// that is completed already and started again is told of once.
func (l *ledger) judge(content []byte) *alertRecord {
	var r alertRecord
	if err := json.Unmarshal(content, &r); err != nil {
		return nil // nothing of ours
	}
	same := r.Start == l.in.Start || l.in.Unchanged
	switch {
	case !same, r.State == AlertRefused:
		return nil
	case r.State == alertSending:
		r.State, r.Reason = AlertUnclear, fmt.Sprintf("perhaps sent: the worker %s was lost while it was sending", r.Worker)
	}
	return &r
}

// settle records what became of a message, in this process where there is no claim. Where a
// claim cannot be rewritten it stands, and the message is not sent again.
func (l *ledger) settle(ctx context.Context, c alertClaim, d Delivery) {
	if c.etag == "" {
		l.memory.put(l.memoryKey(d.Endpoint), alertRecord{State: d.State, Reason: d.Reason})
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTimeout)
	defer cancel()
	if _, err := l.put(ctx, c.key, d, store.Condition{ETag: c.etag}); err != nil {
		l.warn(ctx, d.Endpoint, err)
	}
}

func (l *ledger) put(ctx context.Context, key string, d Delivery, cond store.Condition) (etag string, err error) {
	text, err := json.MarshalIndent(alertRecord{
		Event: l.in.Event, Endpoint: d.Endpoint, Start: l.in.Start, State: d.State, Reason: d.Reason, Worker: l.worker,
	}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", key, err)
	}
	info, err := store.PutBytes(ctx, l.store, key, append(text, '\n'), cond)
	return info.ETag, err
}

func (l *ledger) warn(ctx context.Context, endpoint string, err error) {
	logging.From(ctx).Warn("no record of an alert", logging.CategoryStorage.Attr(), "event", l.in.Event, "endpoint", endpoint, "error", err)
}

func (l *ledger) memoryKey(endpoint string) string {
	return fmt.Sprintf("%v %s %s %s", l.in.Run, l.in.Event, l.in.Start, endpoint)
}

func (m *alertMemory) of(key string) *alertRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.told[key]; ok {
		return &r
	}
	return nil
}

func (m *alertMemory) put(key string, r alertRecord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told == nil {
		m.told = map[string]alertRecord{}
	}
	m.told[key] = r
}
