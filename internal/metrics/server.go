package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// path is where Prometheus looks by default.
const path = "/metrics"

// Server answers scrapes.
type Server struct {
	*Handler
	listener net.Listener
	registry *prometheus.Registry
}

// Facts are what a worker says of itself once.
type Facts struct {
	Version, Revision, Go string
	MemoryLimit           int64 // bytes that the process may use
}

// Listen takes the address, host:port; port 0 is a free one. Nothing is answered before Serve.
func Listen(address string, f Facts) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics on %s: %w", address, err)
	}
	s := &Server{Handler: NewHandler(), listener: l, registry: prometheus.NewRegistry()}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "everfold_build_info", Help: "1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": f.Version, "revision": f.Revision, "goversion": f.Go},
	})
	build.Set(1)
	limit := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "everfold_memory_limit_bytes", Help: "Memory that this process may use: the smaller of the container's and the machine's.",
	})
	limit.Set(float64(f.MemoryLimit))
	s.registry.MustRegister(s.Handler, build, limit,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s, nil
}

// URL is where the metrics are.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + path }

// Serve answers until ctx ends. A scrape that fails is no reason to end; what the listener
// says at last is logged.
func (s *Server) Serve(ctx context.Context, log *slog.Logger) {
	mux := http.NewServeMux()
	mux.Handle("GET "+path, promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // scrapes may end early
	defer stop()
	log.Info("metrics are served", "url", s.URL())
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error("metrics are not served any more", "error", err)
	}
}

// Close frees the address where Serve was never called.
func (s *Server) Close() error { return s.listener.Close() }
