package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"go.temporal.io/sdk/client"

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
	keys, err := app.LoadCodecKeys()
	if err != nil {
		return nil, err
	}
	var to app.DialOptions
	address, namespace, err := app.Destination(to)
	if err != nil {
		return nil, err
	}
	c, err := app.Dial(ctx, to)
	if err != nil {
		return nil, err
	}
	return &link{Client: c, address: address, namespace: namespace, keys: keys, release: func() error { c.Close(); return nil }, tags: knows(c, to)}, nil
}

// embedServer brings up the embedded server and worker, or attaches to those of another
// starter on this machine. What happens to them is told on standard error.
func embedServer(ctx context.Context, c *console) (*link, error) {
	keys, err := app.LoadCodecKeys() // the worker has this environment
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the starter program: %w", err)
	}
	options, err := embedded.FromEnvironment(program, os.Environ())
	if err != nil {
		return nil, usageError("", "%w", err)
	}
	options.Attributes = app.SearchAttributes()
	options.Logger = slog.New(logging.Terminal(c.log(), slog.LevelWarn, c.errLive))
	server, err := embedded.Ensure(ctx, options)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fail(exitUnreachable, "the logs of server and worker are in "+options.Home, "%w", err)
	}
	to := app.DialOptions{Address: server.Address()}
	connection, err := app.Dial(ctx, to)
	if err != nil {
		server.Stop()
		return nil, err
	}
	release := func() error {
		connection.Close()
		server.Stop()
		return nil
	}
	return &link{
		Client: connection, address: to.Address, namespace: client.DefaultNamespace, keys: keys, webUI: server.UI(),
		release: release, owns: server.Owner, tags: knows(connection, to),
	}, nil
}

// knows asks the server, when a run is to be started.
func knows(c client.Client, to app.DialOptions) func(context.Context) bool {
	return func(ctx context.Context) bool { return app.KnowsAttributes(ctx, c, to) }
}
