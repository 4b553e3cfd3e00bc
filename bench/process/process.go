// Package process says what programs use while they run, by /proc: the resident sizes that the
// system reports of a process after its end are at least those of the program that started it.
//
// Non-goals: systems other than Linux; processes that end within a look at them.
package process

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Usage is what a program used: all its processes together, but the largest of them in memory.
type Usage struct {
	Name     string  `json:"name"`
	MemoryMB float64 `json:"memory_mb"` // largest resident size
	CPU      float64 `json:"cpu_seconds"`
}

// ticks a second is the unit of processor time in /proc on Linux, whatever the kernel's own.
const ticks = 100

// FamilyEvery and PeakEvery are how often a family and a single process are looked at: what one
// uses after the last look is not seen.
const (
	FamilyEvery = 250 * time.Millisecond
	PeakEvery   = 10 * time.Millisecond
)

// membersEvery is at which of the looks at a family its new members are found, by a file of every
// process of the machine: four times a second that took 3 % of a core from what it looked at.
const membersEvery = 8

// WatchFamily looks at a process and its descendants until it is stopped, which gives what each
// program used, by name.
func WatchFamily(root int) (stop func() []Usage) {
	seen := map[int]Usage{} // by process id, the last look at each
	looks := 0
	end := every(FamilyEvery, func() {
		if looks++; looks%membersEvery == 1 {
			maps.Copy(seen, Family(root))
			return
		}
		for pid, former := range seen {
			if p, ok := usage(pid); ok && p.Name == former.Name { // else its number is another's by now
				seen[pid] = p
			}
		}
	})
	return func() []Usage {
		end()
		programs := map[string]Usage{}
		for _, p := range seen {
			sum := programs[p.Name]
			programs[p.Name] = Usage{p.Name, max(sum.MemoryMB, p.MemoryMB), sum.CPU + p.CPU}
		}
		return slices.SortedFunc(maps.Values(programs), func(a, b Usage) int { return strings.Compare(a.Name, b.Name) })
	}
}

// WatchPeak looks at one process, which runs its program already, until it is stopped, which gives
// the largest resident size in megabytes; 0 where the process was never seen.
func WatchPeak(pid int) (stop func() float64) {
	most := 0.0
	end := every(PeakEvery, func() { most = max(most, peakOf(pid)) })
	return func() float64 {
		end()
		return most
	}
}

// every looks at once and then again and again, until it is ended.
func every(d time.Duration, look func()) (end func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			look()
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// Family is a process with its descendants, by id. Those that end meanwhile are left out.
func Family(root int) map[int]Usage {
	children, all := map[int][]int{}, map[int]Usage{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid, parent, p, ok := parseStat(string(content))
		if !ok {
			continue
		}
		children[parent], all[pid] = append(children[parent], pid), p
	}
	out := map[int]Usage{}
	for next := []int{root}; len(next) > 0; next = next[1:] {
		p, ok := all[next[0]]
		if !ok {
			continue
		}
		p.MemoryMB = peakOf(next[0])
		if p.MemoryMB > 0 { // not ended meanwhile
			out[next[0]] = p
		}
		next = append(next, children[next[0]]...)
	}
	return out
}

// usage is what a process has used so far; false where it has ended.
func usage(pid int) (Usage, bool) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Usage{}, false
	}
	_, _, p, ok := parseStat(string(content))
	p.MemoryMB = peakOf(pid)
	return p, ok && p.MemoryMB > 0
}

// parseStat reads /proc/PID/stat; a name in it may hold spaces and brackets.
func parseStat(text string) (pid, parent int, p Usage, ok bool) {
	first, last := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if first < 0 || last < first {
		return 0, 0, Usage{}, false
	}
	fields := strings.Fields(text[last+1:])
	if len(fields) < 13 {
		return 0, 0, Usage{}, false
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(strings.TrimSpace(s)) // the kernel writes numbers
		return n
	}
	p = Usage{Name: text[first+1 : last], CPU: float64(number(fields[11])+number(fields[12])) / ticks}
	return number(text[:first]), number(fields[1]), p, true
}

// peakOf is the largest resident size of a process so far; 0 where it has ended.
func peakOf(pid int) float64 {
	status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status")) // no such file: ended
	return peak(string(status))
}

// peak is VmHWM of /proc/PID/status in megabytes; 0 where there is none.
func peak(status string) float64 {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kilobytes / 1024
		}
	}
	return 0
}
