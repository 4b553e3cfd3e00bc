package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"

	"everfold/workflows"
)

var production = runRef{"production", "tiny"}

// watching returns a follower whose waits take no time, and what it shows.
func watching(server *fakeServer) (*follower, *bytes.Buffer) {
	var out bytes.Buffer
	f := newFollower(&link{Client: server}, production, "", newView(screen{Writer: &out}, production))
	clock := time.Unix(0, 0)
	f.now = func() time.Time { return clock }
	f.wait = atOnce(&clock)
	return f, &out
}

// Claim: a run is followed to its end, fold by fold, and its result returned.
func TestFollow(t *testing.T) {
	done := tiny()
	done.Stage, done.Done = "finished", 4
	for i := range done.Models[1].Folds {
		done.Models[1].Folds[i] = workflows.FoldProgress{Fold: i, State: workflows.DoneState, Action: workflows.Train, CIndex: number(0.5), Seconds: 0.01}
	}
	server := &fakeServer{
		described: []describeAnswer{running(), running(), closed()},
		progress:  []workflows.Progress{{Stage: "preparing"}, tiny(), done},
		result:    workflows.Result{Outcome: workflows.Completed, Planned: 4},
	}
	f, out := watching(server)
	result, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, result.Planned)
	require.Equal(t, "execution-1", f.execution)
	for _, line := range []string{"preparing\n", "cox_ph fold 1: C-index 0.7300", "km fold 0: C-index 0.5000", "km fold 1: C-index 0.5000"} {
		require.Contains(t, out.String(), line)
	}
}

// Claim: a run that ends while its worker is too busy to answer is asked again how it ended, so that
// no fold is left out; where nobody answers any more what was shown last stays, the result counts.
func TestFollowEndOfBusyWorker(t *testing.T) {
	done := tiny()
	done.Stage, done.Done = "finished", 4
	done.Models[1].Folds[1] = workflows.FoldProgress{Fold: 1, State: workflows.DoneState, Action: workflows.Train, CIndex: number(0.5)}
	for _, c := range []struct {
		unheard []int
		asked   int
		told    bool
	}{
		{[]int{1, 2}, 4, true},
		{[]int{1, 2, 3, 4}, 2 + lastLooks, false},
	} {
		server := &fakeServer{
			described: []describeAnswer{running(), closed()}, unheard: c.unheard,
			progress: []workflows.Progress{tiny(), done}, result: workflows.Result{Outcome: workflows.Completed},
		}
		f, out := watching(server)
		_, err := f.follow(t.Context())
		require.NoError(t, err)
		require.Equal(t, c.asked, server.asked)
		require.Equal(t, c.told, bytes.Contains(out.Bytes(), []byte("km fold 1: C-index 0.5000")))

		server.looks, server.queries, server.asked = 0, 0, 0
		f, _ = watching(server)
		out.Reset()
		f.view = newView(screen{Writer: out, live: true}, production)
		_, err = f.follow(t.Context())
		require.NoError(t, err)
		require.NotContains(t, out.String(), "waiting for a worker")
	}
}

// Claim: a workflow whose history does not grow is asked again only to see whether a worker
// answers; every look shows what it said last, and heartbeats anew.
func TestFollowAsksSeldom(t *testing.T) {
	quiet := describeAnswer{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, events: 7, started: time.Now(),
		pending: []*workflowpb.PendingActivityInfo{fitting(workflows.FitProgress{Model: "km", Fold: 0, Stage: "fit", Done: 1, Total: 2}, 1, "")}}
	server := &fakeServer{progress: []workflows.Progress{tiny()}, result: workflows.Result{Outcome: workflows.Completed}}
	for range 2 * askEvery / pollEvery {
		server.described = append(server.described, quiet)
	}
	server.described = append(server.described, closed())
	f, _ := watching(server)
	shown := &shownViews{}
	f.view = shown
	_, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, server.queries, "at first, after askEvery, and at the end")
	require.Len(t, shown.snapshots, len(server.described))
	for _, s := range shown.snapshots[:len(server.described)-1] {
		require.NotNil(t, s.progress)
		require.Len(t, s.beats, 1)
	}
}

// Claim: a run that has been going on for long is looked at half as often.
func TestFollowPace(t *testing.T) {
	f := &follower{}
	require.Equal(t, pollEvery, f.pace())
	now := time.Unix(1000, 0)
	f.answered = &snapshot{at: now, started: now.Add(-longAfter + time.Second)}
	require.Equal(t, pollEvery, f.pace())
	f.answered.started = now.Add(-longAfter)
	require.Equal(t, 2*pollEvery, f.pace())
}

// shownViews keeps what is shown.
type shownViews struct{ snapshots []*snapshot }

func (v *shownViews) show(s *snapshot) { v.snapshots = append(v.snapshots, s) }
func (v *shownViews) note(string)      {}
func (v *shownViews) close()           {}

// Claim: a server that goes away and comes back is waited for, and told about once each.
func TestFollowThroughOutage(t *testing.T) {
	away := describeAnswer{err: serviceerror.NewUnavailable("connection refused")}
	server := &fakeServer{
		described: []describeAnswer{running(), away, away, away, closed()},
		progress:  []workflows.Progress{tiny()},
		result:    workflows.Result{Outcome: workflows.Completed},
	}
	f, out := watching(server)
	_, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("no answer from the Temporal server")))
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("answers again")))
}

// Claim: after the stated time without an answer the starter gives up with exit code 5 and
// says that the run goes on.
func TestFollowGivesUp(t *testing.T) {
	server := &fakeServer{described: []describeAnswer{{err: serviceerror.NewUnavailable("connection refused")}}}
	f, _ := watching(server)
	_, err := f.follow(t.Context())
	require.Equal(t, exitUnreachable, exitCode(err))
	require.Contains(t, hintOf(err), "the run goes on")
	require.InDelta(t, patience/pollEvery, server.looks, 3)
}

