package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/internal/app"
)

// parse returns the settings that a command line makes.
func parse(t *testing.T, args ...string) (settings, error) {
	t.Helper()
	s := settings{run: func(context.Context) error { return nil }}
	cmd := newCommand(&s)
	cmd.SetArgs(args)
	cmd.SetOut(new(bytes.Buffer))
	return s, cmd.ExecuteContext(t.Context())
}

// Claim: without flags a worker serves everything with the defaults; each flag sets its
// own option.
func TestFlags(t *testing.T) {
	t.Setenv(envDeployment, "")
	t.Setenv(envBuildID, "")
	s, err := parse(t)
	require.NoError(t, err)
	require.Equal(t, app.WorkerOptions{
		Queues: app.Queues(), StopTimeout: app.DefaultStopTimeout, CacheBytes: app.DefaultCacheBytes,
	}, s.options)
	require.Equal(t, time.Minute, s.connectTimeout)
	require.False(t, s.exitWithParent)

	folder, other := t.TempDir(), t.TempDir()
	s, err = parse(t, "--queues", "train,everfold-io", "--slots", "4", "--threads", "2",
		"--heartbeat-timeout", "2s", "--drain", "10m", "--stop-timeout", "1m", "--deployment", "everfold", "--build-id", "v1", "--connect-timeout", "0s",
		"--cache", "/cache", "--cache-size", "500MB", "--allow-data", folder, "--allow-data", other,
		"--allow-store", other, "--allow-host", "tracking.example:5000,*.example", "--name", "gpu-7", "--exit-with-parent", "--log-format", "json")
	require.NoError(t, err)
	require.Equal(t, app.WorkerOptions{
		Queues: []string{"everfold-train", "everfold-io"}, Slots: 4, Threads: 2, HeartbeatTimeout: 2 * time.Second,
		Drain: 10 * time.Minute, StopTimeout: time.Minute, Deployment: "everfold", BuildID: "v1", Name: "gpu-7", Cache: "/cache", CacheBytes: 500_000_000,
		Allow: app.Allowed{Data: []string{folder, other}, Store: []string{other}, Hosts: []string{"tracking.example:5000", "*.example"}},
	}, s.options)
	require.True(t, s.exitWithParent)
	require.Zero(t, s.connectTimeout)
}

// Claim: a size is a number with or without a unit and is shown as people write it; 0 says
// that nothing is kept, which is not the default.
func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": -1, "0GB": -1, "1": 1, "700B": 700, "1.5KB": 1500, "500MB": 500_000_000, "3TB": 3e12,
		"2GiB": 2 << 30, "1KiB": 1 << 10, "0.5MiB": 1 << 19, "1 TiB": 1 << 40,
	} {
		var s size
		require.NoError(t, s.Set(text), text)
		require.EqualValues(t, want, s, text)
		again := size(0)
		require.NoError(t, again.Set(s.String()))
		require.Equal(t, s, again, "%s is shown as %s", text, s.String())
	}
	for _, text := range []string{"", "GB", "-1", "1e30", "NaN", "Inf", "2 pounds", "1Gib"} {
		require.Error(t, new(size).Set(text), text)
	}
	full := size(app.DefaultCacheBytes)
	require.Equal(t, "2GiB", full.String())
}

// Claim: deployment and build id come from the variables that Temporal's controller for
// Kubernetes sets, and the flags win.
func TestDeploymentFromEnvironment(t *testing.T) {
	t.Setenv(envDeployment, "everfold")
	t.Setenv(envBuildID, "v1")
	s, err := parse(t)
	require.NoError(t, err)
	require.Equal(t, "everfold v1", s.options.Deployment+" "+s.options.BuildID)
	s, err = parse(t, "--deployment", "", "--build-id", "")
	require.NoError(t, err)
	require.Equal(t, " ", s.options.Deployment+" "+s.options.BuildID)
}

// Claim: a relative --allow-data is taken from the worker's folder, once, at the start.
func TestRelativeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("data", 0o755))
	s, err := parse(t, "--allow-data", "data", "--allow-data", "s3://bucket/data")
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(s.options.Allow.Data[0]))
	require.Equal(t, "s3://bucket/data", s.options.Allow.Data[1])
}

// Claim: every mistake on the command line exits with 2 and one line that names it, before
// anything is connected.
func TestUsageErrors(t *testing.T) {
	for _, tc := range []struct{ args, says string }{
		{"--slots many", "--slots"},
		{"--slots -1", "-1 slots"},
		{"--queues everfold-trains", `"everfold-trains"`},
		{"--stop-timeout 5", "--stop-timeout"},
		{"--stop-timeout -5s", "-5s"},
		{"--drain -5s", "drain -5s"},
		{"--deployment ever.fold --build-id v1", `"ever.fold"`},
		{"--build-id v1", "--deployment"},
		{"--deployment everfold", "--build-id"}, // a test binary has no revision
		{"--connect-timeout -5s", "--connect-timeout"},
		{"--cache-size much", `"much"`},
		{"--cache-size -1GB", `"-1GB"`},
		{"--log-format xml", `"xml"`},
		{"--name a/b", `"a/b"`},
		{"--allow-data /no/such/folder", "/no/such/folder"},
		{"--allow-store /no/such/folder", "/no/such/folder"},
		{"--allow-data s3://", "s3://bucket"},
		{"--allow-store s3://bucket/../x", "s3://bucket/folder"},
		{"--allow-host http://tracking.example", "host:port"},
		{"--allow-host none,a", "alone"},
		{"--limits rows=0", "rows=0"},
		{"--limits cells=5", "cells=5"},
		{"--metrics-listen 9464", `"9464"`},
		{"--no-such-flag", "--no-such-flag"},
		{"spec.yaml", `"spec.yaml"`},
	} {
		t.Run(tc.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := execute(t.Context(), strings.Fields(tc.args), strings.NewReader(""), &out, &errs)
			require.Equal(t, exitUsage, code)
			require.Contains(t, errs.String(), tc.says)
			require.Equal(t, 1, strings.Count(errs.String(), "\n"))
			require.Empty(t, out.String())
		})
	}
}

// Claim: --help says what the worker does, with an example; --version says which build.
func TestHelpAndVersion(t *testing.T) {
	for flag, says := range map[string]string{"--help": "worker --queues train", "--version": app.Build().String()} {
		var out, errs bytes.Buffer
		require.Equal(t, exitOK, execute(t.Context(), []string{flag}, strings.NewReader(""), &out, &errs))
		require.Contains(t, out.String(), says)
		require.Empty(t, errs.String())
	}
}

// Claim: a server that does not answer is exit code 5, naming the address; settings that
// cannot be used are 2.
func TestConnectionErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	t.Setenv("TEMPORAL_ADDRESS", address)
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"--connect-timeout", "100ms"}, strings.NewReader(""), &out, &errs)
	require.Equal(t, exitUnreachable, code)
	require.Contains(t, errs.String(), address)

	bad := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(bad, []byte("not TOML"), 0o600))
	t.Setenv("TEMPORAL_CONFIG_FILE", bad)
	require.Equal(t, exitUsage, execute(t.Context(), nil, strings.NewReader(""), &out, &errs))
}

// Claim: with --exit-with-parent the end of standard input stops a worker, even one that
// still waits for its server.
func TestExitWithParent(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"--exit-with-parent", "--connect-timeout", "1h"}, strings.NewReader(""), &out, &errs)
	require.Equal(t, exitOK, code)
}
