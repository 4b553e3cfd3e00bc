package store

import "context"

type fleetingKey struct{}

// Fleeting returns a context under which Put and Delete need to survive the process, not
// the machine: a store may leave out the waits for the disk that a power failure asks for.
// Whole-or-nothing, conditions and visibility hold all the same. It is for records whose
// loss changes no result, such as the start of an attempt.
func Fleeting(ctx context.Context) context.Context {
	return context.WithValue(ctx, fleetingKey{}, true)
}

// IsFleeting says whether ctx is one of Fleeting. Implementations ask; they may ignore it.
func IsFleeting(ctx context.Context) bool { return ctx.Value(fleetingKey{}) != nil }
