// Command starter is everfold's command line: it starts runs and looks after them.
//
//	starter quickstart           a run on the shipped real data, nothing else needed
//	starter run SPEC.yaml        starts, resumes or attaches to a run
//	starter results RUN          the leaderboard
//
// It decides nothing about a run. A run lives in Temporal's history and in its store; the
// starter may be killed at any instant, and the run goes on (or, with --embedded, goes on
// with the next start).
//
// Every failure is printed once, on standard error, as "everfold: what", followed by what to
// do. Exit codes are those of exit.go. A terminal gets bars and colour, anything else plain
// lines; --json writes exactly one JSON document on standard output.
//
// Non-goals: fitting (worker/), deciding what is fitted (workflows/).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"everfold/internal/app/embedded"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == embedded.SuperviseCommand {
		os.Exit(embedded.Supervise(os.Args[2:])) // a hidden command: --embedded starts it
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second Ctrl-C ends the program at once
	}()
	p := &program{console: newConsole(os.Stdout, os.Stderr, os.Getenv), services: liveServices()}
	os.Exit(p.main(ctx, os.Args[1:]))
}
