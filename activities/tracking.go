package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"everfold/logging"
	"everfold/tracker"
)

// SyncTracker brings the tracking server in line with the manifests, or, as a probe, says
// whether it could. It reads the store and writes nothing there. Whatever goes wrong, a panic
// included, is an error of type TrackerFailed, which no run fails by.
func (a *Activities) SyncTracker(ctx context.Context, in SyncTrackerInput) (*SyncTrackerResult, error) {
	ctx, at, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	began := time.Now()
	ctx = tracker.WithProgress(ctx, func() { at.beat(0, 0) })
	out, err := a.syncTracker(ctx, in)
	countTracker(ctx, in, out, err)
	if err := a.failTracking(ctx, err, in.Tracker.Attempts); err != nil {
		return nil, err
	}
	out.Seconds, out.Attempt = time.Since(began).Seconds(), at.nth(ErrTracker)
	return out, nil
}

// trackerPlaces bound the calls of trackers in this process: servers that hang must leave slots
// to what else a worker does beside fitting.
var trackerPlaces = make(places, 4)

// maxTrackerWait bounds the wait for one of them, which itself takes a slot of the worker.
const maxTrackerWait = 2 * time.Second

// enterTracking takes one of trackerPlaces; with a server that answers, one is free in a moment.
func enterTracking(ctx context.Context, timeout time.Duration) (leave func(), err error) {
	leave, err = trackerPlaces.enter(ctx, min(maxTrackerWait, timeout/5))
	if errors.Is(err, errBusy) {
		return nil, &tracker.Error{Kind: tracker.Busy, Text: "this worker waits for trackers in as many calls as it may"}
	}
	return leave, err
}

func (a *Activities) syncTracker(ctx context.Context, in SyncTrackerInput) (out *SyncTrackerResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			logging.From(ctx).Error("panic while tracking", logging.CategoryMLflow.Attr(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic while tracking: %v", p)
		}
	}()
	if a.OpenTracker == nil {
		return &SyncTrackerResult{Off: true}, nil
	}
	server, err := a.OpenTracker(in.Tracker)
	if err != nil {
		return nil, err
	}
	if server == nil {
		return &SyncTrackerResult{Off: true}, nil
	}
	leave, err := enterTracking(ctx, in.Tracker.Timeout.Std())
	if err != nil {
		return nil, err
	}
	defer leave()
	out = &SyncTrackerResult{}
	if in.Probe {
		err := server.Probe(ctx, in.Tracker.Experiment)
		if err == nil {
			logging.From(ctx).Info("tracking works", "server", server.URI(), "experiment", in.Tracker.Experiment)
		}
		return out, err
	}
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	t, err := NewTracked(ctx, s, TrackedOptions{
		Experiment: in.Tracker.Experiment, SpecDigest: in.SpecDigest, Status: in.Status, Files: in.Last, Cache: &a.cache,
	})
	if err != nil {
		return nil, err
	}
	report, err := server.Sync(ctx, t.Desired, tracker.Options{Trust: !in.Last})
	if err != nil {
		return nil, err
	}
	out.tell(ctx, in, t, report)
	return out, nil
}

// tell keeps what the workflow needs of a report, and logs what people may want to know.
func (out *SyncTrackerResult) tell(ctx context.Context, in SyncTrackerInput, t *Tracked, report *tracker.Report) {
	log := logging.From(ctx)
	out.RunID, out.URL, out.Folds, out.Sent = report.RunID, report.URL, t.Folds, report.Total()
	out.Recreated = in.RunID != "" && in.RunID != report.RunID
	if out.Recreated {
		log.Warn("the tracking run was gone from the server; it was made anew, with everything", logging.CategoryMLflow.Attr(),
			"former", in.RunID, "run_id", report.RunID)
	}
	for _, key := range report.Conflicts {
		log.Warn("the tracker keeps a parameter's first value; the present one is the tag "+tracker.ChangedTag+key, logging.CategoryMLflow.Attr())
	}
	if len(report.Notes) > 0 {
		out.Note = shorten(report.Notes[0])
		log.Info(report.Notes[0])
	}
	if report.Total() > 0 {
		log.Info("tracker synchronized", "metrics", report.Metrics, "runs", report.Runs, "files", report.Files, "url", report.URL)
	}
}
