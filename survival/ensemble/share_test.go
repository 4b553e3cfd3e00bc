package ensemble

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"everfold/survival"
	"everfold/survival/tree"
)

// A forest takes in goroutines when it may and lets them go when it must, never has more at
// work than it may, and ends with the bytes that one goroutine gives.
func TestShareChanges(t *testing.T) {
	x, y := example()
	s, err := NewSample(context.Background(), y, survival.TimesExact)
	if err != nil {
		t.Fatal(err)
	}
	const trees = 60
	var begun, working, most, before, after atomic.Int64
	grown := func(share func() int) []byte {
		m, err := Grow(context.Background(), testKind(), x, s, Options{Trees: trees, Seed: 3, Working: share}, func() Grower {
			return func(_ context.Context, _ int, count []uint32) (Tree, *tree.Leaves, error) {
				now := working.Add(1)
				defer working.Add(-1)
				most.Store(max(most.Load(), now))
				switch n := begun.Add(1); {
				case n > 5 && n < 20:
					before.Store(max(before.Load(), now))
				case n > 25:
					after.Store(max(after.Load(), now))
				}
				for range 300 { // others get their turn while this tree grows
					runtime.Gosched()
				}
				return halves{}, leavesOf(x, s, count), nil
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		file, _ := m.MarshalBinary() // never fails
		return file
	}
	alone := grown(nil)
	if most.Load() != 1 {
		t.Errorf("%d goroutines where none were allowed", most.Load())
	}
	begun.Store(0)
	before.Store(0)
	after.Store(0)
	shared := grown(func() int { // three, then one
		if begun.Load() < 20 {
			return 3
		}
		return 1
	})
	if !bytes.Equal(alone, shared) {
		t.Error("the share changed the forest")
	}
	if most.Load() > 3 || before.Load() < 2 || after.Load() != 1 {
		t.Errorf("at most %d at work, %d while three might, %d while one might", most.Load(), before.Load(), after.Load())
	}
}
