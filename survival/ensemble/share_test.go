package ensemble

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"everfold/survival/tree"
)

// crew watches the goroutines of one fit: how many grow at once, and how many trees each has
// begun since the share fell. Nothing in it depends on how goroutines are scheduled.
type crew struct {
	mu            sync.Mutex
	working, most int
	begun, falls  int   // the share falls with tree number falls
	late          []int // by goroutine: trees begun from then on
	full          int   // trees wait until so many goroutines have been at work at once
	gathered      chan struct{}
	deadline      context.Context // of that wait: without it a forest that takes none in would hang
}

func newCrew(t *testing.T, full, falls int) *crew {
	deadline, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := &crew{full: full, falls: falls, gathered: make(chan struct{}), deadline: deadline}
	if full <= 1 {
		close(c.gathered)
	}
	return c
}

// join is called once a goroutine, by its own newGrower; the first is the one that stays.
func (c *crew) join() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = append(c.late, 0)
	return len(c.late) - 1
}

// begin notes a tree that a goroutine begins, and waits until the crew has been complete.
func (c *crew) begin(member int) {
	c.mu.Lock()
	c.working++
	c.begun++
	if c.working > c.most {
		c.most = c.working
		if c.most == c.full && c.full > 1 {
			close(c.gathered)
		}
	}
	if c.begun >= c.falls {
		c.late[member]++
	}
	c.mu.Unlock()
	select {
	case <-c.gathered:
	case <-c.deadline.Done():
	}
}

func (c *crew) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.working--
}

// share is full until the tree with which it falls has begun, then 1.
func (c *crew) share() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun < c.falls {
		return c.full
	}
	return 1
}

// A forest takes in goroutines when it may and lets them go when it must, never has more at
// work than it may, and ends with the bytes that one goroutine gives.
func TestShareChanges(t *testing.T) {
	x, y := example()
	const trees, falls = 60, 20
	grown := func(c *crew, share func() int) []byte {
		p := planned(t, x, y, Options{Trees: trees, Seed: 3, Working: share})
		whole := p.NewGrower()
		p.NewGrower = func() Grower {
			member := c.join()
			return func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error) {
				c.begin(member)
				defer c.end()
				return whole(ctx, b, count)
			}
		}
		m, err := p.Grow(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		file, _ := m.MarshalBinary() // never fails
		return file
	}

	one := newCrew(t, 1, falls)
	alone := grown(one, nil)
	if one.most != 1 || len(one.late) != 1 {
		t.Errorf("%d goroutines, %d at once, where none were allowed", len(one.late), one.most)
	}

	three := newCrew(t, 3, falls)
	if shared := grown(three, three.share); !bytes.Equal(alone, shared) {
		t.Error("the share changed the forest")
	}
	if three.most != 3 {
		t.Errorf("%d at work at once where three might", three.most)
	}
	// One that asked just before the share fell begins one more tree; after it, it leaves.
	for member, late := range three.late[1:] {
		if late > 1 {
			t.Errorf("goroutine %d began %d trees after only one might grow", member+1, late)
		}
	}
	if three.late[0] < trees-falls-1 {
		t.Errorf("the goroutine that stays grew %d of the last %d trees", three.late[0], trees-falls)
	}
}
