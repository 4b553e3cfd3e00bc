package tree

import (
	"math"

	"everfold/survival/modelfile"
)

// Write appends the tree to a model file: its nodes in order, −1 for a leaf, else twice the
// design column plus 1 where missing values go left; then the thresholds. Right children
// and leaf numbers follow from the order.
func (t *Tree) Write(w *modelfile.Writer) {
	nodes := make([]int32, len(t.Feature))
	var thresholds []float64
	for i, f := range t.Feature {
		if f < 0 {
			nodes[i] = -1
			continue
		}
		nodes[i] = 2 * f
		if t.GapLeft[i] {
			nodes[i]++
		}
		thresholds = append(thresholds, t.Threshold[i])
	}
	w.Int32s(nodes)
	w.Floats(thresholds)
}

// maxTurns is how many splits may lie one on the left of another. Whoever sends rows down a tree goes that
// deep, a goroutine's stack ends at a gigabyte, and a model file may hold any tree.
const maxTurns = 1 << 20

// Read reads a tree over the given number of design columns. What is not one, or has more than
// maxTurns splits each on the left of another, is a failure of r, and the result is then nil.
func Read(r *modelfile.Reader, columns int) *Tree {
	nodes, thresholds := r.Int32s(), r.Floats()
	t := &Tree{}
	var open []int // nodes whose right child is still to come
	for i, v := range nodes {
		at := t.add()
		if i > 0 && t.Feature[i-1] < 0 { // after a leaf comes the innermost open right child
			if len(open) == 0 {
				r.Fail("a tree has nodes beyond its last leaf")
				return nil
			}
			t.Right[open[len(open)-1]] = int32(i)
			open = open[:len(open)-1]
		}
		switch {
		case v == -1:
			t.Leaves++
		case len(open) == maxTurns:
			r.Fail("a tree is too deep")
			return nil
		case v < 0 || int(v/2) >= columns || len(thresholds) == 0 || math.IsNaN(thresholds[0]):
			r.Fail("a tree splits on what is not there")
			return nil
		default:
			t.Feature[at], t.GapLeft[at], t.Threshold[at] = v/2, v%2 == 1, thresholds[0]
			thresholds = thresholds[1:]
			open = append(open, at)
		}
	}
	if len(nodes) == 0 || len(open) > 0 || len(thresholds) > 0 {
		r.Fail("a tree is incomplete")
		return nil
	}
	return t
}

// Write appends the leaves to a model file.
func (l *Leaves) Write(w *modelfile.Writer) {
	w.Int32s(l.Offset)
	w.Int32s(l.Rank)
	w.Float32s(l.Events)
	w.Float32s(l.AtRisk)
}

// ReadLeaves reads the outcomes of so many leaves over so many distinct times. What is not
// that is a failure of r.
func ReadLeaves(r *modelfile.Reader, leaves, times int) *Leaves {
	l := &Leaves{Offset: r.Int32s(), Rank: r.Int32s(), Events: r.Float32s(), AtRisk: r.Float32s()}
	if !l.valid(leaves, times) {
		r.Fail("the leaves of a tree are not those of its times")
		return nil
	}
	return l
}
