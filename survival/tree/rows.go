package tree

// rowSet is the rows of a tree under growth, moved physically so that every node is one
// stretch of them: packed codes by word, and a tag that belongs to the criterion. Rows of a
// node keep the order of the Matrix.
type rowSet struct {
	width uint
	words [][]uint64
	tags  []uint64

	spare, other []uint64 // buffers of the partition
	side         []uint8  // by row of the node: 1 where it goes left
	// seen is, for codes of 8 bits, those of the rows last marked.
	seen [256]bool
}

// load takes the rows that take names, ascending and distinct, with their tags.
func (r *rowSet) load(m *Matrix, take []int32, tags []uint64) {
	n := len(take)
	r.width = m.width
	r.words = resize(r.words, len(m.words))
	for q, src := range m.words {
		dst := resize(r.words[q], n)
		if n == m.rows { // all of them, and take ascends
			copy(dst, src)
		} else {
			for i, row := range take {
				dst[i] = src[row]
			}
		}
		r.words[q] = dst
	}
	r.tags = append(r.tags[:0], tags...)
	r.buffers(n)
}

// buffers makes the buffers of the partition long enough.
func (r *rowSet) buffers(n int) {
	r.spare, r.other, r.side = resize(r.spare, n), resize(r.other, n), resize(r.side, n)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// at finds column k: its word, and where its code lies in it.
func (r *rowSet) at(k int) (word []uint64, shift uint, mask uint64) {
	per := int(64 / r.width)
	return r.words[k/per], uint(k%per) * r.width, 1<<r.width - 1
}

// mark writes into side which rows of the stretch go left, and into seen which codes they
// have. slots is how many codes the column has.
func (r *rowSet) mark(lo, hi, k, slots int, rule rule) {
	word, shift, mask := r.at(k)
	if r.width == 8 {
		var table [256]uint8
		sides(rule, table[:slots], 1, 0)
		word, side := word[lo:hi], r.side[:hi-lo]
		clear(r.seen[:slots])
		for i, x := range word {
			code := uint8(x >> (shift & 63))
			side[i] = table[code]
			r.seen[code] = true
		}
		return
	}
	side := r.side[:hi-lo]
	for i, x := range word[lo:hi] {
		side[i] = rule.left(x >> (shift & 63) & mask)
	}
}

// partition moves the rows of side 1 to the front, stably, and returns how many there are.
// With tagsOnly codes stay where they are: for sides that will not be searched.
func (r *rowSet) partition(lo, hi int, tagsOnly bool) int {
	side := r.side[:hi-lo]
	words := r.words
	if tagsOnly {
		words = nil
	}
	for len(words) >= 2 {
		divideTwo(words[0][lo:hi], words[1][lo:hi], r.spare, r.other, side)
		words = words[2:]
	}
	if len(words) == 1 {
		return divideTwo(words[0][lo:hi], r.tags[lo:hi], r.spare, r.other, side)
	}
	return divide(r.tags[lo:hi], r.spare, side)
}

// divide writes both sides without a branch, advancing by 0 or 1.
func divide(word, spare []uint64, side []uint8) int {
	l := 0
	spare, side = spare[:len(word)], side[:len(word)]
	for i, x := range word {
		word[l] = x
		spare[i-l] = x
		l += int(side[i])
	}
	copy(word[l:], spare)
	return l
}

// divideTwo divides two arrays alike.
func divideTwo(a, b, spareA, spareB []uint64, side []uint8) int {
	l := 0
	n := len(side)
	a, b, spareA, spareB = a[:n], b[:n], spareA[:n], spareB[:n]
	for i, s := range side {
		x, y := a[i], b[i]
		a[l], b[l] = x, y
		spareA[i-l], spareB[i-l] = x, y
		l += int(s)
	}
	copy(a[l:], spareA)
	copy(b[l:], spareB)
	return l
}

// rule says which codes of a column go left.
type rule struct {
	single    bool   // all but one code: threshold
	threshold uint64 // codes up to it
	extra     uint64 // the code outside of the order, or above every code
	extraLeft uint8
}

func (r rule) left(code uint64) uint8 {
	switch {
	case r.single && code != r.threshold, !r.single && code <= r.threshold:
		return 1
	case !r.single && code == r.extra:
		return r.extraLeft
	}
	return 0
}

// sides fills a table by code: what goes left, and what goes right.
func sides[T any](r rule, table []T, left, right T) {
	if r.single {
		for c := range table {
			table[c] = left
		}
		table[r.threshold] = right
		return
	}
	k := min(int(r.threshold)+1, len(table))
	for c := range table[:k] {
		table[c] = left
	}
	for c := range table[k:] {
		table[k+c] = right
	}
	if r.extra < uint64(len(table)) {
		table[r.extra] = right
		if r.extraLeft == 1 {
			table[r.extra] = left
		}
	}
}
