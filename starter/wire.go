package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"everfold/internal/app"
	"everfold/internal/app/embedded"
	"everfold/logging"
)

// services are what commands need from outside the program; tests put their own in place.
type services struct {
	dial  func(ctx context.Context) (*link, error)             // the configured server
	embed func(ctx context.Context, c *console) (*link, error) // this machine's own server
	// configured says whether there is a configured server.
	configured func() (bool, error)
	// environ is the environment; single variables are the console's getenv.
	environ func() []string
}

func liveServices() services {
	return services{dial: dialConfigured, embed: embedServer, configured: app.ServerConfigured, environ: os.Environ}
}

// dialConfigured connects by Temporal's own environment variables and profiles.
func dialConfigured(ctx context.Context) (*link, error) {
	c, err := app.Dial(ctx, app.DialOptions{})
	if err != nil {
		return nil, err
	}
	return &link{Client: c, release: func() error { c.Close(); return nil }}, nil
}

// embedServer brings up the embedded server and worker, or attaches to those of another
// starter on this machine. What happens to them is told on standard error.
func embedServer(ctx context.Context, c *console) (*link, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the starter program: %w", err)
	}
	options, err := embedded.FromEnvironment(program, os.Environ())
	if err != nil {
		return nil, usageError("", "%w", err)
	}
	options.Logger = slog.New(logging.Terminal(c.log(), slog.LevelWarn, c.errLive))
	server, err := embedded.Ensure(ctx, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fail(exitUnreachable, "the logs of server and worker are in "+options.Home, "%w", err)
	}
	client, err := app.Dial(ctx, app.DialOptions{Address: server.Address()})
	if err != nil {
		server.Stop()
		return nil, err
	}
	release := func() error {
		client.Close()
		server.Stop()
		return nil
	}
	return &link{Client: client, webUI: server.UI(), release: release, owns: server.Owner}, nil
}
