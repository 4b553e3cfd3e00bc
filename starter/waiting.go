package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"everfold/internal/app"
	"everfold/workflows"
)

// unserved are the task queues that something of a run waits at while no worker polls them, in
// the order of app.Queues. A server that does not tell is no reason to say nothing else.
func (s *snapshot) unserved(ctx context.Context, c client.Client) []string {
	waits := s.waits
	if s.silence != nil && s.progress == nil {
		waits = append(slices.Clone(waits), workflows.QueueWorkflows)
	}
	if len(waits) == 0 || !s.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	var versions []app.Version
	pinned, isPinned := app.PinnedTo(s.versioning)
	if isPinned {
		versions = append(versions, pinned)
	}
	queues, err := app.Serving(ctx, c, versions...)
	if err != nil {
		return nil
	}
	var missing []string
	for _, q := range queues {
		workers := q.Count()
		if isPinned {
			workers = q.Workers[pinned]
		}
		if workers == 0 && slices.Contains(waits, q.Name) {
			missing = append(missing, q.Name)
		}
	}
	return missing
}

// noPoller says what a run waits for, "" where every queue is polled.
func (s *snapshot) noPoller(queues []string) string {
	if len(queues) == 0 {
		return ""
	}
	who := "worker"
	if pinned, ok := app.PinnedTo(s.versioning); ok {
		who += " of " + pinned.String()
	}
	return "no " + who + " polls " + strings.Join(queues, ", ")
}

// noteWaiting says, once and not before workerGrace, that a run in which nothing is done waits
// at queues that no worker polls.
func (f *follower) noteWaiting(ctx context.Context, s *snapshot) {
	if !s.running() || s.progress == nil || len(s.waits) == 0 || s.atWork > 0 {
		f.stands, f.waiting = time.Time{}, ""
		return
	}
	if f.stands.IsZero() {
		f.stands = f.now()
	}
	if f.now().Sub(f.stands) < workerGrace {
		return
	}
	f.stands = f.now() // asked again after another while: workers are missed only after their last poll
	if missing := s.noPoller(s.unserved(ctx, f.link)); missing != f.waiting {
		f.waiting = missing
		if missing != "" {
			f.view.note("waiting: " + missing + "; the run goes on with one")
		}
	}
}
