package activities

import (
	"context"

	"everfold/dataset"
)

type limitsKey struct{}

// WithLimits bounds what a data file may hold that is read under ctx; zero fields mean the
// defaults. Without it they are all the defaults.
func WithLimits(ctx context.Context, l dataset.Limits) context.Context {
	return context.WithValue(ctx, limitsKey{}, l)
}

// limitsOf are those of ctx. Columns may take half of the memory while they are read: a table
// that is larger could not be fitted anyway.
func limitsOf(ctx context.Context) dataset.Limits {
	l, _ := ctx.Value(limitsKey{}).(dataset.Limits)
	if l.Memory == 0 {
		l.Memory = MemoryLimit() / 2
	}
	return l
}
