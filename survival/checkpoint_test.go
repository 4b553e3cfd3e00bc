package survival_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/survtest"
)

// A loop that sums squares keeps its state and goes on from it.
func ExampleCheckpoints() {
	sum := func(c survival.Checkpoints) (total, steps int) {
		from := 0
		if state, ok := survival.Kept(context.Background(), c, "sum"); ok {
			if _, err := fmt.Sscan(string(state), &from, &total); err != nil {
				from, total = 0, 0
			}
		}
		for i := from; i < 10; i++ {
			total += i * i
			steps++
			survival.Keep(context.Background(), c, "sum", func() []byte { return fmt.Append(nil, i+1, " ", total) })
		}
		return total, steps
	}
	first := survtest.NewCheckpoints(nil)
	fmt.Println(sum(first))
	fmt.Println(sum(survtest.NewCheckpoints(first.Left()[6]))) // the worker was lost after 7 steps
	// Output:
	// 285 10
	// 285 3
}

// Without checkpoints nothing is encoded, loaded or found within.
func TestNoCheckpoints(t *testing.T) {
	survival.Keep(t.Context(), nil, "a", func() []byte { t.Error("encoded"); return nil })
	if state, ok := survival.Kept(t.Context(), nil, "a"); ok || state != nil {
		t.Error("something was kept")
	}
	if survival.Within(nil, "part") != nil {
		t.Error("there is something within nothing")
	}
}

// Fits within a fit have pieces of their own.
func TestWithin(t *testing.T) {
	whole := survtest.NewCheckpoints(nil)
	a, b := survival.Within(whole, "a"), survival.Within(survival.Within(whole, "b"), "c")
	survival.Keep(t.Context(), a, "x", func() []byte { return []byte("1") })
	survival.Keep(t.Context(), b, "x", func() []byte { return []byte("2") })
	left := whole.Left()
	if names := slices.Sorted(maps.Keys(left[len(left)-1])); !slices.Equal(names, []string{"a/x", "b/c/x"}) {
		t.Errorf("pieces %v", names)
	}
	if state, ok := survival.Kept(t.Context(), b, "x"); !ok || string(state) != "2" {
		t.Errorf("%q, %v", state, ok)
	}
	if _, ok := survival.Kept(t.Context(), b, "y"); ok {
		t.Error("a piece that was never saved")
	}
}
