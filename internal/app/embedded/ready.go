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
	errPortTaken   = errors.New("port taken")
)

// awaitReady returns once the server at address answers and keeps histories for the
// retention; errServerEnded when gone is closed before.
func awaitReady(ctx context.Context, address string, gone <-chan struct{}) error {
	for {
		err := prepareNamespace(ctx, address)
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

func prepareNamespace(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c, err := dial(ctx, address)
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

// answers reports whether a Temporal server serves address now.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := dial(ctx, address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func dial(ctx context.Context, address string) (client.Client, error) {
	nothing := log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	return client.DialContext(ctx, client.Options{HostPort: address, Logger: nothing})
}

// explain adds what the server said to the error that kept it from answering.
func explain(err error, log *logFile, database string) error {
	said := log.said()
	if errors.Is(err, errServerEnded) && strings.Contains(said, "address already in use") {
		return fmt.Errorf("%w: %s", errPortTaken, said)
	}
	if said == "" {
		return err
	}
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
