package harness

import (
	"os"
	"path/filepath"
	"testing"
)

// Env is where a program under test runs. Nothing but PATH is taken from the test's own
// environment, so that a developer's settings change no result.
type Env struct {
	Address string   // TEMPORAL_ADDRESS; "": none, as for --embedded
	Home    string   // EVERFOLD_HOME; "": a temporary folder
	Dir     string   // current folder; "": a temporary folder
	Set     []string // more, NAME=value
}

// Result is how a program ended.
type Result struct {
	Exit           int
	Stdout, Stderr string
}

// Worker starts an unmodified bin/worker at address and waits until it serves.
func Worker(tb testing.TB, address string, args ...string) *Process {
	tb.Helper()
	p := StartProgram(tb, Env{Address: address}, WorkerBinary(tb), args...)
	p.WaitFor("worker is serving")
	return p
}

// StartProgram starts any program as e says.
func StartProgram(tb testing.TB, e Env, program string, args ...string) *Process {
	tb.Helper()
	if e.Dir == "" {
		e.Dir = tb.TempDir()
	}
	return Start(tb, e.Dir, environment(tb, e), program, args...)
}

// StartStarter starts an unmodified bin/starter.
func StartStarter(tb testing.TB, e Env, args ...string) *Process {
	tb.Helper()
	return StartProgram(tb, e, Binaries(tb).Starter, args...)
}

// Starter runs an unmodified bin/starter to its end.
func Starter(tb testing.TB, e Env, args ...string) Result {
	tb.Helper()
	return ended(StartStarter(tb, e, args...))
}

// Typed runs a shell's command line to its end, with the starter on the PATH.
func Typed(tb testing.TB, e Env, line string) Result {
	tb.Helper()
	programs := Binaries(tb)
	e.Set = append([]string{"PATH=" + filepath.Dir(programs.Starter) + ":" + os.Getenv("PATH")}, e.Set...)
	return ended(StartProgram(tb, e, "sh", "-c", line))
}

// ended waits for a program's end.
func ended(p *Process) Result {
	p.tb.Helper()
	exit := p.Wait()
	return Result{Exit: exit, Stdout: p.Stdout(), Stderr: p.Stderr()}
}

func environment(tb testing.TB, e Env) []string {
	tb.Helper()
	home := tb.TempDir()
	if e.Home == "" {
		e.Home = filepath.Join(home, ".everfold")
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + tb.TempDir(), "NO_COLOR=1",
		"EVERFOLD_HOME=" + e.Home, "EVERFOLD_TEMPORAL=" + Temporal(tb), "TEMPORAL_CONFIG_FILE=" + os.DevNull,
	}
	if e.Address != "" {
		env = append(env, "TEMPORAL_ADDRESS="+e.Address)
	}
	return append(env, e.Set...)
}
