package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdkconverter "go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"everfold/activities"
)

type (
	converter = sdkconverter.EncodedValue
	valuesOf  = sdkconverter.EncodedValues
	fitFunc   = func(context.Context, activities.FitFoldInput) (*activities.FitFoldResult, error)
)

const anything = mock.Anything

func startOptions(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, TaskQueue: QueueWorkflows}
}

// patience is how long by the wall's clock a scripted run may stand still, and a step of a workflow
// take. The SDK's own, three seconds and one, are those of a machine that does nothing else.
const patience = 5 * time.Minute

// workerOptions are those of every environment, with interceptors.
func workerOptions(with ...interceptor.WorkerInterceptor) worker.Options {
	return worker.Options{DeadlockDetectionTimeout: patience, Interceptors: with}
}

// failing makes one fold fail for good.
func failing(fit fitFunc, model string, fold int, typ string) fitFunc {
	return func(ctx context.Context, in activities.FitFoldInput) (*activities.FitFoldResult, error) {
		if in.Model == model && in.Fold == fold {
			return nil, temporal.NewNonRetryableApplicationError("scripted", typ, nil)
		}
		return fit(ctx, in)
	}
}

func inputOf(model string) any {
	return mock.MatchedBy(func(in activities.FitFoldInput) bool { return in.Model == model })
}

// answer checks how an update ended.
type answer struct {
	t      *testing.T
	reason string // of the refusal expected; empty: acceptance expected
}

func refused(t *testing.T, reason string) *answer { return &answer{t, reason} }
func accepted(t *testing.T) *answer               { return &answer{t, ""} }

func (a *answer) Accept() { require.Empty(a.t, a.reason, "the update should have been refused") }

func (a *answer) Reject(err error) {
	require.NotEmpty(a.t, a.reason, err)
	require.ErrorContains(a.t, err, a.reason)
}

func (a *answer) Complete(_ any, err error) {
	if a.reason == "" {
		require.NoError(a.t, err)
	}
}
