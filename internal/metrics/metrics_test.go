package metrics

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// Claim: what is counted through the SDK's interface is shown under Prometheus's names, tags of
// handlers add up, the later one winning, and one name may come with different tags.
func TestHandler(t *testing.T) {
	h := NewHandler()
	a := h.WithTags(map[string]string{"queue": "x", "worker-type": "w"}).WithTags(map[string]string{"queue": "y\xff"})
	a.Counter("temporal_request").Inc(2)
	a.Counter("temporal_request").Inc(1)
	a.Counter("temporal_request").Inc(-5) // counters do not fall
	h.WithTags(map[string]string{"operation": "poll"}).Counter("temporal_request").Inc(1)
	h.Counter("local_activity_total").Inc(1)
	h.Gauge("slots.used").Update(3)
	h.Timer("latency").Record(250 * time.Millisecond)

	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(h))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(strings.ReplaceAll(`
# HELP latency_seconds TEXT
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.005"} 0
latency_seconds_bucket{le="0.025"} 0
latency_seconds_bucket{le="0.1"} 0
latency_seconds_bucket{le="0.5"} 1
latency_seconds_bucket{le="1"} 1
latency_seconds_bucket{le="5"} 1
latency_seconds_bucket{le="15"} 1
latency_seconds_bucket{le="60"} 1
latency_seconds_bucket{le="300"} 1
latency_seconds_bucket{le="1800"} 1
latency_seconds_bucket{le="7200"} 1
latency_seconds_bucket{le="43200"} 1
latency_seconds_bucket{le="+Inf"} 1
latency_seconds_sum 0.25
latency_seconds_count 1
# HELP local_activity_total TEXT
# TYPE local_activity_total counter
local_activity_total 1
# HELP slots_used TEXT
# TYPE slots_used gauge
slots_used 3
# HELP temporal_request_total TEXT
# TYPE temporal_request_total counter
temporal_request_total{operation="poll"} 1
temporal_request_total{queue="y?",worker_type="w"} 3
`, "TEXT", help)[len("\n"):])))
}

// Claim: a server answers under /metrics alone, with this process's memory and what it may
// use, and until its context ends.
func TestServer(t *testing.T) {
	s, err := Listen("127.0.0.1:0", Facts{Version: "v1", Revision: "abc", Go: "go1", MemoryLimit: 1 << 30})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Serve(ctx, slog.New(slog.DiscardHandler)); close(ended) }()
	s.Counter("everfold_things").Inc(1)

	text := get(t, s.URL(), http.StatusOK)
	for _, line := range []string{
		`everfold_build_info{goversion="go1",revision="abc",version="v1"} 1`,
		"everfold_memory_limit_bytes 1.073741824e+09", "process_resident_memory_bytes", "go_goroutines", "everfold_things_total 1",
	} {
		require.Contains(t, text, line)
	}
	get(t, strings.TrimSuffix(s.URL(), path)+"/other", http.StatusNotFound)
	stop()
	<-ended
	_, err = http.Get(s.URL())
	require.Error(t, err)
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	require.Equal(t, status, r.StatusCode)
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(text)
}

// Claim: an address that somebody else has is an error that names it.
func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(l.Addr().String(), Facts{})
	require.ErrorContains(t, err, "serve metrics on "+l.Addr().String())
	require.ErrorContains(t, err, "in use")

	s, err := Listen("127.0.0.1:0", Facts{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s, err = Listen(strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), path), Facts{})
	require.NoError(t, err, "free again")
	require.NoError(t, s.Close())
}
