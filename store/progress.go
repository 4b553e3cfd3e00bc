package store

import "context"

type progressKey struct{}

// WithProgress returns a context under which a store tells alive of every sign of life: bytes
// that move, another attempt that begins. Sending a large object, or trying again, may take
// longer than the caller can be silent. alive is called from any goroutine, also from several
// at once, and must return quickly.
func WithProgress(ctx context.Context, alive func()) context.Context {
	return context.WithValue(ctx, progressKey{}, alive)
}

// Moved gives the listener of WithProgress, if any, a sign of life. Implementations call it
// where a method may take more than a moment.
func Moved(ctx context.Context) {
	if alive, ok := ctx.Value(progressKey{}).(func()); ok {
		alive()
	}
}
