package survival_test

import (
	"sync/atomic"
	"testing"

	"everfold/survival"
)

// Every number is called once, on any number of threads; fewer than none are none.
func TestEach(t *testing.T) {
	for _, threads := range []int{-1, 0, 1, 2, 5, 200} {
		for _, n := range []int{-1, 0, 1, 100} {
			calls := make([]atomic.Int32, max(n, 0))
			survival.Each(n, threads, func(k int) { calls[k].Add(1) })
			for k := range calls {
				if c := calls[k].Load(); c != 1 {
					t.Errorf("%d threads: %d of %d was called %d times", threads, k, n, c)
				}
			}
		}
	}
}
