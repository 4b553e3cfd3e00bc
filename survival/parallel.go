package survival

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls do once for each of 0…n−1 from at most so many goroutines, the caller's own
// among them, and returns when all calls have. Which goroutine makes a call is not
// determined: results must depend on the number alone.
func Each(n, threads int, do func(k int)) {
	if threads <= 1 || n <= 1 {
		for k := range n {
			do(k)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for k := int(next.Add(1)) - 1; k < n; k = int(next.Add(1)) - 1 {
			do(k)
		}
	}
	var others sync.WaitGroup
	for range min(threads, n) - 1 {
		others.Go(work)
	}
	// Idle processors take a goroutine that has just been started after some 55 µs only, one that yields at once.
	runtime.Gosched()
	work()
	others.Wait()
}
