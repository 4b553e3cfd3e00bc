// Command worker serves everfold's task queues: it runs the workflow code and fits the
// folds. Start as many as there are machines; each takes what it has slots for.
//
// The connection to Temporal comes from Temporal's own environment variables and profiles
// (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE, …).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"everfold/internal/app"
)

// Exit codes, those of the starter.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 5
)

// hardStop is added to drain and stop timeout: a worker that has not ended by then ends
// anyway. With the default timeouts it does so before the 10 s after which containers are
// killed.
const hardStop = 1500 * time.Millisecond

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	go obey(cancel)
	os.Exit(execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// obey stops the worker gracefully at the first signal, and ends the process at the second.
func obey(stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	stop()
	code := exitFailed
	if second, ok := (<-signals).(syscall.Signal); ok {
		code = 128 + int(second) // as shells report a death by signal
	}
	fmt.Fprintln(os.Stderr, "worker: ended at once by a second signal; what was in hand is taken up elsewhere after the heartbeat timeout")
	os.Exit(code)
}

// execute is the program: it returns the exit code, having printed the error once.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var s settings
	cmd := newCommand(&s)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	s.run = func(ctx context.Context) error { return serve(ctx, s, stdin, stderr) }
	err := cmd.ExecuteContext(ctx)
	code := exitCode(err)
	if code != exitOK {
		fmt.Fprintln(stderr, "worker:", err)
	}
	return code
}

func exitCode(err error) int {
	var unreachable *app.UnreachableError
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), errors.Is(err, app.ErrConnectionSettings), errors.Is(err, app.ErrWorkerOptions):
		return exitUsage
	case errors.As(err, &unreachable), app.Refused(err):
		return exitUnreachable
	}
	return exitFailed
}

// serve connects and serves until ctx ends or, with exitWithParent, stdin does.
func serve(ctx context.Context, s settings, stdin io.Reader, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.exitWithParent {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // the end is the message: nobody writes
			cancel()
		}()
	}
	log := newLogger(stderr, s.logFormat)
	if s.metricsListen != "" {
		m, err := app.ListenMetrics(s.metricsListen)
		if err != nil {
			return err
		}
		defer m.Close()
		go m.Serve(ctx, log)
		s.options.Metrics = m
	}
	keys, err := app.LoadCodecKeys()
	if err != nil {
		return err
	}
	if ids := keys.IDs(); len(ids) > 0 {
		log.Info("payloads are encrypted", "key", ids[0], "opens", ids)
	}
	c, err := app.Dial(ctx, app.DialOptions{Wait: s.connectTimeout, Identity: s.options.Name, Logger: log, Metrics: s.options.Metrics})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped as asked, before it was connected
		}
		return err
	}
	defer c.Close()
	context.AfterFunc(ctx, func() {
		time.AfterFunc(s.options.Drain+s.options.StopTimeout+hardStop, func() {
			log.Error("the worker did not stop in time and ends now", "drain", s.options.Drain.String(), "stop_timeout", s.options.StopTimeout.String())
			os.Exit(exitFailed)
		})
	})
	s.options.Terminal = log.Handler()
	return app.RunWorker(ctx, c, s.options)
}
