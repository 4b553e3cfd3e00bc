package tree

import "everfold/survival"

// Large trees of few levels need not move codes: the words stay those of the Matrix, and a
// node is a stretch of row numbers, ascending. A subtree with fewer rows than codes is
// copied out and recoded like any other (Grower.narrow).

// refer takes the rows that take names without copying their codes.
func (r *rowSet) refer(m *Matrix, take []int32, threads int) {
	n := len(take)
	r.width, r.words, r.threads = m.width, m.words, threads
	r.index, r.away = resize(r.index, n), resize(r.away, n)
	r.eachPiece(0, n, func(_, from, to int) {
		for i, row := range take[from:to] {
			r.index[from+i] = uint32(row)
		}
	})
}

func (r *rowSet) indexed() bool { return r.index != nil }

// length is the number of rows of the tree.
func (r *rowSet) length() int {
	if r.indexed() {
		return len(r.index)
	}
	return len(r.tags)
}

// chunks is how many goroutines' worth of rows a stretch has.
func chunks(rows int) int { return (rows + chunk - 1) / chunk }

// piece is how many rows are moved at a time: fewer than a chunk, so that threads end
// together.
const piece = chunk / 4

func pieces(rows int) int { return (rows + piece - 1) / piece }

// eachPiece works on the pieces of a stretch, on one goroutine where it is short.
func (r *rowSet) eachPiece(lo, hi int, do func(k, from, to int)) {
	threads := min(r.threads, chunks(hi-lo))
	survival.Each(pieces(hi-lo), threads, func(k int) { do(k, lo+k*piece, min(lo+(k+1)*piece, hi)) })
}

// cut is a split of referred rows that is still to be made: where codes lie, and by code
// what goes left.
type cut struct {
	word  []uint64
	shift uint
	table [256]uint8
}

// partitionIndexed is partition: each piece is divided by itself, then its sides are
// brought to their places.
func (r *rowSet) partitionIndexed(lo, hi int) int {
	r.parts = resize(r.parts, pieces(hi-lo))
	r.eachPiece(lo, hi, func(k, from, to int) {
		r.parts[k] = r.cut.divide(r.index[from:to], r.away[from:to])
	})
	if len(r.parts) == 1 {
		return r.parts[0]
	}
	total := 0
	for k := range r.parts {
		total += r.parts[k]
	}
	left := 0
	for k := range r.parts {
		here := r.parts[k]
		r.parts[k] = left
		left += here
	}
	r.eachPiece(lo, hi, func(k, from, to int) {
		end := total
		if k+1 < len(r.parts) {
			end = r.parts[k+1]
		}
		start := r.parts[k]
		copy(r.away[lo+start:], r.index[from:from+end-start])
		copy(r.away[lo+total+(from-lo)-start:], r.index[from+end-start:to])
	})
	r.eachPiece(lo, hi, func(_, from, to int) { copy(r.index[from:to], r.away[from:to]) })
	return total
}

// divide moves rows that go left to the front, and returns how many there are.
func (c *cut) divide(rows, spare []uint32) int {
	l, r := 0, 0
	spare = spare[:len(rows)]
	word, table, shift := c.word, c.table, c.shift&63
	for _, row := range rows {
		s := int(table[uint8(word[row]>>shift)])
		rows[l] = row
		spare[r] = row
		l += s
		r += 1 - s
	}
	copy(rows[l:], spare[:r])
	return l
}

// copyOut moves a node of referred rows into to, with their numbers as tags.
func (n *node) copyOut(to *rowSet) {
	m := n.hi - n.lo
	to.width, to.index = n.rows.width, nil
	to.words = resize(to.words, len(n.rows.words))
	for q, word := range n.rows.words {
		to.words[q] = resize(to.words[q], m)
		for i, row := range n.rows.index[n.lo:n.hi] {
			to.words[q][i] = word[row]
		}
	}
	to.tags = resize(to.tags, m)
	to.buffers(m)
	for i, row := range n.rows.index[n.lo:n.hi] {
		to.tags[i] = uint64(row)
	}
	n.rows, n.lo, n.hi = to, 0, m
}
