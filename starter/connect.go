package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"everfold/internal/app"
)

// link is a connection to Temporal.
type link struct {
	client.Client
	address, namespace string

	webUI string         // address of the Web UI; "" where it is not known
	keys  *app.CodecKeys // open payloads that the client returns as they are stored; nil: none
	// release ends what belongs to the link: the connection, and the embedded server and
	// worker where they are this starter's; the worker then saves checkpoints first.
	release func() error
	// owns says whether server and worker end with this starter. nil: never.
	owns func() bool
	// tags says whether the server knows the search attributes of runs. nil: it does not.
	tags func(ctx context.Context) bool
}

func (l *link) owned() bool { return l.owns != nil && l.owns() }

// close ends the link; its error is reported beside the one that is there already.
func (l *link) close(err *error) {
	if l.release == nil {
		return
	}
	if releaseErr := l.release(); releaseErr != nil {
		*err = errors.Join(*err, releaseErr)
	}
}

// connect reaches the configured server, or with embedded this machine's own, which is
// started where it is not running.
func (p *program) connect(ctx context.Context, embedded bool) (*link, error) {
	if embedded {
		return p.services.embed(ctx, p.console)
	}
	return p.services.dial(ctx)
}

// withServer runs act with a connection.
func (p *program) withServer(ctx context.Context, embedded bool, act func(*link) error) (err error) {
	l, err := p.connect(ctx, embedded)
	if err != nil {
		return err
	}
	defer func() { l.close(&err) }()
	return act(l)
}

// addEmbedded gives an operator's command the flag --embedded.
func addEmbedded(command *cobra.Command, embedded *bool) {
	command.Flags().BoolVar(embedded, "embedded", false, "use this machine's embedded server, starting it if need be, instead of the configured one")
}
