package app

import (
	"context"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
)

// Serve is RunWorker with other workflows and activities.
func Serve(ctx context.Context, c client.Client, o WorkerOptions, register func(queue string, r sdkworker.Registry)) error {
	return serve(ctx, c, o, &inHand{}, register)
}

// WithDefaults is what RunWorker makes of its options.
func WithDefaults(o WorkerOptions) WorkerOptions { return o.withDefaults() }

// Fail is what the SDK does where a server refuses a worker's polls for good.
func Fail(o WorkerOptions, err error) { o.fatal <- err }

// Interrupt is closed when activities in hand are to end.
func Interrupt(o WorkerOptions) <-chan struct{} { return o.interrupt }
