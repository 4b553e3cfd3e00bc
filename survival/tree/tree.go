package tree

import "math"

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

// add appends a node that is a leaf until split.
func (t *Tree) add() int {
	t.Feature = append(t.Feature, int32(-1-t.Leaves))
	t.Threshold = append(t.Threshold, 0)
	t.Right = append(t.Right, 0)
	t.GapLeft = append(t.GapLeft, false)
	return len(t.Feature) - 1
}

// Valid says whether the arrays form a tree over the given number of columns: what a
// decoder checks before it trusts a file.
func (t *Tree) Valid(columns int) bool {
	n := len(t.Feature)
	if n == 0 || len(t.Threshold) != n || len(t.Right) != n || len(t.GapLeft) != n {
		return false
	}
	leaf := 0
	// pending are the right children that must begin where a left subtree ends.
	pending := []int32{}
	for i, f := range t.Feature {
		if f >= 0 {
			if int(f) >= columns || math.IsNaN(t.Threshold[i]) || int(t.Right[i]) >= n {
				return false
			}
			pending = append(pending, t.Right[i])
			continue
		}
		if int(-1-f) != leaf {
			return false
		}
		leaf++
		if len(pending) == 0 {
			return i == n-1 && leaf == t.Leaves
		}
		if int(pending[len(pending)-1]) != i+1 {
			return false
		}
		pending = pending[:len(pending)-1]
	}
	return false
}
