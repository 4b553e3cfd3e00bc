package linear

import (
	"sync"
	"sync/atomic"
)

// Blocks calls f for the blocks of size rows that n rows fall into, in any order, on at most
// threads goroutines (0 means 1). Partial sums that are kept by block and added in the
// order of the blocks do not depend on threads.
func Blocks(n, size, threads int, f func(block, start, end int)) {
	count := (n + size - 1) / size
	var next atomic.Int64
	work := func() {
		for {
			b := int(next.Add(1)) - 1
			if b >= count {
				return
			}
			f(b, b*size, min((b+1)*size, n))
		}
	}
	var others sync.WaitGroup
	for t := 1; t < min(threads, count); t++ {
		others.Go(work)
	}
	work()
	others.Wait()
}
