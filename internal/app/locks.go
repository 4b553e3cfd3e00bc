package app

import (
	"context"

	"go.temporal.io/sdk/client"

	"everfold/activities"
)

// RunLocked says whether a run is running: whether its workflow id, the lock, is taken.
func RunLocked(ctx context.Context, c client.Client, workflowID string) (bool, error) {
	return activities.RunLocked(ctx, c, workflowID)
}
