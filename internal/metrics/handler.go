// Package metrics shows what a worker counts to Prometheus: what Temporal's SDK counts, and
// what everfold counts through the same interface, client.MetricsHandler. Names follow
// Prometheus's conventions: counters end in _total, timers are histograms in _seconds.
//
// Preconditions: the values of tags are few and known beforehand. Runs and models have names
// without bound, so they are no tags; types of models are.
//
// Non-goals: deciding what is counted, access control, pushing.
package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// buckets are the limits, in seconds, of every histogram: calls of the server take
// milliseconds, fits up to hours.
var buckets = []float64{.005, .025, .1, .5, 1, 5, 15, 60, 300, 1800, 7200, 43200}

// Handler is a client.MetricsHandler and, for a registry, a collector of all that it and those
// made from it have counted. The zero value is not usable; safe for concurrent use.
type Handler struct {
	vectors *vectors
	tags    map[string]string
}

var _ client.MetricsHandler = (*Handler)(nil)
var _ prometheus.Collector = (*Handler)(nil)

// NewHandler returns a handler that has counted nothing.
func NewHandler() *Handler { return &Handler{vectors: &vectors{byKey: map[string]vector{}}} }

// WithTags implements client.MetricsHandler.
func (h *Handler) WithTags(tags map[string]string) client.MetricsHandler {
	all := maps.Clone(h.tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	return &Handler{vectors: h.vectors, tags: all}
}

// Counter implements client.MetricsHandler.
func (h *Handler) Counter(name string) client.MetricsCounter {
	opts := prometheus.CounterOpts{Name: suffixed(name, "_total"), Help: help}
	v := find(h, "counter", opts.Name, func(labels []string) *prometheus.CounterVec { return prometheus.NewCounterVec(opts, labels) })
	return counter{v.With(h.labels())}
}

// Gauge implements client.MetricsHandler.
func (h *Handler) Gauge(name string) client.MetricsGauge {
	opts := prometheus.GaugeOpts{Name: legal(name), Help: help}
	v := find(h, "gauge", opts.Name, func(labels []string) *prometheus.GaugeVec { return prometheus.NewGaugeVec(opts, labels) })
	return gauge{v.With(h.labels())}
}

// Timer implements client.MetricsHandler.
func (h *Handler) Timer(name string) client.MetricsTimer {
	opts := prometheus.HistogramOpts{Name: suffixed(name, "_seconds"), Help: help, Buckets: buckets}
	v := find(h, "histogram", opts.Name, func(labels []string) *prometheus.HistogramVec { return prometheus.NewHistogramVec(opts, labels) })
	return timer{v.With(h.labels())}
}

// Describe implements prometheus.Collector. It describes nothing beforehand: what the SDK
// counts, and by which tags, is for the SDK to know.
func (h *Handler) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (h *Handler) Collect(out chan<- prometheus.Metric) {
	for _, v := range h.vectors.all() {
		v.Collect(out)
	}
}

const help = "See docs/OPERATIONS.md for everfold's, Temporal's SDK metrics reference for temporal_."

// vector is a *prometheus.CounterVec, GaugeVec or HistogramVec.
type vector = prometheus.Collector

// vectors are the series by kind, name and names of labels: one name may come with
// different labels, which Prometheus allows and a single vector does not.
type vectors struct {
	mu    sync.Mutex
	byKey map[string]vector
}

func (v *vectors) all() []vector {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Values(v.byKey))
}

// find returns the vector of a name with the handler's labels, made by add where it is new.
func find[V vector](h *Handler, kind, name string, add func(labels []string) V) V {
	labels := slices.Sorted(maps.Keys(h.labels()))
	key := kind + " " + name + " " + strings.Join(labels, ",")
	h.vectors.mu.Lock()
	defer h.vectors.mu.Unlock()
	if known, ok := h.vectors.byKey[key].(V); ok {
		return known
	}
	made := add(labels)
	h.vectors.byKey[key] = made
	return made
}

// labels are the tags under names that Prometheus takes.
func (h *Handler) labels() prometheus.Labels {
	out := prometheus.Labels{}
	for name, value := range h.tags {
		out[legal(name)] = strings.ToValidUTF8(value, "?")
	}
	return out
}

// legal replaces what no Prometheus name may hold.
func legal(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

func suffixed(name, suffix string) string {
	return strings.TrimSuffix(legal(name), suffix) + suffix
}

type counter struct{ c prometheus.Counter }

// Inc adds; a counter never falls.
func (c counter) Inc(by int64) { c.c.Add(float64(max(0, by))) }

type gauge struct{ g prometheus.Gauge }

// Update sets.
func (g gauge) Update(v float64) { g.g.Set(v) }

type timer struct{ o prometheus.Observer }

// Record observes.
func (t timer) Record(d time.Duration) { t.o.Observe(d.Seconds()) }
