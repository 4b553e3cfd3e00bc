package activities

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Running fits share the cores; those that began first have what remains; every fit has one
// core, and the last one all, up to the most a fit may use.
func TestCoresAreShared(t *testing.T) {
	for _, c := range []struct {
		total, most, fits int
		want              []int
	}{
		{2, 2, 1, []int{2}},
		{2, 2, 2, []int{1, 1}},
		{2, 2, 3, []int{1, 1, 1}},
		{8, 8, 3, []int{3, 3, 2}},
		{8, 2, 3, []int{2, 2, 2}},
	} {
		cores := NewCores(c.total, c.most)
		var seats []*seat
		for range c.fits {
			seats = append(seats, cores.enter())
		}
		var got []int
		for _, s := range seats {
			got = append(got, s.share())
		}
		require.Equal(t, c.want, got, "%+v", c)
		for _, s := range seats[:c.fits-1] {
			s.leave()
		}
		require.Equal(t, min(c.total, c.most), seats[c.fits-1].share(), "the last fit of %+v", c)
	}
}

// A fit that has left counts no more and keeps one core; a worker without a budget gives
// every fit one.
func TestSeatsEnd(t *testing.T) {
	cores := NewCores(4, 4)
	gone, stays := cores.enter(), cores.enter()
	gone.leave()
	gone.leave()
	require.Equal(t, 1, gone.share())
	require.Equal(t, 4, stays.share())

	var none *Cores
	s := none.enter()
	require.Equal(t, 1, s.share())
	s.leave()
	require.Panics(t, func() { NewCores(0, 1) })
	require.Panics(t, func() { NewCores(1, 0) })
}

// Fits that begin and end at the same time are never given more than there is beyond one
// core a fit.
func TestCoresRace(t *testing.T) {
	cores := NewCores(3, 3)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				s := cores.enter()
				if n := s.share(); n < 1 || n > 3 {
					t.Errorf("a share of %d", n)
				}
				s.leave()
			}
		})
	}
	wg.Wait()
	require.Empty(t, cores.seats)
}
