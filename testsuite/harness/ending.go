package harness

import (
	"encoding/json"
	"testing"
	"time"

	"everfold/workflows"
)

// Ending is what `starter run --json` prints.
type Ending struct {
	Outcome workflows.Outcome `json:"outcome"`
	Error   string            `json:"error"`
	Result  *workflows.Result `json:"result"`
}

// Ended waits for the end of a `starter run --json`, which must be by itself and with that exit
// code.
func Ended(tb testing.TB, p *Process, exit int) Ending {
	tb.Helper()
	limit := 5 * time.Minute
	if _, long := Soak(tb, 0); long {
		limit = 30 * time.Minute
	}
	select {
	case <-p.Exited():
	case <-time.After(limit):
		tb.Fatalf("harness: the run has not ended in %v", limit)
	}
	if p.ExitCode() != exit {
		tb.Fatalf("harness: exit code %d, want %d\n%s%s", p.ExitCode(), exit, p.Stdout(), p.Stderr())
	}
	var e Ending
	if err := json.Unmarshal([]byte(p.Stdout()), &e); err != nil {
		tb.Fatalf("harness: %v: %s", err, p.Stdout())
	}
	return e
}

// Completed is the result of a `starter run --json`, which must complete its run.
func Completed(tb testing.TB, p *Process) *workflows.Result {
	tb.Helper()
	e := Ended(tb, p, 0)
	if e.Outcome != workflows.Completed {
		tb.Fatalf("harness: the run's outcome is %q", e.Outcome)
	}
	return e.Result
}
