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
