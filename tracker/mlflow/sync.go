package mlflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"everfold/tracker"
)

// syncTries is how often a Sync starts over because its runs were deleted under it.
const syncTries = 3

// Probe implements tracker.Tracker. It asks for the experiment rather than for /health,
// which answers 200 without credentials and to any host while every other call is refused.
func (c *Client) Probe(ctx context.Context, experiment string) error {
	_, err := c.findExperiment(ctx, experiment)
	return err
}

// Compare implements tracker.Tracker.
func (c *Client) Compare(ctx context.Context, d *tracker.Desired) (*tracker.Report, error) {
	checkKey(d.Key)
	f := family{}
	found, err := c.findExperiment(ctx, d.Experiment)
	if err != nil {
		return nil, err
	}
	report := &tracker.Report{}
	if found != nil {
		runs, err := c.search(ctx, found.ID, d.Key)
		if err != nil {
			return nil, err
		}
		f, _ = oldest(runs)
		c.name(report, found, f)
	}
	parent := ""
	if f[""] != nil {
		parent = f[""].Info.ID
	}
	for _, n := range nodes(d) {
		if f[n.Model] == nil {
			report.Runs++
		}
		diff, err := c.difference(ctx, d, n, f[n.Model], parent, tracker.Options{})
		if err != nil {
			return nil, err
		}
		diff.count(report)
	}
	top := f[""]
	if top == nil {
		top = &run{}
	}
	return report, c.countFiles(ctx, top, d.Files, report)
}

func (c *Client) countFiles(ctx context.Context, r *run, files []tracker.File, report *tracker.Report) error {
	missing, note, err := c.missingFiles(ctx, r, files, tracker.Options{})
	report.Files += len(missing)
	if note != "" {
		report.Notes = append(report.Notes, note)
	}
	return err
}

// Sync implements tracker.Tracker.
func (c *Client) Sync(ctx context.Context, d *tracker.Desired, o tracker.Options) (*tracker.Report, error) {
	checkKey(d.Key)
	for try := 1; ; try++ {
		report := &tracker.Report{}
		err := c.sync(ctx, d, o, report)
		var failed *tracker.Error
		if try == syncTries || !errors.As(err, &failed) || failed.Kind != tracker.Gone {
			return report, err
		}
		o.Trust = false
	}
}

// sync sends numbers first, then files, and the status whatever became of the files: a run
// that is over must not look as if it went on because a file is too large for its server.
func (c *Client) sync(ctx context.Context, d *tracker.Desired, o tracker.Options, report *tracker.Report) error {
	at, err := c.ensureExperiment(ctx, d.Experiment)
	if err != nil {
		return err
	}
	if at == nil {
		return &tracker.Error{Kind: tracker.Unavailable, Op: "experiments/create", Text: fmt.Sprintf("experiment %q exists and is not found", d.Experiment)}
	}
	f, created, err := c.ensureFamily(ctx, at.ID, d)
	if err != nil {
		return err
	}
	report.Runs = len(created)
	c.name(report, at, f)
	var diffs []*difference
	for _, n := range nodes(d) {
		diff, err := c.difference(ctx, d, n, f[n.Model], report.RunID, o)
		if err != nil {
			return err
		}
		if n.Status == tracker.Unknown && created[n.Model] {
			diff.status = tracker.Killed
		}
		if err := c.send(ctx, diff, report); err != nil {
			return err
		}
		diffs = append(diffs, diff)
	}
	missing, note, err := c.missingFiles(ctx, f[""], d.Files, o)
	if note != "" {
		report.Notes = append(report.Notes, note)
	}
	if err == nil {
		err = c.sendFiles(ctx, f[""], missing, report)
	}
	for _, diff := range slices.Backward(diffs) { // the run itself last: it is over when all is
		if statusErr := c.sendStatus(ctx, d, diff, report); statusErr != nil {
			return errors.Join(err, statusErr)
		}
	}
	return err
}

// name says where the run is.
func (c *Client) name(report *tracker.Report, at *experiment, f family) {
	if top := f[""]; top != nil {
		report.RunID = top.Info.ID
		report.URL = fmt.Sprintf("%s/#/experiments/%s/runs/%s", c.URI(), at.ID, top.Info.ID)
	}
}

// nodes are the run and those nested in it.
func nodes(d *tracker.Desired) []*tracker.Node {
	out := []*tracker.Node{&d.Run}
	for i := range d.Models {
		out = append(out, &d.Models[i])
	}
	return out
}
