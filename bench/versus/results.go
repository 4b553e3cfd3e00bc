package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// results are what the JSON file holds.
type results struct {
	Date        string       `json:"date"`
	Quick       bool         `json:"quick"`
	Runs        int          `json:"runs"`
	Go          string       `json:"go"`
	Processor   string       `json:"processor"`
	Cores       int          `json:"cores"`
	Load        string       `json:"load_average"` // at the start: shows whether the machine was quiet
	Comparisons []comparison `json:"comparisons"`
	Threads     []threadLine `json:"threads"`
	Growth      []growthLine `json:"growth"`
}

func describe(o options) *results {
	load, _ := os.ReadFile("/proc/loadavg") // no such file: no load
	return &results{
		Date: time.Now().UTC().Format(time.DateOnly), Quick: o.quick, Runs: o.runs,
		Go: runtime.Version(), Processor: processor(), Cores: runtime.NumCPU(), Load: strings.TrimSpace(string(load)),
	}
}

// processor is the machine's name for its processor, or its architecture.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func (r *results) save(path string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// The page's tables are between these lines.
const (
	begin = "<!-- versus: begin -->\n"
	end   = "<!-- versus: end -->\n"
)

// publish replaces what the page has between its markers, or prints the tables where there is
// no page.
func publish(page, tables string) error {
	if page == "" {
		fmt.Print(tables)
		return nil
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	replaced, err := replace(string(text), tables)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(replaced), 0o644)
}

func replace(text, tables string) (string, error) {
	before, rest, first := strings.Cut(text, begin)
	_, after, last := strings.Cut(rest, end)
	if !first || !last {
		return "", fmt.Errorf("has no lines %q and %q, one after the other", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + tables + end + after, nil
}

// tables are the page's: how it was measured, the comparison, the growth.
func (r *results) tables() string {
	var b strings.Builder
	size := "the whole table"
	if r.Quick {
		size = "small tables (`make bench-quick`)"
	}
	fmt.Fprintf(&b, "\n%s, %s, %d runs a side. %s, %d cores, %s; load average at the start %s.\n", r.Date, size, r.Runs, r.Processor, r.Cores, r.Go, r.Load)
	if len(r.Comparisons) > 0 {
		b.WriteString("\n| what | rows | everfold s | peer s | peer | times faster | target | C | peer's C | IBS | peer's IBS | MB | peer's MB |\n")
		b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	}
	for _, c := range r.Comparisons {
		fmt.Fprintf(&b, "| %s | %d | %.3g | %.3g | %s | %.1f | %s | %s | %s | %s | %s | %.0f | %.0f |\n", c.Name, c.Rows, c.Ours.Median, c.Peer.Median,
			c.Peer.Program, c.Ratio, wanted("≥ %g", c.Target), score(c.Ours.C), score(c.Peer.C), score(c.Ours.IBS), score(c.Peer.IBS), c.Ours.MemoryMB, c.Peer.MemoryMB)
	}
	if len(r.Threads) > 0 {
		b.WriteString("\n| everfold alone | rows | 1 thread s | 2 threads s | times faster | target |\n|---|---|---|---|---|---|\n")
	}
	for _, t := range r.Threads {
		fmt.Fprintf(&b, "| %s | %d | %.3g | %.3g | %.2f | %s |\n", t.Name, t.Rows, t.One, t.Two, t.Ratio, wanted("≥ %g", t.Target))
	}
	if len(r.Growth) > 0 {
		fmt.Fprintf(&b, "\n| everfold alone | times | %s | exponent | target |\n|---|---|%s---|---|\n", heading(r.Growth[0].Rows), strings.Repeat("---|", len(r.Growth[0].Rows)))
	}
	for _, g := range r.Growth {
		times := "days"
		if g.Continuous {
			times = "continuous"
		}
		fmt.Fprintf(&b, "| %s | %s |", g.Name, times)
		for _, s := range g.Seconds {
			fmt.Fprintf(&b, " %.3g s |", s)
		}
		fmt.Fprintf(&b, " %.2f | %s |\n", g.Exponent, wanted("≤ %g", g.Target))
	}
	b.WriteString("\n")
	return b.String()
}

func heading(rows []int) string {
	words := make([]string, len(rows))
	for i, n := range rows {
		words[i] = fmt.Sprintf("%d rows", n)
	}
	return strings.Join(words, " | ")
}

// score is a score with the digits that folds differ in; empty where there is none.
func score(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.4f", *v)
}

// wanted is a target; empty where there is none.
func wanted(format string, target float64) string {
	if target == 0 {
		return ""
	}
	return fmt.Sprintf(format, target)
}

// line says what a comparison gave, as it goes.
func (c comparison) line() string {
	return fmt.Sprintf("%s: %.3g s, %s %.3g s: %.1f times faster; C %s and %s", c.Name, c.Ours.Median, c.Peer.Program, c.Peer.Median, c.Ratio, score(c.Ours.C), score(c.Peer.C))
}
