package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// metricsPath is where a worker answers scrapes.
const metricsPath = "/metrics"

// servingMetric is there once the worker polls for what it has slots for.
const servingMetric = "temporal_worker_task_slots_available{"

// probeTimeout is how long a worker may take to answer a probe.
const probeTimeout = 5 * time.Second

// probe asks the worker whose metrics are at an address whether it serves: the health check
// of a container that has no other program. An address of all interfaces is asked on loopback.
func probe(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return &usageError{fmt.Errorf("--probe: the address of --metrics-listen: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	url := "http://" + net.JoinHostPort(host, port) + metricsPath
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return &usageError{fmt.Errorf("--probe: the address of --metrics-listen: %w", err)}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("probe: %s answers %s", url, response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), servingMetric) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("probe: read %s: %w", url, err)
	}
	return errors.New("probe: a worker answers at " + url + ", and does not serve yet")
}
