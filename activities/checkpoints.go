package activities

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
	"everfold/survival"
)

const (
	// defaultCheckpointEvery is the work that a lost worker may cost, less the time that a
	// state is on its way to the store.
	defaultCheckpointEvery = 10 * time.Second
	// lastWordAfter is the work that an interrupted fit does not give away.
	lastWordAfter = time.Second
	// lastWordWithin is how long an interrupted fit waits for the store.
	lastWordWithin = 5 * time.Second
)

// checkpoints keeps the states of one fit in the run's store. Nothing here fails a fit: a
// store that refuses costs a warning and the state. Saving takes at most a hundredth of the
// fit's time; one state at a time is on its way, beside the fit.
type checkpoints struct {
	store   store.Store
	at      artifact.Checkpoint // but for the piece
	every   time.Duration
	started time.Time

	mu      sync.Mutex
	saved   map[string]time.Time // when each piece, or the series it is of, was saved last
	asked   time.Time            // when a state was last found due
	spent   time.Duration        // by the fit, on states
	writing bool
	cleared bool // records of earlier starts are gone
	writers sync.WaitGroup
}

var _ survival.Checkpoints = (*checkpoints)(nil)

func newCheckpoints(s store.Store, task artifact.Task, fit string, every time.Duration) *checkpoints {
	if every == 0 {
		every = defaultCheckpointEvery
	}
	return &checkpoints{store: s, at: artifact.Checkpoint{Task: task, Fit: fit}, every: every,
		started: time.Now(), saved: map[string]time.Time{}}
}

// Due looks at the clock. An interrupted fit has a last word.
func (c *checkpoints) Due(ctx context.Context, piece string) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	since := c.started
	if at, ok := c.saved[piece]; ok {
		since = at
	}
	c.asked = now
	if ctx.Err() != nil {
		return now.Sub(since) >= min(lastWordAfter, c.every)
	}
	return !c.writing && now.Sub(since) >= c.every && 100*c.spent <= now.Sub(c.started)
}

// Save writes beside the fit; for an interrupted one it waits.
func (c *checkpoints) Save(ctx context.Context, piece string, state []byte) {
	now := time.Now()
	c.mu.Lock()
	for name := piece; name != ""; name = name[:max(0, strings.LastIndexByte(name, '/'))] {
		c.saved[name] = now
	}
	c.spent += now.Sub(c.asked)
	c.writing = true
	c.mu.Unlock()
	interrupted := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	if interrupted {
		ctx, cancel := context.WithTimeout(ctx, lastWordWithin)
		defer cancel()
		c.write(ctx, piece, state)
		return
	}
	c.writers.Go(func() { c.write(ctx, piece, state) })
}

func (c *checkpoints) write(ctx context.Context, piece string, state []byte) {
	at := c.at
	at.Piece = piece
	err := artifact.PutCheckpoint(ctx, c.store, at, state)
	c.mu.Lock()
	c.writing = false
	clear := err == nil && !c.cleared
	c.cleared = c.cleared || clear
	c.mu.Unlock()
	if clear { // the attempts so far have led somewhere
		err = artifact.ClearStarts(ctx, c.store, c.at.Task)
	}
	countCheckpoint(ctx, map[bool]string{true: "saved", false: "not_saved"}[err == nil])
	if err != nil {
		logging.From(ctx).Warn("could not save a checkpoint", logging.CategoryStorage.Attr(), "error", err)
	}
}

// Load gives the state that an earlier attempt left.
func (c *checkpoints) Load(ctx context.Context, piece string) ([]byte, bool) {
	at := c.at
	at.Piece = piece
	state, err := artifact.ReadCheckpoint(ctx, c.store, at)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false
	}
	if err != nil {
		countCheckpoint(ctx, "ignored")
		logging.From(ctx).Warn("a checkpoint is ignored", logging.CategoryStorage.Attr(), "error", err)
		return nil, false
	}
	countCheckpoint(ctx, "resumed")
	logging.From(ctx).Info("going on from a checkpoint", "piece", piece, "bytes", len(state))
	return state, true
}

// wait returns when no state is on its way any more.
func (c *checkpoints) wait() { c.writers.Wait() }

// clearCheckpoints removes the states of a fit that is complete. What stays costs space
// alone, so a store that refuses is only warned about.
func clearCheckpoints(ctx context.Context, s store.Store, task artifact.Task) {
	if err := artifact.ClearCheckpoints(ctx, s, task); err != nil {
		logging.From(ctx).Warn("could not remove checkpoints", logging.CategoryStorage.Attr(), "error", err)
	}
}
