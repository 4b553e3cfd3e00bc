package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"everfold/internal/app"
	"everfold/workflows"
)

const (
	pollEvery = 500 * time.Millisecond
	// longAfter is from when on a run is long.
	longAfter = time.Minute
	// patience is how long a server may be away before the starter gives up watching. The
	// run itself does not depend on the starter.
	patience = 2 * time.Minute
	// workerGrace is how long a worker may take to start, or to be busy, before it is missed.
	workerGrace = 10 * time.Second
	// askEvery is how often a workflow is asked of which nothing new is known: whether a worker
	// still answers.
	askEvery = 5 * time.Second
	// lastLooks are how often a run that has ended is asked again how, should a busy worker not answer.
	lastLooks = 3
	// modelsEvery is how often the children of a large run are looked at, each by a call.
	modelsEvery = 2 * time.Second
)

// follower watches one execution to its end.
type follower struct {
	link      *link
	run       runRef
	execution string // "" follows the latest
	view      view
	answered  *snapshot // the last one in which the workflow answered
	asked     time.Time // when it was asked last
	models    []*snapshot
	surveyed  time.Time // when models were looked at last
	silent    time.Time // since when no worker has answered; zero: one does
	told      []string  // what has been said of that
	retold    time.Time // when that was looked at last
	stands    time.Time // since when nothing has been in hand; zero: something is
	waiting   string    // what has been said that it waits for
	last      int       // looks at the end that nobody answered
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
		s, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			if lostSince.IsZero() {
				lostSince = f.now()
				f.noteLoss(err)
			}
			if err := f.regain(err, lostSince); err != nil {
				return nil, err
			}
		default:
			if !lostSince.IsZero() {
				f.view.note("the Temporal server answers again")
				lostSince = time.Time{}
			}
			if result, err := f.take(ctx, s); result != nil || err != nil {
				return result, err
			}
		}
		if err := f.wait(ctx, f.pace()); err != nil {
			return nil, err
		}
	}
}

// pace is how long nothing is asked: twice as long of a run that has been going on for long.
func (f *follower) pace() time.Duration {
	if f.answered != nil && f.answered.at.Sub(f.answered.started) >= longAfter {
		return 2 * pollEvery
	}
	return pollEvery
}

// look takes a snapshot. What the workflow would answer changes only with its history, so it is
// asked where that has grown: each question is a task for server and worker.
func (f *follower) look(ctx context.Context) (*snapshot, error) {
	s, err := describe(ctx, f.link, f.run.workflowID(), f.execution)
	if err != nil {
		return nil, err
	}
	if f.now().Sub(f.surveyed) >= modelsEvery || len(s.children) == 0 {
		if f.models, err = s.lookAtModels(ctx, f.link); err != nil {
			return nil, err
		}
		f.surveyed = f.now()
	}
	s.join(f.models)
	if a := f.answered; a != nil && a.execution == s.execution && a.events == s.events && f.now().Sub(f.asked) < askEvery {
		s.progress = a.progress
		return s, nil
	}
	f.asked = f.now()
	err = s.ask(ctx, f.link, f.run.workflowID(), f.execution)
	if s.progress != nil {
		f.answered = s
	}
	return s, err
}

// take shows a snapshot. After the end it returns the result; neither result nor error
// means: look again.
func (f *follower) take(ctx context.Context, s *snapshot) (*workflows.Result, error) {
	f.execution = s.execution
	if errors.Is(s.silence, app.ErrCodecKey) { // this starter will not see more
		return nil, s.silence
	}
	f.noteSilence(ctx, s)
	f.noteWaiting(ctx, s)
	if f.untold(s) {
		return nil, nil
	}
	if s.running() || s.progress != nil { // else what was shown last stays
		f.view.show(s)
	}
	if s.running() {
		return nil, nil
	}
	result, err := f.result(ctx)
	if err != nil && isUnreachable(err) && ctx.Err() == nil {
		return nil, nil
	}
	return result, err
}

// untold says that a run has ended whose worker, which answered before, may yet tell how.
func (f *follower) untold(s *snapshot) bool {
	if s.running() || f.answered == nil || !isUnreachable(s.silence) || f.last == lastLooks {
		return false
	}
	f.last++
	return true
}

// noteSilence says, once each and not before workerGrace, that nobody works on the run, or why those
// who do cannot tell of it, which may be known later only.
func (f *follower) noteSilence(ctx context.Context, s *snapshot) {
	if s.silence == nil || !s.running() {
		f.silent, f.told = time.Time{}, nil
		return
	}
	if f.silent.IsZero() {
		f.silent, f.retold = f.now(), f.now()
	}
	if f.now().Sub(f.retold) < workerGrace {
		return
	}
	f.retold = f.now()
	s.explain(ctx, f.link, f.run.workflowID())
	notice := noticeOf(s)
	if kind, _, _ := strings.Cut(notice, ":"); !slices.Contains(f.told, kind) {
		f.told = append(f.told, kind)
		f.view.note(notice)
	}
}

// noticeOf says what a run needs that nobody answers for.
func noticeOf(s *snapshot) string {
	pinned, isPinned := app.PinnedTo(s.versioning)
	switch {
	case isUnreachable(s.silence) && isPinned:
		return "no worker of " + pinned.String() + " answers; the run waits for one, or to be moved: starter status says how"
	case isUnreachable(s.silence):
		return "no worker answers; the run waits for one (bin/worker)"
	}
	return "the workers cannot answer for the run, which waits for one that can: " + s.silence.Error()
}

// regain decides what to do about a server that did not answer: nil to go on trying.
func (f *follower) regain(cause error, since time.Time) error {
	if !isUnreachable(cause) {
		return fmt.Errorf("watch %s: %w", f.run, cause)
	}
	if away := f.now().Sub(since); away > patience {
		return fail(exitUnreachable, "the run goes on wherever workers reach the server; watch it with: starter watch "+f.run.String(),
			"no answer from the Temporal server for %s: %w", rough(away), cause)
	}
	return nil
}

// noteLoss says that the server has gone, unless that is the end of the watching.
func (f *follower) noteLoss(cause error) {
	if isUnreachable(cause) {
		f.view.note(fmt.Sprintf("no answer from the Temporal server, trying for %s; the run goes on", rough(patience)))
	}
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
