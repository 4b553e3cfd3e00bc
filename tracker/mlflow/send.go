package mlflow

import (
	"context"

	"everfold/tracker"
)

// What one runs/log-batch may hold. The API's limit of a body is 1 MB.
const (
	batchParams  = 100
	batchTags    = 100
	batchEntries = 1_000
	batchBytes   = 300 << 10 // of texts that may triple when they are escaped
	metricBytes  = 150
)

// send brings one run in line and counts in what was taken.
func (c *Client) send(ctx context.Context, diff *difference, report *tracker.Report) error {
	for _, b := range batches(diff) {
		if err := c.post(ctx, "runs/log-batch", b, nil); err != nil {
			// Whether the points were taken is unknown: they are read back before they are sent again.
			c.known.forget(diff.id)
			return err
		}
		if have := c.known.get(diff.id); have != nil && len(b.Metrics) > 0 {
			c.known.put(diff.id, have.with(b.Metrics))
		}
		report.Params += len(b.Params)
		report.Tags += len(b.Tags)
		report.Metrics += len(b.Metrics)
	}
	report.Conflicts = append(report.Conflicts, diff.conflicts...)
	return nil
}

// sendStatus sets the status of one run, where it is not right yet.
func (c *Client) sendStatus(ctx context.Context, d *tracker.Desired, diff *difference, report *tracker.Report) error {
	if diff.status == "" {
		return nil
	}
	body := map[string]any{"run_id": diff.id, "status": diff.status}
	if diff.status != tracker.Running {
		body["end_time"] = d.Ended
	}
	if err := c.post(ctx, "runs/update", body, nil); err != nil {
		return err
	}
	report.Statuses++
	return nil
}

// with is a copy with more points: the one remembered may be in use by another Sync.
func (p points) with(more []metric) points {
	out := make(points, len(p)+len(more))
	for have := range p {
		out[have] = true
	}
	for _, m := range more {
		out[pointOf(m.Key, int64(m.Step), int64(m.Timestamp), float64(m.Value))] = true
	}
	return out
}

// batches cuts a difference into calls that keep every limit.
func batches(d *difference) []batch {
	var all []batch
	b, bytes := batch{RunID: d.id}, 0
	next := func(size int, full bool) {
		if full || bytes+size > batchBytes || len(b.Params)+len(b.Tags)+len(b.Metrics) == batchEntries {
			all = append(all, b)
			b, bytes = batch{RunID: d.id}, 0
		}
		bytes += size
	}
	for _, p := range d.params {
		next(p.size(), len(b.Params) == batchParams)
		b.Params = append(b.Params, p)
	}
	for _, t := range d.tags {
		next(t.size(), len(b.Tags) == batchTags)
		b.Tags = append(b.Tags, t)
	}
	for _, m := range d.metrics {
		next(metricBytes+len(m.Key), false)
		b.Metrics = append(b.Metrics, m)
	}
	if len(b.Params)+len(b.Tags)+len(b.Metrics) > 0 {
		all = append(all, b)
	}
	return all
}
