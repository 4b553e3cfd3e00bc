package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

// retention is how long the server keeps the history of finished runs: its own default of
// a day would forget a run over a weekend.
const retention = 720 * time.Hour

var (
	errServerEnded = errors.New("the server ended before it answered")
	errPortTaken   = errors.New("another program took the port meanwhile")
)

// awaitReady returns once the server of h answers at address and keeps histories for the
// retention; errServerEnded when gone is closed before. Another server there is not taken
// for it: the child then ends, because the port is taken.
func awaitReady(ctx context.Context, h home, address string, gone <-chan struct{}) error {
	for {
		err := prepareNamespace(ctx, h, address)
		if err == nil {
			return nil
		}
		select {
		case <-gone:
			return errServerEnded
		case <-ctx.Done():
			return fmt.Errorf("no answer at %s: %w", address, errors.Join(ctx.Err(), err))
		case <-time.After(pollEvery):
		}
	}
}

func prepareNamespace(ctx context.Context, h home, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c, err := dialHome(ctx, h, address)
	if err != nil {
		return err
	}
	defer c.Close()
	service := c.WorkflowService()
	now, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
	if err != nil {
		return err
	}
	if now.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() >= retention {
		return nil
	}
	_, err = service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: client.DefaultNamespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
	})
	return err
}

// answers reports whether the server of h serves address now.
func answers(ctx context.Context, h home, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := dialHome(ctx, h, address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// dialHome connects to the server of h. Any other server at that address is an error: two
// homes that start at once may both have found the same port free.
func dialHome(ctx context.Context, h home, address string) (client.Client, error) {
	c, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	mark := &workflowservice.DescribeNamespaceRequest{Namespace: h.mark()}
	if _, err := c.WorkflowService().DescribeNamespace(ctx, mark); err != nil {
		c.Close()
		return nil, fmt.Errorf("the server at %s is not that of %s: %w", address, h, err)
	}
	return c, nil
}

func dial(ctx context.Context, address string) (client.Client, error) {
	nothing := log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	return client.DialContext(ctx, client.Options{HostPort: address, Logger: nothing})
}

// explain adds what the server said to the error that kept it from answering.
func explain(err error, log *logFile, database string) error {
	said := log.said()
	if errors.Is(err, errServerEnded) && strings.Contains(said, "address already in use") {
		return errPortTaken
	}
	if said == "" {
		return err
	}
	const shown = 2000 // the rest is in the file
	said = said[:min(shown, len(said))]
	return fmt.Errorf("%w: it said: %s (all of it in %s). If the database %s is damaged, move it away: "+
		"finished folds are in the store and are not trained again", err, said, log.Name(), database)
}

// pause returns nil after d, or ctx's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
