package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"everfold/internal/app"
	"everfold/logging"
)

// settings are what the command line says.
type settings struct {
	options        app.WorkerOptions
	connectTimeout time.Duration
	exitWithParent bool
	logFormat      string
	metricsListen  string
	probe          bool
	limits         string
	run            func(context.Context) error
}

// queuePrefix may be left out of --queues.
const queuePrefix = "everfold-"

// envMetricsListen is the default of --metrics-listen.
const envMetricsListen = "EVERFOLD_METRICS_LISTEN"

// The defaults of --deployment and --build-id: what Temporal's controller for Kubernetes sets.
const (
	envDeployment = "TEMPORAL_DEPLOYMENT_NAME"
	envBuildID    = "TEMPORAL_WORKER_BUILD_ID"
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() + "; see worker --help" }
func (e *usageError) Unwrap() error { return e.err }

const long = `worker serves everfold's task queues: it decides what a run does next and fits its
folds. Without flags it serves all three queues, with one parallel fit per core, at the
server that Temporal's own settings name: TEMPORAL_ADDRESS (default localhost:7233),
TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…, or a profile of temporal.toml.

A worker does what specs say with its own rights. One that serves people who should not have
these is told what specs may name: --allow-data, --allow-store, --allow-host.

SIGTERM and SIGINT stop it gracefully: it takes no more work; fits in hand may go on for
--drain, then save a checkpoint within --stop-timeout, and go on from there on another worker
at once. With a drain, a second signal calls it off. One more signal ends the worker at once:
that costs seconds of work, and half a minute until its fits are missed.

With --deployment it is one version of a Temporal worker deployment: runs stay with the version
that they began on, and a new version gets the next ones when an operator makes it current.

Exit codes: 0 stopped as asked; 1 failed, or did not stop in time; 2 bad usage; 5 no Temporal
server answered, or it does not let this worker in; 130, 143 ended at once by one more SIGINT or SIGTERM.`

const example = `  worker                                         # all queues, all cores
  worker --queues train --slots 4                # four fits at a time, and nothing else
  worker --drain 10m                             # fits that take less end where they are
  worker --deployment everfold --build-id v1.2   # one version among others
  TEMPORAL_ADDRESS=temporal:7233 worker --allow-data /data --allow-store /outputs --allow-host none`

// newCommand returns the command; run is called once the flags are known to be good.
func newCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:           "worker",
		Short:         "Serve everfold's task queues",
		Long:          long,
		Example:       example,
		Version:       app.Build().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unexpected argument %q: worker takes flags only", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return &usageError{err}
			}
			if s.probe {
				return probe(cmd.Context(), s.metricsListen)
			}
			return s.run(cmd.Context())
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	f, o := cmd.Flags(), &s.options
	f.SortFlags = false
	f.StringSliceVar(&o.Queues, "queues", app.Queues(), "task queues to serve, such as train,io")
	f.IntVar(&o.Slots, "slots", 0, "parallel fits (0: one per core)")
	f.IntVar(&o.Threads, "threads", 0, "most threads of one fit (0: all cores that other fits leave)")
	f.StringSliceVar(&o.Allow.Data, "allow-data", nil, "folder, or s3://bucket/folder, that specs may read data from, repeatable (default: any)")
	f.StringSliceVar(&o.Allow.Store, "allow-store", nil, "folder, or s3://bucket/folder, that specs may keep runs in, repeatable (default: any)")
	f.StringSliceVar(&o.Allow.Hosts, "allow-host", nil, "host, host:port or *.domain of trackers and S3 endpoints that specs may name, repeatable; none: only those of the worker's environment (default: any)")
	f.StringVar(&s.limits, "limits", os.Getenv(app.EnvLimits), "other limits on data files, such as rows=200000000,columns=20000,levels=50000 (default $"+app.EnvLimits+")")
	f.StringVar(&o.Cache, "cache", "", "folder for prepared tables of stores on S3, so that each is fetched once (default: everfold/prepared in the user's cache folder)")
	o.CacheBytes = app.DefaultCacheBytes
	f.Var((*size)(&o.CacheBytes), "cache-size", "what it may take, such as 500MB or 2GiB; 0: nothing is kept")
	f.StringVar(&o.Name, "name", "", "name of this worker in histories and log files (default <host>-<pid>)")
	f.DurationVar(&o.Drain, "drain", 0, "time that fits in hand may go on after SIGTERM, before they save a checkpoint and go elsewhere")
	f.DurationVar(&o.StopTimeout, "stop-timeout", app.DefaultStopTimeout, "time that interrupted fits have to save a checkpoint")
	f.StringVar(&o.Deployment, "deployment", os.Getenv(envDeployment),
		"worker deployment that this worker is a version of (default $"+envDeployment+"; none: unversioned)")
	f.StringVar(&o.BuildID, "build-id", os.Getenv(envBuildID),
		"which version of the deployment (default $"+envBuildID+", else the revision that the program was built from)")
	f.DurationVar(&o.HeartbeatTimeout, "heartbeat-timeout", 0, "after which a vanished fit is given to another worker; for tests (0: the run's default)")
	f.DurationVar(&s.connectTimeout, "connect-timeout", time.Minute, "how long to wait for the server at the start")
	f.BoolVar(&s.exitWithParent, "exit-with-parent", false, "stop when standard input ends")
	f.StringVar(&s.logFormat, "log-format", "text", "text or json, on standard error")
	f.StringVar(&s.metricsListen, "metrics-listen", os.Getenv(envMetricsListen),
		"answer Prometheus at this host:port under /metrics, such as 127.0.0.1:9464 (default $"+envMetricsListen+"; none: do not)")
	f.BoolVar(&s.probe, "probe", false, "ask the worker that runs with this --metrics-listen whether it serves, and end: exit code 0 or 1")
	return cmd
}

// check refuses what no run could use, and makes folders absolute.
func (s *settings) check() error {
	o := &s.options
	for i, queue := range o.Queues {
		if !strings.HasPrefix(queue, queuePrefix) {
			o.Queues[i] = queuePrefix + queue
		}
	}
	if err := cmp.Or(resolve("allow-data", o.Allow.Data), resolve("allow-store", o.Allow.Store), o.Validate()); err != nil {
		return err
	}
	var err error
	if o.Limits, err = app.ParseLimits(s.limits); err != nil {
		return err
	}
	if s.connectTimeout < 0 {
		return fmt.Errorf("--connect-timeout %v: want a duration that is not negative, such as 30s", s.connectTimeout)
	}
	if s.logFormat != "text" && s.logFormat != "json" {
		return fmt.Errorf("--log-format %q: want text or json", s.logFormat)
	}
	if strings.ContainsAny(o.Name, "/ \t\n") {
		return fmt.Errorf("--name %q: want no spaces or slashes", o.Name)
	}
	return nil
}

// resolve makes the folders of a flag absolute.
func resolve(flag string, places []string) error {
	for i, folder := range places {
		if strings.HasPrefix(folder, "s3://") {
			continue
		}
		abs, err := filepath.Abs(folder)
		if err != nil {
			return fmt.Errorf("--%s %s: %w", flag, folder, err)
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return fmt.Errorf("--%s %s: not a folder", flag, folder)
		}
		places[i] = abs
	}
	return nil
}

// newLogger writes to stderr: for a person with colour, for a pipe as plain text or JSON.
func newLogger(stderr io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(stderr, nil))
	}
	file, ok := stderr.(*os.File)
	colour := ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == ""
	return slog.New(logging.Terminal(stderr, slog.LevelInfo, colour))
}
