package embedded

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script writes an executable shell script.
func script(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	return path
}

// Claim: the home and the temporal program come from their variables, else from the usual
// places, in the contract's order; children do not see Temporal's own settings.
func TestFromEnvironment(t *testing.T) {
	bin, elsewhere, user := t.TempDir(), t.TempDir(), t.TempDir()
	starter := filepath.Join(bin, "starter")
	t.Setenv("HOME", user)
	t.Setenv("PATH", elsewhere)

	_, err := FromEnvironment(starter, nil)
	require.ErrorContains(t, err, "make build")
	require.ErrorContains(t, err, "EVERFOLD_TEMPORAL")

	onPath := script(t, filepath.Join(elsewhere, "temporal"), "exit 0")
	o, err := FromEnvironment(starter, []string{"A=b", "TEMPORAL_ADDRESS=cloud:7233", "TEMPORAL_API_KEY=x"})
	require.NoError(t, err)
	require.Equal(t, onPath, o.Temporal)
	require.Equal(t, filepath.Join(user, ".everfold"), o.Home)
	require.Equal(t, []string{"A=b"}, o.Env)
	require.Equal(t, []string{filepath.Join(bin, "worker"), "--exit-with-parent"}, o.Worker)
	require.Equal(t, []string{starter, SuperviseCommand}, o.Supervisor)

	beside := script(t, filepath.Join(bin, "temporal"), "exit 0")
	o, err = FromEnvironment(starter, nil)
	require.NoError(t, err)
	require.Equal(t, beside, o.Temporal)

	o, err = FromEnvironment(starter, []string{"EVERFOLD_HOME=/h", "EVERFOLD_TEMPORAL=/first", "EVERFOLD_TEMPORAL=/t"})
	require.NoError(t, err)
	require.Equal(t, "/t", o.Temporal)
	require.Equal(t, "/h", o.Home)
}

// Claim: a program that is missing or not executable is named before anything starts.
func TestEnsureMissingPrograms(t *testing.T) {
	dir := t.TempDir()
	program := script(t, filepath.Join(dir, "program"), "exit 0")
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	for _, tc := range []struct {
		temporal, worker, says string
	}{
		{filepath.Join(dir, "temporal"), program, "make build"},
		{program, filepath.Join(dir, "worker"), "make build"},
		{program, plain, "not an executable file"},
		{dir, program, "not an executable file"},
		{filepath.Join(plain, "temporal"), program, "cannot run"},
		{program, program, "not Temporal's CLI"},
	} {
		_, err := Ensure(t.Context(), Options{
			Home: filepath.Join(dir, "home"), Temporal: tc.temporal,
			Supervisor: []string{program}, Worker: []string{tc.worker},
		})
		require.ErrorContains(t, err, tc.says)
	}
}

// Claim: a server's version names its database, and a program is asked for it once.
func TestIdentify(t *testing.T) {
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	program := script(t, filepath.Join(dir, "temporal"), `echo x >>`+asked+`; echo "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"`)
	info, err := identify(t.Context(), program, nil, serverInfo{})
	require.NoError(t, err)
	require.Equal(t, "1.29.1", info.Version)
	require.Equal(t, "/h/temporal-1.29.1.db", home("/h").database(info.Version))
	again, err := identify(t.Context(), program, nil, info)
	require.NoError(t, err)
	require.Equal(t, info, again)
	calls, err := os.ReadFile(asked)
	require.NoError(t, err)
	require.Equal(t, "x\n", string(calls))

	script(t, program, `echo "temporal version 1.9.1 (Server 1.32.1, UI 2.55.0), another file"`)
	newer, err := identify(t.Context(), program, nil, info)
	require.NoError(t, err)
	require.Equal(t, "1.32.1", newer.Version)
}

// Claim: a program that ends is started again until the keeper is stopped; stop ends it by
// SIGTERM, and by SIGKILL where it does not listen.
func TestKeeper(t *testing.T) {
	dir := t.TempDir()
	out, err := openLog(filepath.Join(dir, "program.log"))
	require.NoError(t, err)
	defer out.Close()
	again := make(chan int, 4)
	k := &keeper{
		name: "program", grace: 100 * time.Millisecond, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		program: program{argv: []string{script(t, filepath.Join(dir, "deaf"), "trap '' TERM; read line")}, out: out.File},
		started: func(pid int) { again <- pid },
	}
	first, err := k.program.start()
	require.NoError(t, err)
	k.keep(first)
	require.NoError(t, first.pipe.Close()) // the script reads the end of its input and ends
	<-again
	k.stop()
	require.True(t, first.cmd.ProcessState.Exited())

	k.program.argv = []string{filepath.Join(dir, "missing")}
	_, err = k.program.start()
	require.ErrorContains(t, err, "missing")
}

// Claim: Supervise refuses a command line that no starter wrote.
func TestSuperviseUsage(t *testing.T) {
	require.Equal(t, 2, Supervise(nil))
}
