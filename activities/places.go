package activities

import (
	"context"
	"errors"
	"time"
)

// errBusy: an activity found no place among those of its kind in time.
var errBusy = errors.New("this worker is at as many calls of this kind as it may; another attempt waits for a place")

// places bound how many activities of a kind are at work in this process at a time. One that finds
// none free for a moment gives its slot of the worker back, for others keep waiting behind it.
type places chan struct{}

// enter takes a place. errBusy where none is free within most; what ended ctx where that ends.
func (p places) enter(ctx context.Context, most time.Duration) (leave func(), err error) {
	leave = func() { <-p }
	select {
	case p <- struct{}{}: // also where the time is over by now: a machine may halt here
		return leave, nil
	default:
	}
	wait := time.NewTimer(most)
	defer wait.Stop()
	select {
	case p <- struct{}{}:
		return leave, nil
	case <-wait.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// longPlaces are for what verifies or draws whole runs, which takes minutes: a hundred runs that end
// together must leave slots to what is published, tracked and told meanwhile. prunePlaces are for what
// removes runs, which may take hours: it must not keep the others waiting.
var longPlaces, prunePlaces = make(places, 4), make(places, 1)

// maxLongWait is long enough to keep all places taken where many wait.
const maxLongWait = 2 * time.Second
