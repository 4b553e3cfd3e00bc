package trackertest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"everfold/tracker"
)

// Fake is a tracker in memory. The zero value is ready.
type Fake struct {
	// Before runs before every call and may fail it, or panic. It is not called at once
	// by several goroutines.
	Before func(ctx context.Context, op string) error

	mu    sync.Mutex
	runs  map[string]map[string]*Held // by key, then model
	last  int
	calls []string
}

var _ tracker.Tracker = (*Fake)(nil)

// URI implements tracker.Tracker.
func (f *Fake) URI() string { return "fake://tracker" }

// Calls are the operations so far.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *Fake) begin(ctx context.Context, op string) error {
	f.calls = append(f.calls, op)
	if ctx.Err() != nil {
		return fmt.Errorf("fake: %w", ctx.Err())
	}
	if f.Before != nil {
		return f.Before(ctx, op)
	}
	return nil
}

// Probe implements tracker.Tracker.
func (f *Fake) Probe(ctx context.Context, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begin(ctx, "probe")
}

// Compare implements tracker.Tracker.
func (f *Fake) Compare(ctx context.Context, d *tracker.Desired) (*tracker.Report, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "compare"); err != nil {
		return nil, err
	}
	return f.apply(d, false), nil
}

// Sync implements tracker.Tracker.
func (f *Fake) Sync(ctx context.Context, d *tracker.Desired, _ tracker.Options) (*tracker.Report, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(ctx, "sync"); err != nil {
		return &tracker.Report{}, err
	}
	return f.apply(d, true), nil
}

// Held is what the fake holds of a run, by model.
func (f *Fake) Held(key string) map[string][]Held {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string][]Held{}
	for model, h := range f.runs[key] {
		c := *h
		c.Params, c.Tags, c.Files = maps.Clone(h.Params), maps.Clone(h.Tags), maps.Clone(h.Files)
		c.Metrics = slices.Clone(h.Metrics)
		out[model] = []Held{c}
	}
	return out
}

// Remove deletes a run.
func (f *Fake) Remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, family := range f.runs {
		for model, h := range family {
			if h.ID == id {
				delete(family, model)
			}
		}
	}
}

// apply counts what is missing and, with write, adds it.
func (f *Fake) apply(d *tracker.Desired, write bool) *tracker.Report {
	r := &tracker.Report{}
	if f.runs == nil {
		f.runs = map[string]map[string]*Held{}
	}
	family := f.runs[d.Key]
	if family == nil {
		family = map[string]*Held{}
	}
	if write {
		f.runs[d.Key] = family
	}
	parent := ""
	for _, n := range append([]tracker.Node{d.Run}, d.Models...) {
		h := family[n.Model]
		if h == nil {
			r.Runs++
			f.last++
			h = &Held{ID: fmt.Sprintf("run-%d", f.last), Status: string(tracker.Running)}
			if n.Status == tracker.Unknown {
				h.Status = string(tracker.Killed)
				r.Statuses++
			}
		}
		c := h.copy()
		if n.Model == "" {
			parent = c.ID
		}
		c.merge(d, &n, parent, r)
		if write {
			family[n.Model] = c
		}
		if n.Model == "" && family[""] != nil {
			r.RunID, r.URL = c.ID, "fake://tracker/"+c.ID
		}
	}
	return r
}

func (h *Held) copy() *Held {
	c := *h
	c.Params, c.Tags, c.Files = map[string]string{}, map[string]string{}, map[string]int64{}
	maps.Copy(c.Params, h.Params)
	maps.Copy(c.Tags, h.Tags)
	maps.Copy(c.Files, h.Files)
	c.Metrics = slices.Clone(h.Metrics)
	return &c
}

func (h *Held) merge(d *tracker.Desired, n *tracker.Node, parent string, r *tracker.Report) {
	tag := func(key, value string) bool {
		if have, there := h.Tags[key]; there && have == value {
			return false
		}
		h.Tags[key] = value
		r.Tags++
		return true
	}
	if n.Model != "" && h.Parent != parent {
		h.Parent = parent
		r.Tags++
	}
	for key, value := range n.Params {
		have, there := h.Params[key]
		_, changed := h.Tags[tracker.ChangedTag+key]
		switch {
		case !there:
			h.Params[key] = value
			r.Params++
		case have != value || changed:
			if tag(tracker.ChangedTag+key, value) && have != value {
				r.Conflicts = append(r.Conflicts, key)
			}
		}
	}
	for key, value := range n.Tags {
		tag(key, value)
	}
	h.addMetrics(n, r)
	ended := n.Status != tracker.Running
	if n.Status != tracker.Unknown && (h.Status != string(n.Status) || ended && h.End != d.Ended) {
		h.Status = string(n.Status)
		r.Statuses++
		if ended {
			h.End = d.Ended
		}
	}
	if n.Model == "" {
		for _, f := range d.Files {
			if tag("sha256."+f.Path, f.SHA256) {
				r.Tags--
				r.Files++
				h.Files[f.Path] = f.Size
			}
		}
	}
}

func (h *Held) addMetrics(n *tracker.Node, r *tracker.Report) {
	have := map[tracker.Metric]bool{}
	for _, m := range h.Metrics {
		have[finite(m)] = true
	}
	for _, m := range n.Metrics {
		if !have[finite(m)] {
			have[finite(m)] = true
			h.Metrics = append(h.Metrics, m)
			r.Metrics++
		}
	}
}

// finite makes a NaN comparable.
func finite(m tracker.Metric) tracker.Metric {
	if math.IsNaN(m.Value) {
		m.Key, m.Value = m.Key+"\x00NaN", 0
	}
	return m
}