// Claim: a run without a worker is shown as such and not given up.
func TestFollowWithoutWorker(t *testing.T) {
	server := &fakeServer{silent: context.DeadlineExceeded, result: workflows.Result{Outcome: workflows.Completed}}
	for range 2 * workerGrace / pollEvery {
		server.described = append(server.described, running())
	}
	server.described = append(server.described, closed())
	f, out := watching(server)
	_, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("no worker answers")))
}

// Claim: somebody who watches a run that waits at a queue which no worker polls is told so once,
// and again where it happens again; not while anything of the run is in hand.
func TestFollowWhileWaiting(t *testing.T) {
	waiting, busy := running(), running()
	waiting.pending = []*workflowpb.PendingActivityInfo{scheduled("FitFold", workflows.QueueTrain)}
	busy.pending = append([]*workflowpb.PendingActivityInfo{fitting(workflows.FitProgress{Model: "km"}, 1, "")}, waiting.pending...)
	server := &fakeServer{progress: []workflows.Progress{tiny()}, result: workflows.Result{Outcome: workflows.Completed},
		workers: map[string]int{workflows.QueueWorkflows: 1}}
	for _, answer := range []describeAnswer{waiting, busy, waiting} {
		for range 3 * workerGrace / pollEvery {
			server.described = append(server.described, answer)
		}
	}
	server.described = append(server.described, closed())
	f, out := watching(server)
	_, err := f.follow(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(out.Bytes(), []byte("waiting: no worker polls everfold-train; the run goes on with one\n")), out.String())
}

// Claim: watching a pinned run without a worker names the version that it waits for.
func TestFollowWithoutWorkerOfItsVersion(t *testing.T) {
	require.Contains(t, noticeOf(&snapshot{silence: context.DeadlineExceeded, versioning: pinnedTo("v1")}), "no worker of everfold v1 answers")
}

// Claim: a run that the server does not know ends the watching at once.
func TestFollowUnknownRun(t *testing.T) {
	server := &fakeServer{described: []describeAnswer{{err: serviceerror.NewNotFound("no workflow")}}}
	f, _ := watching(server)
	_, err := f.follow(t.Context())
	require.Equal(t, exitNotFound, exitCode(err))
	require.Equal(t, 1, server.looks)
}

// Claim: Ctrl-C ends the watching with the context's error, which is exit code 130.
func TestFollowInterrupted(t *testing.T) {
	server := &fakeServer{described: []describeAnswer{running()}, progress: []workflows.Progress{tiny()}}
	f, _ := watching(server)
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	f.wait = func(ctx context.Context, _ time.Duration) error {
		if rounds++; rounds == 3 {
			cancel()
		}
		return ctx.Err()
	}
	_, err := f.follow(ctx)
	require.True(t, interrupted(ctx, err))
	require.Equal(t, exitInterrupted, exitCode(interruption(production, false, "")))
	require.Contains(t, interruption(production, false, "").Error(), "goes on")
	require.Contains(t, hintOf(interruption(production, true, "starter run x.yaml --embedded")), "go on where it was: starter run x.yaml --embedded")
}

// Claim: heartbeats and failed attempts of pending activities are part of a snapshot;
// activities without heartbeats, such as PrepareData, have their retries shown too.
func TestLook(t *testing.T) {
	answer := running()
	answer.pending = []*workflowpb.PendingActivityInfo{
		fitting(workflows.FitProgress{Model: "km", Fold: 0, Stage: "fit", Done: 1, Total: 2}, 1, ""),
		fitting(workflows.FitProgress{Model: "cox_ph", Fold: 3, Stage: "load"}, 4, "activity Heartbeat timeout"),
	}
	s, err := look(t.Context(), &fakeServer{described: []describeAnswer{answer}, silent: errors.New("no worker")}, "id", "")
	require.NoError(t, err)
	require.Nil(t, s.progress)
	require.Error(t, s.silence)
	require.Equal(t, 0.5, s.beats[cellID{"km", 0}].Done/s.beats[cellID{"km", 0}].Total)
	require.Len(t, s.retries, 1)
	require.Equal(t, "cox_ph fold 3: attempt 4, after: activity Heartbeat timeout", s.retries[0].String())
}

// Claim: what a large run's children fit and try again is part of its snapshot, in the order of
// their ids; one that has ended meanwhile is left out, a server that does not answer is an error.
func TestLookAtLargeRun(t *testing.T) {
	fitting := func(model, failure string) describeAnswer {
		return describeAnswer{pending: []*workflowpb.PendingActivityInfo{
			fitting(workflows.FitProgress{Model: model, Fold: 7, Stage: "fit"}, 2, failure),
		}}
	}
	answer := running()
	answer.children = map[string]describeAnswer{
		"everfold/production/tiny/b": fitting("b", "second"), "everfold/production/tiny/a": fitting("a", "first"),
		"everfold/production/tiny/c": {err: serviceerror.NewNotFound("gone")},
	}
	server := &fakeServer{described: []describeAnswer{answer}, progress: []workflows.Progress{tiny()}}
	s, err := look(t.Context(), server, "everfold/production/tiny", "")
	require.NoError(t, err)
	require.Equal(t, "fit", s.beats[cellID{"b", 7}].Stage)
	require.Len(t, s.retries, 2)
	require.Equal(t, "a fold 7: attempt 2, after: first", s.retries[0].String())

	answer.children["everfold/production/tiny/c"] = describeAnswer{err: serviceerror.NewUnavailable("down")}
	server.looks = 0
	_, err = look(t.Context(), server, "everfold/production/tiny", "")
	require.Error(t, err)
}
