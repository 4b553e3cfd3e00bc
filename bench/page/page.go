// Package page is what the benchmark commands have in common: where they ran, their results file
// and their tables in a page of docs.
//
// Preconditions: a page has a begin and an end line for each command that publishes into it.
package page

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Machine is where and when something was measured.
type Machine struct {
	Date      string `json:"date"`
	Go        string `json:"go"`
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Load      string `json:"load_average"` // at the start: shows whether the machine was quiet
}

// Here is this machine, now.
func Here() Machine {
	load, _ := os.ReadFile("/proc/loadavg") // no such file: no load
	return Machine{Date: time.Now().UTC().Format(time.DateOnly), Go: runtime.Version(), Processor: processor(),
		Cores: runtime.NumCPU(), Load: strings.TrimSpace(string(load))}
}

// String is a line of a page.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s; load average at the start %s", m.Processor, m.Cores, m.Go, m.Load)
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

// Save writes a results file.
func Save(path string, results any) error {
	content, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// Publish replaces what the page has between the lines of a command, or prints the tables where
// there is no page.
func Publish(path, command, tables string) error {
	if path == "" {
		fmt.Print(tables)
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	replaced, err := replace(string(text), command, tables)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(replaced), 0o644)
}

// replace puts tables between "<!-- command: begin -->" and "<!-- command: end -->".
func replace(text, command, tables string) (string, error) {
	begin, end := "<!-- "+command+": begin -->\n", "<!-- "+command+": end -->\n"
	before, rest, first := strings.Cut(text, begin)
	_, after, last := strings.Cut(rest, end)
	if !first || !last {
		return "", fmt.Errorf("has no lines %q and %q, one after the other", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + tables + end + after, nil
}
