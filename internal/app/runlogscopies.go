package app

import (
	"context"
	"sync"
	"time"
)

const (
	// uploadEvery is how old a worker's log files in a store elsewhere may be.
	uploadEvery = 15 * time.Second

	// firstCopy bounds what a run's first step on a worker waits for its store to take the files,
	// laterCopy what others may take, for which nobody waits.
	firstCopy = 5 * time.Second
	laterCopy = time.Minute
)

// copying brings log files to the stores elsewhere that they belong to, each run's from a goroutine
// of its own, so that no run waits for another one's store.
type copying struct {
	every   time.Duration
	ctx     context.Context // ends with the worker
	callOff context.CancelFunc

	mu    sync.Mutex
	ended bool
	runs  sync.WaitGroup
}

func newCopying() *copying {
	ctx, callOff := context.WithCancel(context.Background())
	return &copying{every: uploadEvery, ctx: ctx, callOff: callOff}
}

// first copies the files of a run for the first time.
func (c *copying) first(run *runLog) { run.copyTo(c.ctx, firstCopy) }

// keep copies a run's files until they are retired, which is tried after every copy, or the worker
// ends. A copy that fails is repeated with the next.
func (c *copying) keep(run *runLog, retire func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.runs.Go(func() {
		tick := time.NewTicker(c.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-c.ctx.Done():
				return
			}
			run.copyTo(c.ctx, laterCopy)
			if retire() {
				return
			}
		}
	})
}

// beside does something else that ends with the worker.
func (c *copying) beside(do func(ctx context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.runs.Go(func() { do(c.ctx) })
	}
}

// end calls off what is being copied, and returns once nothing is.
func (c *copying) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.callOff()
	c.runs.Wait()
}

// copyTo brings what its store elsewhere lacks of a run's files over.
func (r *runLog) copyTo(ctx context.Context, limit time.Duration) {
	r.mu.Lock()
	files := r.files
	r.mu.Unlock()
	if files == nil || r.upload == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	files.CopyTo(ctx, r.upload)
}

// finish closes the files. Those of a store elsewhere are closed for good, and what it lacks of
// them is copied within the limit; records that come meanwhile are in the terminal alone.
func (r *runLog) finish(limit time.Duration) {
	if r.upload != nil {
		r.mu.Lock()
		r.over = true
		if r.files != nil {
			r.files.Close()
		}
		r.mu.Unlock()
		r.copyTo(context.Background(), limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.close()
}
