package tree

import "everfold/survival"

// Tree sends rows of a design to leaves. Node 0 is the root; a node's left child follows
// it, so that only right children are stored.
type Tree struct {
	// Feature is the design column a node splits on, or −1−leaf.
	Feature []int32
	// Threshold: x ≤ Threshold goes left. +Inf: present values left, missing ones right.
	Threshold []float64
	// Right is the right child.
	Right []int32
	// GapLeft says whether missing values go left.
	GapLeft []bool
	// Leaves is their number.
	Leaves int
}

// Leaf finds the leaf of a row of covariates, in the order of the design's columns.
func (t *Tree) Leaf(row []float64) int {
	i := 0
	for {
		f := t.Feature[i]
		if f < 0 {
			return int(-1 - f)
		}
		v := row[f]
		if v <= t.Threshold[i] || (v != v && t.GapLeft[i]) {
			i++
		} else {
			i = int(t.Right[i])
		}
	}
}

// Assign finds the leaf of every row of an aligned design, on so many goroutines.
func (t *Tree) Assign(x *survival.Design, leaf []int32, threads int) {
	if len(leaf) != x.Rows {
		panic("tree: leaf and design differ in length")
	}
	survival.Each((x.Rows+chunk-1)/chunk, threads, func(k int) {
		for i := k * chunk; i < min((k+1)*chunk, x.Rows); i++ {
			at := 0
			for t.Feature[at] >= 0 {
				v := x.Columns[t.Feature[at]].Values[i]
				if v <= t.Threshold[at] || (v != v && t.GapLeft[at]) {
					at++
				} else {
					at = int(t.Right[at])
				}
			}
			leaf[i] = -1 - t.Feature[at]
		}
	})
}

// add appends a node that is a leaf until split.
func (t *Tree) add() int {
	t.Feature = append(t.Feature, int32(-1-t.Leaves))
	t.Threshold = append(t.Threshold, 0)
	t.Right = append(t.Right, 0)
	t.GapLeft = append(t.GapLeft, false)
	return len(t.Feature) - 1
}

// RowMajor copies rows from ≤ i < to of an aligned design into dst, one after another:
// what Leaf reads.
func RowMajor(dst []float64, x *survival.Design, from, to int) {
	p := len(x.Columns)
	for j, c := range x.Columns {
		for i, v := range c.Values[from:to] {
			dst[i*p+j] = v
		}
	}
}
