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

// waiting are the task queues that something of a run waits at.
func (s *snapshot) waiting() []string {
	if s.silence != nil && s.progress == nil {
		return append(slices.Clone(s.waits), workflows.QueueWorkflows)
	}
	return s.waits
}

// unserved are the task queues, in the order of app.Queues, that no worker polls which may have the
// run: of its version, where it is pinned to one. A server that does not tell is no reason to say
// nothing else.
func (s *snapshot) unserved(ctx context.Context, c client.Client) []string {
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
		if workers == 0 {
			missing = append(missing, q.Name)
		}
	}
	return missing
}

// noPoller says what a run waits for, "" where it waits at none of the queues that no worker polls.
func (s *snapshot) noPoller(unserved []string) string {
	waits := s.waiting()
	queues := slices.DeleteFunc(slices.Clone(unserved), func(queue string) bool { return !slices.Contains(waits, queue) })
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
