package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var file = flag.String("results", "", "write all runs and their medians to this JSON file")

// measured is one metric of one benchmark.
type measured struct {
	Benchmark string    `json:"benchmark"`
	Unit      string    `json:"unit"`
	Median    float64   `json:"median"`
	Runs      []float64 `json:"runs"`
}

var results []measured

func TestMain(m *testing.M) {
	code := m.Run()
	if *file != "" && code == 0 {
		if err := save(*file); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// report shows the median of several runs and keeps them for the file.
func report(b *testing.B, unit string, runs []float64) {
	sorted := slices.Sorted(slices.Values(runs))
	median := (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	b.ReportMetric(median, unit)
	b.ReportMetric(0, "ns/op") // leaves it out: the metric above is what counts
	results = append(results, measured{Benchmark: b.Name(), Unit: unit, Median: median, Runs: runs})
}

func save(path string) error {
	content, err := json.MarshalIndent(map[string]any{
		"date": time.Now().UTC().Format(time.DateOnly), "go": runtime.Version(),
		"load_average": load(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "cores": runtime.NumCPU(), "slots": slots,
		"results": results,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// load is the system's load averages at the end, which show whether the machine was quiet.
func load() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(content))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
