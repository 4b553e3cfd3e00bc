package boost

import (
	"bytes"
	"testing"

	"everfold/survival"
	"everfold/survival/survtest"
	"everfold/survival/tree"
)

// A fit of many blocks of rows and of packed sums goes on to the same bytes.
func TestResumeManyRows(t *testing.T) {
	x, y, _ := churn(12*tree.Stretch + 500)
	for _, opt := range []Options{{Leaf: Newton}, {Subsample: 0.7, Validation: 0.2}} {
		opt.Trees = 6
		all := survtest.NewCheckpoints(nil)
		want := mustFit(t, x, y, opt, survival.FitOptions{Seed: 1, Checkpoints: all})
		for k, left := range all.Left() {
			m := mustFit(t, x, y, opt, survival.FitOptions{Seed: 1, Threads: 2, Checkpoints: survtest.NewCheckpoints(left)})
			for i := range m.trees {
				for l, v := range m.values[i] {
					if v != want.values[i][l] {
						t.Fatalf("%+v: resumed after %d trees, tree %d differs", opt, k+1, i)
					}
				}
			}
			if !bytes.Equal(file(t, m), file(t, want)) {
				t.Errorf("%+v: other bytes after %d trees", opt, k+1)
			}
		}
	}
}
