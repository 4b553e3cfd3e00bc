package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/internal/app"
)

// watchedRole in the environment makes a test binary a worker; its value is the setting in JSON.
const watchedRole = "EVERFOLD_TEST_WATCHED_WORKER"

// PlayWatched, first in a TestMain, makes a process that Watched describes a worker until it is
// stopped, and ends it; in any other it does nothing. Options tells what the setting W means: a
// worker that is bin/worker but for its hooks.
func PlayWatched[W any](options func(W) (app.WorkerOptions, error)) {
	setting := os.Getenv(watchedRole)
	if setting == "" {
		return
	}
	if err := playWatched(setting, options); err != nil {
		fmt.Fprintln(os.Stderr, "watched worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func playWatched[W any](setting string, options func(W) (app.WorkerOptions, error)) error {
	var w W
	if err := json.Unmarshal([]byte(setting), &w); err != nil {
		return err
	}
	o, err := options(w)
	if err != nil {
		return err
	}
	o.StopTimeout = cmp.Or(o.StopTimeout, time.Minute) // the machine may be busy
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c, err := app.Dial(ctx, app.DialOptions{Worker: true, Wait: time.Minute, Identity: o.Name})
	if err != nil {
		return err
	}
	defer c.Close()
	return app.RunWorker(ctx, c, o)
}

// Watched is the program, and the variable NAME=value for its environment, of a worker by
// PlayWatched with a setting.
func Watched(tb testing.TB, setting any) (program, variable string) {
	tb.Helper()
	text, err := json.Marshal(setting)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return self, watchedRole + "=" + string(text)
}

// StandStill stops every thread of this process by SIGSTOP and returns after SIGCONT. The signal
// alone would not hold the caller: an idle thread may take it, and the caller goes on until
// that thread has been given a processor.
func StandStill() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // to oneself: it is there and allowed
	<-continued
}

// Hold holds an activity until the gate opens or its context ends, whose error it then returns. The
// server hears of it meanwhile: a cancellation comes with a heartbeat.
func Hold(ctx context.Context, gate <-chan struct{}, progress ...any) error {
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			activity.RecordHeartbeat(ctx, progress...)
		}
	}
}
