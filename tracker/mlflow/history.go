package mlflow

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"everfold/tracker"
)

const (
	// historyReaders is how many metrics' histories are read at a time.
	historyReaders = 4
	historyPage    = 25_000 // the most that a server gives at once
	knownRuns      = 256    // whose points are remembered: some runs with their models
)

// point is what makes two metric points the same.
type point struct {
	key      string
	step, at int64
	bits     uint64
}

func pointOf(key string, step, at int64, value float64) point {
	return point{key, step, at, canonical(value)}
}

// canonical is a value as servers give it back: they keep infinities as the largest numbers,
// and know one NaN and one zero.
func canonical(v float64) uint64 {
	switch {
	case math.IsNaN(v):
		return math.Float64bits(math.NaN())
	case v == 0:
		return 0
	}
	return math.Float64bits(max(-math.MaxFloat64, min(v, math.MaxFloat64)))
}

type points map[point]bool

// known remembers which points runs have, so that a fold more costs no reading of all the
// others.
type known struct {
	mu   sync.Mutex
	runs map[string]points
}

func (k *known) get(id string) points {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.runs[id]
}

func (k *known) put(id string, p points) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.runs == nil || len(k.runs) >= knownRuns {
		k.runs = map[string]points{}
	}
	k.runs[id] = p
}

func (k *known) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.runs, id)
}

// pointsOf are the points that a run has of the metrics in want. With trust, those that are
// remembered, unless the latest ones that the server tells contradict them.
func (c *Client) pointsOf(ctx context.Context, r *run, want []tracker.Metric, trust bool) (points, error) {
	if have := c.known.get(r.Info.ID); trust && have != nil && plausible(have, r) {
		return have, nil
	}
	wanted := map[string]bool{}
	for _, m := range want {
		wanted[m.Key] = true
	}
	have := points{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(historyReaders)
	for _, m := range r.Data.Metrics { // a metric that is not among them has no points at all
		if !wanted[m.Key] {
			continue
		}
		group.Go(func() (err error) {
			defer func() { // here, since the caller cannot: this is another goroutine
				if p := recover(); p != nil {
					err = fmt.Errorf("tracker: metrics/get-history: panic: %v", p)
				}
			}()
			return c.history(ctx, r.Info.ID, m.Key, func(m metric) {
				mu.Lock()
				defer mu.Unlock()
				have[pointOf(m.Key, int64(m.Step), int64(m.Timestamp), float64(m.Value))] = true
			})
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	c.known.put(r.Info.ID, have)
	return have, nil
}

// plausible: the server has the latest points that are remembered, and none besides.
func plausible(have points, r *run) bool {
	latest := map[string]bool{}
	for _, m := range r.Data.Metrics {
		latest[m.Key] = true
		if !have[pointOf(m.Key, int64(m.Step), int64(m.Timestamp), float64(m.Value))] {
			return false
		}
	}
	for p := range have {
		if !latest[p.key] {
			return false
		}
	}
	return true
}

// history gives every point of one metric to each.
func (c *Client) history(ctx context.Context, id, key string, each func(metric)) error {
	query := url.Values{"run_id": {id}, "metric_key": {key}, "max_results": {strconv.Itoa(historyPage)}}
	for {
		var answer struct {
			Metrics []metric `json:"metrics"`
			Next    string   `json:"next_page_token"`
		}
		if err := c.get(ctx, "metrics/get-history", query, &answer); err != nil {
			return err
		}
		for _, m := range answer.Metrics {
			each(m)
		}
		if answer.Next == "" || answer.Next == query.Get("page_token") {
			return nil
		}
		query.Set("page_token", answer.Next)
	}
}
