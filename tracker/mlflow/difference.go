package mlflow

import (
	"context"
	"maps"
	"slices"
	"strings"

	"everfold/tracker"
)

// What the API takes at most. Tag values are 8,000 on newer servers.
const (
	maxParam = 6_000
	maxTag   = 5_000
)

// difference is what one run lacks.
type difference struct {
	id        string
	params    []pair
	tags      []pair
	metrics   []metric
	status    tracker.Status // "": as it is
	conflicts []string       // new ones
}

func (d *difference) count(into *tracker.Report) {
	into.Params += len(d.params)
	into.Tags += len(d.tags)
	into.Metrics += len(d.metrics)
	if d.status != "" {
		into.Statuses++
	}
	into.Conflicts = append(into.Conflicts, d.conflicts...)
}

// difference compares one run with what is desired; r is nil where it is not there at all.
func (c *Client) difference(ctx context.Context, d *tracker.Desired, n *tracker.Node, r *run, parent string, o tracker.Options) (*difference, error) {
	if r == nil {
		r = &run{}
	}
	out := &difference{id: r.Info.ID}
	out.compareParams(n, r)
	tags := maps.Clone(n.Tags)
	if n.Model != "" && parent != "" {
		if tags == nil {
			tags = map[string]string{}
		}
		tags[parentTag] = parent // it may have been created anew
	}
	out.compareTags(tags, r)
	have, err := c.pointsOf(ctx, r, n.Metrics, o.Trust)
	if err != nil {
		return nil, err
	}
	sent := points{}
	for _, m := range n.Metrics {
		p := pointOf(m.Key, m.Step, m.Timestamp, m.Value)
		if !have[p] && !sent[p] {
			sent[p] = true
			out.metrics = append(out.metrics, metric{m.Key, number(m.Value), whole(m.Timestamp), whole(m.Step)})
		}
	}
	out.status = statusOf(d, n, r)
	return out, nil
}

// statusOf is the status that r must be given, "" where it has it already. A run that is
// over has an end, too.
func statusOf(d *tracker.Desired, n *tracker.Node, r *run) tracker.Status {
	ended := n.Status != tracker.Unknown && n.Status != tracker.Running
	switch {
	case n.Status == tracker.Unknown:
		return ""
	case r.Info.Status != string(n.Status), ended && int64(r.Info.End) != d.Ended:
		return n.Status
	}
	return ""
}

// compareParams: the server keeps a parameter's first value for ever. Another one is no
// error; it becomes a tag, for people to see.
func (d *difference) compareParams(n *tracker.Node, r *run) {
	have, tags := mapOf(r.Data.Params), mapOf(r.Data.Tags)
	for _, key := range slices.Sorted(maps.Keys(n.Params)) {
		value, short := cut(n.Params[key], maxParam), cut(n.Params[key], maxTag)
		former, there := have[key]
		switch changed := tracker.ChangedTag + key; {
		case !there:
			d.params = append(d.params, pair{key, value})
		case former == value && tags[changed] != "" && tags[changed] != short: // changed and changed back
			d.tags = append(d.tags, pair{changed, short})
		case former != value && tags[changed] != short:
			d.tags = append(d.tags, pair{changed, short})
			d.conflicts = append(d.conflicts, strings.TrimPrefix(n.Model+" "+key, " "))
		}
	}
}

func (d *difference) compareTags(want map[string]string, r *run) {
	have := mapOf(r.Data.Tags)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		value := cut(want[key], maxTag)
		if former, there := have[key]; !there || former != value {
			d.tags = append(d.tags, pair{key, value})
		}
	}
}

// cut shortens a value to what the API takes, the same way every time.
func cut(value string, most int) string {
	if len(value) <= most {
		return value
	}
	const mark = " …"
	return strings.ToValidUTF8(value[:most-len(mark)], "") + mark
}
