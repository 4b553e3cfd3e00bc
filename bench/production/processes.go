package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// process is what a program used: all its processes together, but the largest of them in memory.
type process struct {
	Name     string  `json:"name"`
	MemoryMB float64 `json:"memory_mb"` // largest resident size
	CPU      float64 `json:"cpu_seconds"`
}

// ticks a second is the unit of processor time in /proc on Linux, whatever the kernel's own.
const ticks = 100

// sampleEvery is how often processes are looked at: what one uses after that is not seen.
const sampleEvery = 250 * time.Millisecond

// sampler looks at a process and its descendants until it is stopped.
type sampler struct {
	root  int
	seen  map[int]process // by process id, the last look at each
	end   chan struct{}
	ended chan struct{}
}

func sample(root int) *sampler {
	s := &sampler{root: root, seen: map[int]process{}, end: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			maps.Copy(s.seen, family(root))
			select {
			case <-tick.C:
			case <-s.end:
				return
			}
		}
	}()
	return s
}

// stop gives what each program used, by name.
func (s *sampler) stop() []process {
	close(s.end)
	<-s.ended
	programs := map[string]process{}
	for _, p := range s.seen {
		sum := programs[p.Name]
		programs[p.Name] = process{p.Name, max(sum.MemoryMB, p.MemoryMB), sum.CPU + p.CPU}
	}
	return slices.SortedFunc(maps.Values(programs), func(a, b process) int { return strings.Compare(a.Name, b.Name) })
}

// family is a process with its descendants, by id. Those that end meanwhile are left out.
func family(root int) map[int]process {
	children, all := map[int][]int{}, map[int]process{}
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
	out := map[int]process{}
	for next := []int{root}; len(next) > 0; next = next[1:] {
		p, ok := all[next[0]]
		if !ok {
			continue
		}
		status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(next[0]), "status"))
		p.MemoryMB = peak(string(status))
		if p.MemoryMB > 0 { // not ended meanwhile
			out[next[0]] = p
		}
		next = append(next, children[next[0]]...)
	}
	return out
}

// parseStat reads /proc/PID/stat; a name in it may hold spaces and brackets.
func parseStat(text string) (pid, parent int, p process, ok bool) {
	first, last := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if first < 0 || last < first {
		return 0, 0, process{}, false
	}
	fields := strings.Fields(text[last+1:])
	if len(fields) < 13 {
		return 0, 0, process{}, false
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(strings.TrimSpace(s)) // the kernel writes numbers
		return n
	}
	p = process{Name: text[first+1 : last], CPU: float64(number(fields[11])+number(fields[12])) / ticks}
	return number(text[:first]), number(fields[1]), p, true
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
