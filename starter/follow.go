package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"everfold/workflows"
)

const (
	pollEvery = 500 * time.Millisecond
	// patience is how long a server may be away before the starter gives up watching. The
	// run itself does not depend on the starter.
	patience = 2 * time.Minute
)

// follower watches one execution to its end.
type follower struct {
	link      *link
	run       runRef
	execution string // "" follows the latest
	view      view
	silent    bool // it has been said that no worker answers
	now       func() time.Time
	wait      func(ctx context.Context, d time.Duration) error
}

func newFollower(l *link, run runRef, execution string, v view) *follower {
	return &follower{link: l, run: run, execution: execution, view: v, now: time.Now, wait: pause}
}

// follow shows progress until the execution ends and returns its result, or the error it
// ended with. A server that cannot be reached is waited for; ctx's error means that
// somebody pressed Ctrl-C.
func (f *follower) follow(ctx context.Context) (*workflows.Result, error) {
	defer f.view.close()
	var lostSince time.Time
	for {
		s, err := look(ctx, f.link, f.run.workflowID(), f.execution)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			if lostSince.IsZero() {
				lostSince = f.now()
			}
			if err := f.regain(err, lostSince); err != nil {
				return nil, err
			}
		default:
			if !lostSince.IsZero() {
				f.view.note("the Temporal server answers again")
				lostSince = time.Time{}
			}
			f.execution = s.execution
			f.noteSilence(s)
			f.view.show(s)
			if !s.running() {
				result, err := f.result(ctx)
				if err == nil || !isUnreachable(err) || ctx.Err() != nil {
					return result, err
				}
			}
		}
		if err := f.wait(ctx, pollEvery); err != nil {
			return nil, err
		}
	}
}

// noteSilence says once that nobody works on the run.
func (f *follower) noteSilence(s *snapshot) {
	unanswered := s.silence != nil && isUnreachable(s.silence) && s.running()
	if unanswered && !f.silent {
		f.view.note("no worker answers yet; the run waits for one (bin/worker)")
	}
	f.silent = unanswered
}

// regain decides what to do about a server that did not answer: nil to go on trying.
func (f *follower) regain(cause error, since time.Time) error {
	if !isUnreachable(cause) {
		return fmt.Errorf("watch %s: %w", f.run, cause)
	}
	first := f.now().Equal(since)
	if away := f.now().Sub(since); away > patience {
		return fail(exitUnreachable, "the run goes on wherever workers reach the server; watch it with: starter watch "+f.run.String(),
			"no answer from the Temporal server for %s: %w", rough(away), cause)
	}
	if first {
		f.view.note(fmt.Sprintf("no answer from the Temporal server, trying for %s; the run goes on", rough(patience)))
	}
	return nil
}

// result fetches what the execution returned.
func (f *follower) result(ctx context.Context) (*workflows.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	var r workflows.Result
	if err := f.link.GetWorkflow(ctx, f.run.workflowID(), f.execution).Get(ctx, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// pause sleeps, or returns ctx's error at once when that ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// interrupted says whether err is the operator's Ctrl-C.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}
