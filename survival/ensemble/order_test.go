package ensemble

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"everfold/survival"
	"everfold/survival/survtest"
	"everfold/survival/tree"
)

// Trees that outrun a slow one wait for it: no more than so many begin before it is added,
// and the predictions have the bits of a single goroutine's, from checkpoints written in that
// order, too.
func TestTreesOutrunASlowOne(t *testing.T) {
	x, y := example()
	const trees = 3 * ahead
	opt := Options{Trees: trees, Seed: 5}
	q := survival.Query{Design: x, Times: []float64{1, 2, 3, 4}}
	want, err := planned(t, x, y, opt).Predict(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}

	deadline, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	kept := survtest.NewCheckpoints(nil)
	opt.Working, opt.Checkpoints = two, kept
	p := planned(t, x, y, opt)
	whole := p.NewGrower()
	outrun := make(chan struct{}) // all trees that may outrun tree 0 have
	var mu sync.Mutex
	begun, most, slow := 0, 0, true
	p.NewGrower = func() Grower {
		return func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error) {
			mu.Lock()
			begun++
			if slow {
				most = max(most, begun)
			}
			if begun == ahead {
				close(outrun)
			}
			mu.Unlock()
			if b == 0 {
				select {
				case <-outrun:
				case <-deadline.Done():
				}
				mu.Lock()
				slow = false
				mu.Unlock()
			}
			return whole(ctx, b, count)
		}
	}
	got, err := p.Predict(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if most != ahead {
		t.Errorf("%d trees begun while the first was growing, want %d", most, ahead)
	}
	requireSame(t, "two goroutines", got, want)

	left := kept.Left()
	for _, k := range []int{0, ahead / 2, len(left) - 1} {
		opt.Checkpoints = survtest.NewCheckpoints(left[k])
		again, err := planned(t, x, y, opt).Predict(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		requireSame(t, "resumed", again, want)
	}
}

func requireSame(t *testing.T, says string, got, want *survival.Predictions) {
	t.Helper()
	if !slices.Equal(got.Risk, want.Risk) || !slices.Equal(got.Survival, want.Survival) || got.Report.OutOfBag != want.Report.OutOfBag {
		t.Errorf("%s: %+v, want %+v", says, got, want)
	}
}

// A tree that fails ends a fit whose other goroutine waits for it.
func TestFailureWakesThoseThatWait(t *testing.T) {
	x, y := example()
	deadline, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := planned(t, x, y, Options{Trees: 2 * ahead, Working: two})
	whole := p.NewGrower()
	outrun := make(chan struct{})
	p.NewGrower = func() Grower {
		return func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error) {
			if b == ahead-1 {
				close(outrun)
			}
			if b == 0 {
				select {
				case <-outrun:
				case <-deadline.Done():
				}
				return nil, nil, errSeven
			}
			return whole(ctx, b, count)
		}
	}
	if _, err := p.Grow(context.Background()); err != errSeven {
		t.Errorf("%v", err)
	}
}

// A piece that holds what no attempt of this fit has written is left alone.
func TestPiecesOfAnotherForest(t *testing.T) {
	x, y := example()
	kept := survtest.NewCheckpoints(nil)
	opt := Options{Trees: 6, NoBootstrap: true, Checkpoints: kept}
	if _, err := planned(t, x, y, opt).Grow(context.Background()); err != nil {
		t.Fatal(err)
	}
	left := kept.Left()
	opt.Trees, opt.Checkpoints = 2, survtest.NewCheckpoints(left[len(left)-1])
	m, err := planned(t, x, y, opt).Grow(context.Background())
	if err != nil || len(m.trees) != 2 {
		t.Errorf("%v, %d trees", err, len(m.trees))
	}
}
