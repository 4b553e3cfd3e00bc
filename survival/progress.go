package survival

import "context"

// Progress receives how much of the present stage is done. It is called from the
// goroutine that works, at most as often as Check is, and must return quickly.
type Progress func(done, total float64)

type progressKey struct{}

// WithProgress returns a context whose Check calls report to p.
func WithProgress(ctx context.Context, p Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// Check is the hook of every long loop: call it at least once a second of work.
// It reports progress and returns the cause of the context's cancellation, or nil.
func Check(ctx context.Context, done, total float64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p, ok := ctx.Value(progressKey{}).(Progress); ok {
		p(done, total)
	}
	return nil
}
