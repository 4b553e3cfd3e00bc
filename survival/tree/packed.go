package tree

import (
	"slices"

	"everfold/survival/modelfile"
)

// Packed is a grown tree as forests keep it and send rows down it: its splits alone, in
// 16 bytes each, in the order of Tree. The number of a leaf follows from the way to it: as
// many leaves as splits come before it in that order, less one for each of the way's turns to
// the left, whose split has leaves on its right that are still to come. It is immutable.
type Packed struct{ splits []packedSplit }

type packedSplit struct {
	threshold float64
	feature   uint32 // design column
	right     uint32 // above the flags: how many splits come before the right side
}

// The flags of packedSplit.right.
const (
	gapGoesLeft = 1 << iota
	leftIsLeaf
	rightIsLeaf
	packedFlags = iota
)

// maxSplits is how many splits a packed tree can number; a grown one has fewer than MaxRows.
const maxSplits = 1 << (32 - packedFlags)

// Pack packs a tree.
func (t *Tree) Pack() *Packed {
	before, n := make([]uint32, len(t.Feature)), uint32(0) // splits before each node
	for i, f := range t.Feature {
		before[i] = n
		if f >= 0 {
			n++
		}
	}
	p := &Packed{make([]packedSplit, 0, n)}
	for i, f := range t.Feature {
		if f < 0 {
			continue
		}
		right := t.Right[i]
		s := packedSplit{threshold: t.Threshold[i], feature: uint32(f), right: before[right] << packedFlags}
		if t.GapLeft[i] {
			s.right |= gapGoesLeft
		}
		if t.Feature[i+1] < 0 {
			s.right |= leftIsLeaf
		}
		if t.Feature[right] < 0 {
			s.right |= rightIsLeaf
		}
		p.splits = append(p.splits, s)
	}
	return p
}

// Leaves is their number.
func (p *Packed) Leaves() int { return len(p.splits) + 1 }

// Write appends the tree to a model file, as Tree.Write does.
func (p *Packed) Write(w *modelfile.Writer) {
	thresholds := make([]float64, len(p.splits))
	for i, s := range p.splits {
		thresholds[i] = s.threshold
	}
	w.Int32s(p.nodes())
	w.Floats(thresholds)
}

// nodes are those of the tree in the order of the file: before each split come the others before
// it, and the leaves that are numbered before it. Trees are of any shape, so that a branch a node
// would be mispredicted every second time; there is none.
func (p *Packed) nodes() []int32 {
	n := len(p.splits)
	nodes := slices.Repeat([]int32{-1}, 2*n+1)
	lefts := make([]uint32, n+1) // by split, turns to the left on the way there; the last is of no split, but of all leaves
	for i := range p.splits {
		s, here := &p.splits[i], lefts[i]
		nodes[i+int(place{uint32(i), here}.number())] = 2*int32(s.feature) + int32(s.right&gapGoesLeft)
		left, right := i+1, int(s.right>>packedFlags)
		if s.right&leftIsLeaf != 0 {
			left = n
		}
		if s.right&rightIsLeaf != 0 {
			right = n
		}
		lefts[left], lefts[right] = here+1, here
	}
	return nodes
}

// ReadPacked reads a tree over the given number of design columns. What is not one is a
// failure of r, and the result is then nil.
func ReadPacked(r *modelfile.Reader, columns int) *Packed {
	t := Read(r, columns)
	if t == nil {
		return nil
	}
	if t.Leaves > maxSplits {
		r.Fail("a tree has more leaves than can be numbered")
		return nil
	}
	return t.Pack()
}

// Route writes, at their places in leaf, the leaves that the given rows fall into; x has the
// values of the design's columns. The rows are sorted anew.
//
// At every split the rows that have come to it are parted at once, without a branch on their
// values: a row that walks alone mispredicts every second turn, which costs twice as much.
func (p *Packed) Route(x [][]float64, rows, leaf []int32) {
	r := router{splits: p.splits, x: x, leaf: leaf, spare: make([]int32, len(rows))}
	if len(p.splits) == 0 {
		r.end(0, rows)
		return
	}
	r.send(place{}, rows)
}

// router sends rows down one tree.
type router struct {
	splits []packedSplit
	x      [][]float64
	leaf   []int32
	spare  []int32
}

// place is a split, or where a leaf lies among them, and how many turns to the left led there.
type place struct{ at, lefts uint32 }

func (p place) left() place { return place{p.at + 1, p.lefts + 1} }

// number is that of the leaf whose place it is: its split turned left once more than leaves
// on the way there were passed.
func (p place) number() int32 { return int32(p.at - p.lefts) }

// alone is up to how many rows walk one by one.
const alone = 4

// send takes rows down from a split.
func (r *router) send(p place, rows []int32) {
	for len(rows) > alone {
		s := &r.splits[p.at]
		n := part(rows, r.spare[:len(rows)], r.x[s.feature], s)
		if s.right&leftIsLeaf != 0 {
			r.end(p.left().number(), rows[:n])
		} else if n > 0 {
			r.send(p.left(), rows[:n])
		}
		p.at, rows = s.right>>packedFlags, rows[n:]
		if s.right&rightIsLeaf != 0 {
			r.end(p.number(), rows)
			return
		}
	}
	for _, row := range rows {
		r.leaf[row] = r.walk(p, row)
	}
}

func (r *router) end(number int32, rows []int32) {
	for _, row := range rows {
		r.leaf[row] = number
	}
}

// part moves the rows that go left to the front, stably, and returns how many there are.
func part(rows, spare []int32, column []float64, s *packedSplit) int {
	left, right := 0, 0
	if s.right&gapGoesLeft != 0 { // NaN is not above the threshold
		for _, row := range rows {
			goes := 0
			if !(column[row] > s.threshold) {
				goes = 1
			}
			rows[left], spare[right] = row, row
			left += goes
			right += 1 - goes
		}
	} else {
		for _, row := range rows {
			goes := 0
			if column[row] <= s.threshold {
				goes = 1
			}
			rows[left], spare[right] = row, row
			left += goes
			right += 1 - goes
		}
	}
	copy(rows[left:], spare[:right])
	return left
}

// walk takes one row from a split to its leaf.
func (r *router) walk(p place, row int32) int32 {
	for {
		s := &r.splits[p.at]
		v := r.x[s.feature][row]
		end := uint32(rightIsLeaf)
		if v <= s.threshold || v != v && s.right&gapGoesLeft != 0 {
			p, end = p.left(), leftIsLeaf
		} else {
			p.at = s.right >> packedFlags
		}
		if s.right&end != 0 {
			return p.number()
		}
	}
}
