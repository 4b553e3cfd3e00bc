package activities

import (
	"slices"
	"sync"
)

// Cores is the budget of cores of one worker process: its running fits share it in equal
// parts, those that began first have what remains, and every fit has at least one. The
// parts change as fits begin and end, so a fit that is left alone gets all of them. It is
// safe for concurrent use; nil is one core a fit.
type Cores struct {
	total, most int

	mu    sync.Mutex
	seats []*seat // of the running fits, in the order in which they began
}

// NewCores is a budget of total cores, of which one fit uses at most most. It panics where
// either is below 1.
func NewCores(total, most int) *Cores {
	if total < 1 || most < 1 {
		panic("activities: a budget needs at least one core")
	}
	return &Cores{total: total, most: most}
}

// threads is how many one fit may use at most.
func (c *Cores) threads() int {
	if c == nil {
		return 1
	}
	return min(c.total, c.most)
}

// seat is one running fit's claim.
type seat struct{ cores *Cores }

// enter begins a fit; leave ends it.
func (c *Cores) enter() *seat {
	s := &seat{c}
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seats = append(c.seats, s)
	}
	return s
}

func (s *seat) leave() {
	if c := s.cores; c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seats = slices.DeleteFunc(c.seats, func(other *seat) bool { return other == s })
	}
}

// share is how many threads the fit may use now.
func (s *seat) share() int {
	c := s.cores
	if c == nil {
		return 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.seats, s)
	if at < 0 {
		return 1
	}
	n := c.total / len(c.seats)
	if at < c.total%len(c.seats) {
		n++
	}
	return min(max(1, n), c.most)
}
