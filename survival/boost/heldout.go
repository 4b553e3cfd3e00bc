package boost

import (
	"math"

	"everfold/survival"
	"everfold/survival/resample"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// sides are the rows that trees are fitted to, and those that judge them.
type sides struct {
	x     *survival.Design
	y     survival.Outcome
	held  *survival.Design // nil: none
	heldY survival.Outcome
}

// divide holds out a share of the rows: whole groups, balanced by event. It holds out none
// where no event would be left to fit.
func divide(x *survival.Design, y survival.Outcome, share float64, fit survival.FitOptions) sides {
	out := int(math.Round(share * float64(x.Rows)))
	if out == 0 {
		return sides{x: x, y: y}
	}
	held := resample.SampleRows(x.Rows, y.Event, fit.Inner.Group, out, resample.SubSeed(fit.Seed, "boost held out"))
	rest := make([]int, 0, x.Rows-len(held))
	for i, next := 0, held; i < x.Rows; i++ {
		if len(next) > 0 && next[0] == i {
			next = next[1:]
			continue
		}
		rest = append(rest, i)
	}
	fitted := y.Take(rest)
	if fitted.Events() == 0 {
		return sides{x: x, y: y}
	}
	return sides{x: x.Take(rest), y: fitted, held: x.Take(held), heldY: y.Take(held)}
}

// heldOut judges the number of trees by the log partial likelihood of rows that no tree has
// seen, among themselves. A nil *heldOut finds every number of trees best.
type heldOut struct {
	x      *survival.Design // rows in the order of time
	loss   *loss
	leaf   []int32
	judges bool // there is an event among them
	best   float64
	bestAt int // trees
}

func newHeldOut(x *survival.Design, y survival.Outcome, threads int) *heldOut {
	order := riskset.New(y, nil)
	h := &heldOut{x: x.Take(order.Rows), loss: newLoss(order, y, threads), leaf: make([]int32, x.Rows), judges: y.Events() > 0}
	h.best = h.loss.value()
	return h
}

// share is how many goroutines may work from now on.
func (h *heldOut) share(threads int) {
	if h != nil {
		h.loss.threads = threads
	}
}

// add judges the fit with one more tree.
func (h *heldOut) add(t *tree.Tree, values []float64, trees int) {
	if h == nil {
		return
	}
	t.Assign(h.x, h.leaf, h.loss.threads)
	h.loss.add(h.leaf, values)
	if v := h.loss.value(); v > h.best {
		h.best, h.bestAt = v, trees
	}
}

// done says whether patience has run out after so many trees.
func (h *heldOut) done(trees, patience int) bool {
	return h != nil && h.judges && patience > 0 && trees-h.bestAt >= patience
}

// trees is the best number of trees among so many.
func (h *heldOut) trees(all int) int {
	if h == nil || !h.judges {
		return all
	}
	return h.bestAt
}
