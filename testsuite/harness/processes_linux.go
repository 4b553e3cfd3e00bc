package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Processes returns the ids of all living processes that have the variable NAME=value in
// the environment that they were started with, such as "EVERFOLD_HOME="+home.
func Processes(tb testing.TB, variable string) []int {
	tb.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(files) == 0 {
		tb.Fatalf("harness: no processes under /proc: %v", err)
	}
	var ids []int
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended, or is another user's
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if string(v) == variable {
				id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				if err != nil {
					tb.Fatalf("harness: %s: %v", file, err)
				}
				ids = append(ids, id)
				break
			}
		}
	}
	return ids
}

// NoProcesses returns once no process has the variable in its environment.
func NoProcesses(tb testing.TB, variable string) {
	tb.Helper()
	Eventually(tb, "no process with "+variable, func() bool { return len(Processes(tb, variable)) == 0 })
}
