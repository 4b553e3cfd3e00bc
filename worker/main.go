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
	"log/slog"
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
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// obey takes the next step at each signal: it stops the worker gracefully, then calls a drain off,
// if there is one. One signal more ends the process. Call the returned function to obey no longer.
func obey(steps []func()) (done func()) {
	signals := make(chan os.Signal, len(steps)+1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			if len(steps) > 0 {
				steps[0]()
				steps = steps[1:]
				continue
			}
			code := exitFailed
			if s, ok := s.(syscall.Signal); ok {
				code = 128 + int(s) // as shells report a death by signal
			}
			fmt.Fprintln(os.Stderr, "worker: ended at once by one more signal; what was in hand is taken up elsewhere after the heartbeat timeout")
			os.Exit(code)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// endWithin ends the process where it has not ended by itself in the time of a drain and what
// follows it.
func (s *settings) endWithin(drain time.Duration, log *slog.Logger) {
	time.AfterFunc(drain+s.options.StopTimeout+hardStop, func() {
		log.Error("the worker did not stop in time and ends now", "drain", drain.String(), "stop_timeout", s.options.StopTimeout.String())
		os.Exit(exitFailed)
	})
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
	log := newLogger(stderr, s.logFormat)
	steps := []func(){cancel}
	hurry, callOff := context.WithCancel(context.Background())
	defer callOff()
	if s.options.Drain > 0 {
		s.options.Hurry, steps = hurry.Done(), append(steps, callOff)
	}
	defer obey(steps)()
	if s.exitWithParent {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // the end is the message: nobody writes
			cancel()
		}()
	}
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
	c, err := app.Dial(ctx, app.DialOptions{Worker: true, Wait: s.connectTimeout, Identity: s.options.Name, Logger: log, Metrics: s.options.Metrics})
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped as asked, before it was connected
		}
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { s.endWithin(s.options.Drain, log) })()
	defer context.AfterFunc(hurry, func() { s.endWithin(0, log) })()
	s.options.Terminal = log.Handler()
	return app.RunWorker(ctx, c, s.options)
}
