package activities

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// errNoMemory: a fit that would not fit is refused beforehand, because an out-of-memory
// kill is no error that anybody sees, only a heartbeat timeout.
var errNoMemory = errors.New("estimated memory is above the limit")

// MemoryLimit is how many bytes this process may use, as far as the system says.
func MemoryLimit() int64 { return memoryLimit("/proc", "/sys/fs/cgroup") }

// checkMemory refuses a need above the limit, naming both.
func checkMemory(what string, need int64) error {
	limit := MemoryLimit()
	if need <= limit {
		return nil
	}
	return fmt.Errorf("%w: %s needs about %d MiB, this worker may use %d MiB; run it on a larger one or use fewer rows",
		errNoMemory, what, need>>20, limit>>20)
}

// memoryLimit is the smallest of what Linux says: the machine's memory, and the limits of the
// cgroups that the process is in, each of which binds those below it. A missing file (other
// systems, no cgroup) sets no limit.
func memoryLimit(proc, cgroups string) int64 {
	limit := int64(math.MaxInt64)
	for _, path := range memoryFiles(proc, cgroups) {
		if data, err := os.ReadFile(path); err == nil {
			if v, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil { // else "max"
				limit = min(limit, v)
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(proc, "meminfo"))
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				limit = min(limit, kib<<10)
			}
		}
	}
	return limit
}

// memoryFiles are where the limits of this process's cgroups are, from its own up to the root. A
// container sees its own cgroup at the root, whatever the path says, or the machine's whole tree.
func memoryFiles(proc, cgroups string) []string {
	v1, unified := filepath.Join(cgroups, "memory"), filepath.Join(cgroups, "unified")
	found := []string{filepath.Join(cgroups, "memory.max"), filepath.Join(v1, "memory.limit_in_bytes")}
	data, err := os.ReadFile(filepath.Join(proc, "self", "cgroup"))
	if err != nil {
		return found
	}
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // hierarchy, controllers, path
		if len(parts) != 3 {
			continue
		}
		for at := path.Clean("/" + parts[2]); ; at = path.Dir(at) {
			switch {
			case parts[1] == "": // version 2, also where it is mounted beside version 1
				found = append(found, filepath.Join(cgroups, at, "memory.max"), filepath.Join(unified, at, "memory.max"))
			case slices.Contains(strings.Split(parts[1], ","), "memory"):
				found = append(found, filepath.Join(v1, at, "memory.limit_in_bytes"))
			}
			if at == "/" {
				break
			}
		}
	}
	return found
}
