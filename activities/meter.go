package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"everfold/config"
	"everfold/tracker"
)

// What activities count, by the worker's metrics handler; docs/OPERATIONS.md has the list.
// Names of runs and models are without bound, so they are no tags.
const (
	metricFits        = "everfold_fits" // model_type, outcome, reason
	metricFit         = "everfold_fit"  // model_type: time of a trained fit and its predictions
	metricProgress    = "everfold_progress_timestamp_seconds"
	metricCheckpoints = "everfold_checkpoints"   // outcome
	metricTracker     = "everfold_tracker_calls" // call, outcome, reason
	metricAlerts      = "everfold_alerts"        // event, outcome
)

const (
	tagModelType = "model_type"
	tagOutcome   = "outcome"
	tagReason    = "reason"
)

// tally adds one to a counter of the worker; outside an activity, nowhere.
func tally(ctx context.Context, name string, tags map[string]string) {
	if activity.IsActivity(ctx) {
		activity.GetMetricsHandler(ctx).WithTags(tags).Counter(name).Inc(1)
	}
}

func countCheckpoint(ctx context.Context, outcome string) {
	tally(ctx, metricCheckpoints, map[string]string{tagOutcome: outcome})
}

func countAlert(ctx context.Context, event Event, d Delivery) {
	tally(ctx, metricAlerts, map[string]string{"event": string(event), tagOutcome: d.State})
}

// countTracker counts a call of the tracker; out is nil where it failed.
func countTracker(ctx context.Context, in SyncTrackerInput, out *SyncTrackerResult, err error) {
	tags := map[string]string{"call": "sync", tagOutcome: "ok", tagReason: ""}
	if in.Probe {
		tags["call"] = "probe"
	}
	var failed *tracker.Error
	switch {
	case errors.As(err, &failed):
		tags[tagOutcome], tags[tagReason] = "failed", string(failed.Kind)
	case err != nil:
		tags[tagOutcome] = "failed"
	case out.Off:
		tags[tagOutcome] = "off"
	}
	tally(ctx, metricTracker, tags)
}

// learn keeps the type of the attempt's model, which metrics tell apart.
func (at *attempt) learn(s *config.Spec, model string) {
	if m, err := s.Model(model); err == nil {
		at.modelType = m.Type
	}
}

// progressed tells when this worker got on last.
func (at *attempt) progressed(now time.Time) {
	at.progress.At = now.UnixMilli()
	activity.GetMetricsHandler(at.ctx).Gauge(metricProgress).Update(float64(now.UnixMilli()) / 1e3)
}

// fitted counts a fit that ended well. Only what was trained has a time.
func (at *attempt) fitted(action Action, seconds float64) {
	tally(at.ctx, metricFits, map[string]string{tagModelType: at.modelType, tagOutcome: past[action], tagReason: ""})
	if action == Train {
		activity.GetMetricsHandler(at.ctx).WithTags(map[string]string{tagModelType: at.modelType}).
			Timer(metricFit).Record(time.Duration(seconds * float64(time.Second)))
	}
}

// broken counts a fit that did not: err is classified.
func (at *attempt) broken(err error) {
	outcome, reason := outcomeOf(err)
	tally(at.ctx, metricFits, map[string]string{tagModelType: at.modelType, tagOutcome: outcome, tagReason: reason})
}

// outcomeOf is how an attempt ended that has no result, and why.
func outcomeOf(err error) (outcome, reason string) {
	var app *temporal.ApplicationError
	switch {
	case !errors.As(err, &app):
		return "cancelled", ""
	case app.Type() == ErrInterrupted:
		outcome = "interrupted"
	case app.NonRetryable():
		outcome = "failed"
	default:
		outcome = "retried"
	}
	return outcome, app.Type()
}
