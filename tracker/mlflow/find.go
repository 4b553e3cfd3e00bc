package mlflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"everfold/tracker"
)

// Tags by which a run is found again. All runs of one key carry keyTag, nested ones their
// model, and each the moment of its creation, by which the oldest of duplicates is told.
const (
	keyTag     = "everfold.run_key"
	modelTag   = "everfold.model"
	createdTag = "everfold.created"
	parentTag  = "mlflow.parentRunId"
	nameTag    = "mlflow.runName"
)

// findExperiment returns the experiment of a name, nil where there is none. A deleted one is
// an error: everything in it is hidden, and to bring it back is somebody else's decision.
func (c *Client) findExperiment(ctx context.Context, name string) (*experiment, error) {
	const op = "experiments/get-by-name"
	var answer struct {
		Experiment *experiment `json:"experiment"`
	}
	err := c.get(ctx, op, url.Values{"experiment_name": {name}}, &answer)
	var failed *tracker.Error
	switch {
	case errors.As(err, &failed) && failed.Kind == tracker.Gone:
		return nil, nil
	case err != nil:
		return nil, err
	case answer.Experiment == nil || answer.Experiment.ID == "":
		return nil, &tracker.Error{Kind: tracker.NotTracker, Op: op, Text: "the answer holds no experiment"}
	case answer.Experiment.Lifecycle == "deleted":
		return nil, &tracker.Error{Kind: tracker.Rejected, Op: op, Text: fmt.Sprintf("experiment %q was deleted on the server: "+
			"restore it there (mlflow experiments restore --experiment-id %s), or name another in tracker.experiment", name, answer.Experiment.ID)}
	}
	return answer.Experiment, nil
}

// ensureExperiment creates the experiment where there is none. Who loses the race for the
// name finds the winner's.
func (c *Client) ensureExperiment(ctx context.Context, name string) (*experiment, error) {
	found, err := c.findExperiment(ctx, name)
	if err != nil || found != nil {
		return found, err
	}
	var made experiment
	err = c.post(ctx, "experiments/create", map[string]string{"name": name}, &made)
	var coded *apiError
	if errors.As(err, &coded) && coded.code == alreadyExists {
		return c.findExperiment(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	return &made, nil
}

// family is the run of a key with those nested in it, by model; "" is the run itself.
type family map[string]*run

// search returns every active run of a key.
func (c *Client) search(ctx context.Context, experimentID, key string) ([]*run, error) {
	const op = "runs/search"
	var found []*run
	for token := ""; ; {
		var answer struct {
			Runs []*run `json:"runs"`
			Next string `json:"next_page_token"`
		}
		body := map[string]any{
			"experiment_ids": []string{experimentID}, "run_view_type": "ACTIVE_ONLY", "max_results": 1000,
			"filter": fmt.Sprintf("tags.`%s` = '%s'", keyTag, key),
		}
		if token != "" {
			body["page_token"] = token
		}
		if err := c.post(ctx, op, body, &answer); err != nil {
			return nil, err
		}
		for _, r := range answer.Runs {
			if r.tag(keyTag) != key { // a server that does not filter
				return nil, &tracker.Error{Kind: tracker.NotTracker, Op: op, Text: "the answer holds runs that were not asked for"}
			}
			found = append(found, r)
		}
		if answer.Next == "" || answer.Next == token {
			return found, nil
		}
		token = answer.Next
	}
}

// oldest tells the family among runs, and the duplicates that younger creators left. All
// who look decide alike, whatever their clocks say.
func oldest(runs []*run) (f family, duplicates []*run) {
	slices.SortFunc(runs, func(a, b *run) int {
		return cmp.Or(cmp.Compare(a.tag(createdTag), b.tag(createdTag)), cmp.Compare(a.Info.ID, b.Info.ID))
	})
	f = family{}
	for _, r := range runs {
		if f[r.tag(modelTag)] != nil {
			duplicates = append(duplicates, r)
			continue
		}
		f[r.tag(modelTag)] = r
	}
	return f, duplicates
}

// ensureFamily finds the runs of d and creates those that are missing: first the run, then
// what is nested in it. A search before each creation finds what a killed Sync had made; one
// after it finds what another made at the same time.
func (c *Client) ensureFamily(ctx context.Context, experimentID string, d *tracker.Desired) (f family, created map[string]bool, err error) {
	created = map[string]bool{}
	if f, err = c.settle(ctx, experimentID, d.Key); err != nil {
		return nil, nil, err
	}
	for _, nodes := range [][]tracker.Node{{d.Run}, d.Models} {
		made := false
		for i := range nodes {
			n := &nodes[i]
			if f[n.Model] != nil {
				continue
			}
			if err := c.create(ctx, experimentID, d, n, f); err != nil {
				return nil, nil, err
			}
			made, created[n.Model] = true, true
		}
		if !made {
			continue
		}
		if f, err = c.settle(ctx, experimentID, d.Key); err != nil {
			return nil, nil, err
		}
		for _, n := range nodes {
			if f[n.Model] == nil { // to go on would create another one every time
				return nil, nil, &tracker.Error{Kind: tracker.NotTracker, Op: "runs/search", Text: "a run that was just created is not found"}
			}
		}
	}
	return f, created, nil
}

// settle is the family on the server, once younger duplicates are deleted.
func (c *Client) settle(ctx context.Context, experimentID, key string) (family, error) {
	runs, err := c.search(ctx, experimentID, key)
	if err != nil {
		return nil, err
	}
	f, duplicates := oldest(runs)
	for _, r := range duplicates {
		err := c.post(ctx, "runs/delete", map[string]string{"run_id": r.Info.ID}, nil)
		var failed *tracker.Error
		if errors.As(err, &failed) && failed.Kind == tracker.Gone {
			continue // the other one deleted it
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (c *Client) create(ctx context.Context, experimentID string, d *tracker.Desired, n *tracker.Node, f family) error {
	tags := []pair{{keyTag, d.Key}, {createdTag, fmt.Sprintf("%020d", time.Now().UnixNano())}, {nameTag, n.Name}}
	if n.Model != "" {
		tags = append(tags, pair{modelTag, n.Model}, pair{parentTag, f[""].Info.ID})
	}
	body := map[string]any{"experiment_id": experimentID, "run_name": n.Name, "start_time": d.Started, "tags": tags}
	return c.post(ctx, "runs/create", body, nil)
}

// checkKey: the key stands in a filter, between quotes that have no escape.
func checkKey(key string) {
	if key == "" || strings.ContainsAny(key, "'\"`\\%\n") {
		panic("mlflow: a run key with characters that a filter cannot hold")
	}
}
