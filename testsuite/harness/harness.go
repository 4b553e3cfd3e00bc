// Package harness runs the real programs for tests: a private Temporal server on a
// database of its own, unmodified bin/worker and bin/starter processes, and the signals
// that kill them. Everything it starts ends with the test, at the latest with the test
// binary, and all files are in the test's temporary folders.
//
// Preconditions: the Go tool, and the Temporal CLI at $EVERFOLD_TEMPORAL or in the
// repository's bin/ (make build). What is missing fails the test, saying so.
//
// Non-goals: assertions about runs; those are the tests'.
package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Programs are paths of executables.
type Programs struct {
	Starter, Worker, Temporal string
}

// Binaries builds bin/starter and bin/worker of the checkout, once a test binary, and
// returns them with the Temporal CLI. The three lie in one folder, as `make build` leaves
// them.
func Binaries(tb testing.TB) Programs {
	tb.Helper()
	return Programs{Starter: build(tb, "starter"), Worker: build(tb, "worker"), Temporal: Temporal(tb)}
}

// WorkerBinary builds bin/worker alone.
func WorkerBinary(tb testing.TB) string {
	tb.Helper()
	return build(tb, "worker")
}

// Temporal returns the Temporal CLI: $EVERFOLD_TEMPORAL or <repository>/bin/temporal.
func Temporal(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv("EVERFOLD_TEMPORAL")
	if path == "" {
		path = filepath.Join(Root(tb), "bin", "temporal")
	}
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("harness: no Temporal CLI: run `make build`, or set EVERFOLD_TEMPORAL: %v", err)
	}
	return path
}

// Root returns the repository's folder: the nearest one above the test with a go.mod.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("harness: no go.mod above the test")
		}
	}
}

// built remembers the programs that this test binary has built.
var built = struct {
	sync.Mutex
	done map[string]error
}{done: map[string]error{}}

// build compiles one program into the checkout's ignored cache folder. Test binaries of
// other packages build at the same time, hence the file lock and the rename.
func build(tb testing.TB, program string) string {
	tb.Helper()
	folder := filepath.Join(Root(tb), ".cache", "harness")
	target := filepath.Join(folder, program)
	built.Lock()
	defer built.Unlock()
	err, done := built.done[program]
	if !done {
		err = compile(folder, target, "everfold/"+program)
		built.done[program] = err
	}
	if err != nil {
		tb.Fatalf("harness: build %s: %v", program, err)
	}
	return target
}

func compile(folder, target, pkg string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(folder, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close() // releases the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", folder, err)
	}
	fresh := target + ".new"
	defer os.Remove(fresh)
	// As `make build` does; the revision is not of interest.
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", fresh, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return os.Rename(fresh, target)
}
