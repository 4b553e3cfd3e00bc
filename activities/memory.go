package activities

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// errNoMemory: a fit that would not fit is refused beforehand, because an out-of-memory
// kill is no error that anybody sees, only a heartbeat timeout.
var errNoMemory = errors.New("estimated memory is above the limit")

// memoryLimits are where Linux says how much memory this process may use; the smallest
// counts. A missing file (other systems, no cgroup) sets no limit.
var memoryLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// MemoryLimit is how many bytes this process may use, as far as the system says.
func MemoryLimit() int64 { return memoryLimit(memoryLimits, "/proc/meminfo") }

// checkMemory refuses a need above the limit, naming both.
func checkMemory(what string, need int64) error {
	limit := MemoryLimit()
	if need <= limit {
		return nil
	}
	return fmt.Errorf("%w: %s needs about %d MiB, this worker may use %d MiB; run it on a larger one or use fewer rows",
		errNoMemory, what, need>>20, limit>>20)
}

func memoryLimit(cgroup []string, meminfo string) int64 {
	limit := int64(math.MaxInt64)
	for _, path := range cgroup {
		if data, err := os.ReadFile(path); err == nil {
			if v, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil {
				limit = min(limit, v)
			}
		}
	}
	data, err := os.ReadFile(meminfo)
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
