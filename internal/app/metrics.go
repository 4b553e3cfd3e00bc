package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"go.temporal.io/sdk/client"

	"everfold/activities"
	"everfold/internal/metrics"
)

// Metrics is what a worker counts, shown to Prometheus. The nil *Metrics counts nothing.
type Metrics struct{ server *metrics.Server }

// ListenMetrics takes the address, host:port, for scrapes. It returns ErrWorkerOptions for
// what is no address; an address that cannot be had is another error.
func ListenMetrics(address string) (*Metrics, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("%w: metrics address %q: want host:port, such as 127.0.0.1:9464", ErrWorkerOptions, address)
	}
	b := Build()
	server, err := metrics.Listen(address, metrics.Facts{
		Version: b.Version, Revision: b.Revision, Go: b.Go, MemoryLimit: activities.MemoryLimit(),
	})
	if err != nil {
		return nil, err
	}
	return &Metrics{server: server}, nil
}

// Serve answers scrapes until ctx ends.
func (m *Metrics) Serve(ctx context.Context, log *slog.Logger) { m.server.Serve(ctx, log) }

// Close frees the address.
func (m *Metrics) Close() error { return m.server.Close() }

// handler is where the SDK and everfold count.
func (m *Metrics) handler() client.MetricsHandler {
	if m == nil {
		return client.MetricsNopHandler
	}
	return m.server
}
